/** Weights that are used more than once. */
import {
  add,
  batchNorm2d,
  CompileError,
  conv2d,
  defineModel,
  expectShape,
  flatten,
  linear,
  relu,
  scope,
  sharedScope,
  sub,
  type Tensor,
  trace,
} from "striate";
import { expect, test } from "vitest";

function tower<S>(x: Tensor<S>) {
  return sharedScope("tower", () => {
    const y = relu(batchNorm2d(conv2d(x, { outChannels: 4, kernelSize: 3 }), { name: "bn" }));
    return conv2d(y, { outChannels: 8, kernelSize: 3 });
  });
}

test("a shared scope declares its parameters once, and each entry reads them", () => {
  const siamese = defineModel({
    name: "Siamese",
    inputs: { left: ["N", 1, 9, 9], right: ["N", 1, 9, 9] },
    forward({ left, right }) {
      const difference = sub(tower(left), tower(right));
      expectShape(difference, ["N", 8, 5, 5]);
      return { score: linear(flatten(difference), { outFeatures: 1, name: "score" }) };
    },
  });
  const { graph, parameters } = trace(siamese);
  expect(parameters.map((p) => p.name)).toEqual([
    "tower.conv2d.weight",
    "tower.conv2d.bias",
    "tower.bn.weight",
    "tower.bn.bias",
    "tower.bn.running_mean",
    "tower.bn.running_var",
    "tower.conv2d_1.weight",
    "tower.conv2d_1.bias",
    "score.weight",
    "score.bias",
  ]);
  const convolutions = graph.nodes.filter((node) => node.opType === "Conv");
  expect(convolutions.map((node) => node.inputs[1]?.name)).toEqual([
    "tower.conv2d.weight",
    "tower.conv2d_1.weight",
    "tower.conv2d.weight",
    "tower.conv2d_1.weight",
  ]);
  expect(new Set(graph.nodes.map((node) => node.name)).size).toBe(graph.nodes.length);
});

const thrown = (body: Parameters<typeof defineModel>[0]["forward"]): CompileError => {
  try {
    trace(defineModel({ name: "M", inputs: { x: ["N", 4, 9, 9] }, forward: body }));
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

test("what an entry does has to be what the first did, and a name is declared once in each", () => {
  const conv = (x: Tensor<unknown>, outChannels: number) => sharedScope("s", () => conv2d(x, { outChannels, kernelSize: 1, name: "c" }));
  const other = thrown((inputs) => add(conv(first(inputs), 4), conv(first(inputs), 5)));
  expect(other.diagnostics[0]?.message).toBe('conv2d "s.c": s.c.weight is [5, 4, 1, 1], but the shared parameter is [4, 4, 1, 1]');
  const twice = thrown((inputs) =>
    sharedScope("s", () =>
      conv2d(conv2d(first(inputs), { outChannels: 4, kernelSize: 1, name: "c" }), { outChannels: 4, kernelSize: 1, name: "c" }),
    ),
  );
  expect(twice.diagnostics[0]?.code).toBe("duplicate-parameter");
  const plain = thrown((inputs) =>
    add(
      scope("s", () => relu(first(inputs))),
      conv2d(conv2d(first(inputs), { outChannels: 4, kernelSize: 1, name: "c" }), { outChannels: 4, kernelSize: 1, name: "c" }),
    ),
  );
  expect(plain.diagnostics[0]?.help).toBe(
    "give one of the layers another name, or put each into a scope of its own; sharedScope uses the same weights again",
  );
});
/** The input of the models here, whose shape the tests do not need in types. */
const first = (inputs: object): Tensor<unknown> => Reflect.get(inputs, "x");
