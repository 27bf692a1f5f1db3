/** Models, how they are traced, and what is said when that fails. */
import {
  type AnyModel,
  add,
  batchNorm2d,
  CompileError,
  concat,
  conv2d,
  defineModel,
  dropout,
  expectShape,
  identity,
  isModel,
  linear,
  parameter,
  relu,
  repeat,
  reshape,
  scope,
  type TraceOptions,
  trace,
} from "striate";
import { expect, test, vi } from "vitest";
import { simpleCnn } from "../../models/simple-cnn.ts";
import { unet } from "../../models/unet.ts";

/** The message of the CompileError that tracing throws. */
function messageOf(model: AnyModel, options: TraceOptions = {}): string {
  try {
    trace(model, options);
  } catch (error) {
    if (error instanceof CompileError) return error.diagnostics[0]?.message ?? "";
    throw error;
  }
  return "nothing was thrown";
}
const inputs = { x: ["N", 4, 8, 8] } as const;

test("a model is recognised by its form", () => {
  expect(isModel(simpleCnn())).toBe(true);
  expect(isModel({ ...simpleCnn() })).toBe(true);
  expect(isModel(simpleCnn)).toBe(false);
  expect(isModel(null)).toBe(false);
});

test("one tensor returned is called output", () => {
  const { outputs, graph } = trace(defineModel({ name: "m", inputs, forward: ({ x }) => relu(x) }));
  expect(outputs.map((o) => o.name)).toEqual(["output"]);
  expect(graph.outputs.map((v) => [v.name, v.producer?.name])).toEqual([["output", "relu"]]);
});

test("outputs have exactly the names that forward returns, whatever else is called so", () => {
  const model = defineModel({
    name: "m",
    inputs,
    forward({ x }) {
      const a = relu(x);
      const b = relu(a);
      return { relu: b, twice: b, x_again: x, last: relu(b) };
    },
  });
  const { graph } = trace(model);
  expect(graph.outputs.map((v) => v.name)).toEqual(["relu", "twice", "x_again", "last"]);
  expect(
    graph.nodes.map((node) => `${node.outputs.map((v) => v?.name).join()} = ${node.opType}(${node.inputs.map((v) => v?.name).join()})`),
  ).toEqual(["relu_3 = Relu(x)", "relu = Relu(relu_3)", "last = Relu(relu)", "twice = Identity(relu)", "x_again = Identity(x)"]);
});

test("sizes of inputs can be fixed and freed", () => {
  expect(trace(simpleCnn(), { shapes: { input: [5, 1, 28, 28] } }).outputs[0]?.value.type.shape).toEqual([5, 10]);
  const { outputs } = trace(unet({ width: 2 }), { shapes: { input: [1, 3, "4*H", "4*W"] } });
  expect(outputs[0]?.value.type.shape).toEqual([1, 2, "4*H", "4*W"]);
});

test("an odd size that does not survive halving is refused with the reason", () => {
  const model = unet({ width: 2 });
  expect(messageOf(model, { shapes: { input: [1, 3, "H", 32] } })).toBe('concat in "dec2": axis 2: 2*floor(H/4) and floor(H/2) differ');
});

test.each<[what: string, model: AnyModel, options: TraceOptions, message: string]>([
  ["an unknown input", simpleCnn(), { shapes: { image: [1, 1, 28, 28] } }, 'model "SimpleCNN" has no input "image"'],
  [
    "another rank",
    simpleCnn(),
    { shapes: { input: [28, 28] } },
    'input "input" of model "SimpleCNN" has 4 axes, but the shape asked for has 2',
  ],
  ["a negative size", simpleCnn({ imageSize: -3 }), {}, 'input "input": a dim is -3, but must be a natural number'],
  [
    "an expression",
    simpleCnn(),
    { shapes: { input: ["N", 1, "H*16", 28] } },
    'input "input": "H*16" is not a dim: write a name or a multiple such as "16*H"',
  ],
  [
    "channels that are a symbol",
    simpleCnn(),
    { shapes: { input: ["N", "C", 28, 28] } },
    'conv2d "conv1": a size of conv1.weight is "C", but must be a number',
  ],
])("%s in a shape is refused", (_, model, options, message) => {
  expect(messageOf(model, options)).toBe(message);
});

const model = (forward: (tensors: { readonly x: ReturnType<typeof relu<["N", 4, 8, 8]>> }) => unknown): AnyModel =>
  defineModel({ name: "m", inputs, forward });
test.each<[what: string, model: AnyModel, message: string]>([
  ["nothing", model(() => undefined), 'model "m": forward returns undefined, but must return a tensor'],
  ["no tensor", model(() => ({})), 'model "m": forward returns no tensor'],
  ["a promise", model(async ({ x }) => x), 'model "m": forward is asynchronous, but must return tensors at once'],
  ["a number", model(() => ({ y: 3 })), 'model "m": the output "y" is not a tensor'],
  ["an input under its name", model(({ x }) => ({ x })), 'model "m": the output "x" has the name of an input or a parameter'],
])("forward that returns %s is refused", (_, bad, message) => {
  expect(messageOf(bad)).toBe(message);
});

test("two layers of one name are refused, with both places", () => {
  const twice = model(({ x }) => {
    const y = conv2d(x, { outChannels: 4, kernelSize: 1, name: "c" });
    return conv2d(y, { outChannels: 4, kernelSize: 1, name: "c" });
  });
  expect(messageOf(twice)).toBe('conv2d "c": the model has a parameter "c.weight" already');
});

test("layers outside of a model are refused", () => {
  expect(() => parameter("w", [1])).toThrow("parameter: no model is being traced");
});

test("tensors of another run are refused", () => {
  const kept: unknown[] = [];
  trace(model(({ x }) => kept.push(x) && x && relu(x)));
  expect(messageOf(model(({ x }) => add(x, kept[0] as typeof x)))).toBe(
    "add: the second operand belongs to another model or an earlier run of forward",
  );
  expect(messageOf(model(() => relu(3 as never)))).toBe("relu: the input is a number, but must be a tensor");
});

test("a mistake inside a block names the block's call in a note", () => {
  const block = (x: never) => batchNorm2d(x, { numFeatures: 5 as never, name: "bn" });
  try {
    trace(model(({ x }) => scope("layer1", () => repeat(x, 2, (y) => block(y as never) as never))));
    expect.unreachable();
  } catch (error) {
    const [diagnostic] = error instanceof CompileError ? error.diagnostics : [];
    expect(diagnostic?.message).toBe('batchNorm2d "layer1.0.bn": input has 4 channels, but numFeatures is 5');
    expect(diagnostic?.notes.map((note) => note.message)).toEqual([
      `the input comes from the model's input "x", float32[N, 4, 8, 8]`,
      'in the scope "0"',
      'in the scope "layer1"',
    ]);
  }
});

test("the state after a failure is clean", () => {
  expect(messageOf(model(({ x }) => scope("a", () => expectShape(x, [1 as never, 4, 8, 8]) as never)))).toBe(
    'expectShape in "a": the shape is [N, 4, 8, 8], not [1, 4, 8, 8]',
  );
  expect(trace(model(({ x }) => linear(x, { outFeatures: 1 }))).parameters.map((p) => p.name)).toEqual(["linear.weight", "linear.bias"]);
});

test("identity adds no node, and dropout and batch normalisation are in their inference form", () => {
  const { graph } = trace(model(({ x }) => dropout(batchNorm2d(identity(x), { momentum: 0.25 }), 0.1)));
  expect(graph.nodes.map((node) => node.opType)).toEqual(["BatchNormalization", "Dropout"]);
  expect(graph.nodes[0]?.attributes).toMatchObject({ epsilon: 1e-5, momentum: 0.75, training_mode: 0 });
  expect(graph.nodes[1]?.inputs.slice(1).map((v) => v?.elements)).toEqual([[0.1], [0]].map(([v]) => [expect.closeTo(v ?? 0, 7)]));
});

test("a model from one copy of the package is traced by another", async () => {
  vi.resetModules();
  const other: typeof import("../../src/dsl/index.ts") = await import("../../src/dsl/index.ts");
  expect(other.relu).not.toBe(relu);
  const theirs = other.defineModel({
    name: "m",
    inputs,
    forward: ({ x }) => other.scope("a", () => other.conv2d(other.concat([x, x], 1), { outChannels: 2, kernelSize: 3, name: "c" })),
  });
  const traced = trace(theirs);
  expect(traced.parameters.map((p) => p.name)).toEqual(["a.c.weight", "a.c.bias"]);
  expect(traced.outputs[0]?.value.type.shape).toEqual(["N", 2, 6, 6]);
  expect(concat).not.toBe(other.concat);
});

const grid = defineModel({
  name: "Grid",
  inputs: { x: ["N", 2, "H", "8*W"], y: ["N", 2, 1, 1] },
  forward({ x, y }) {
    const sum = add(x, y);
    expectShape(sum, ["N", 2, "H", "8*W"]);
    return reshape(sum, ["N", -1, "8*W"]);
  },
});

test("symbols that a model names are the sizes asked for, in all its inputs", () => {
  const { graph } = trace(grid, { shapes: { x: [3, 2, 5, 16] } });
  expect(graph.inputs.map(({ type }) => type.shape)).toEqual([
    [3, 2, 5, 16],
    [3, 2, 1, 1],
  ]);
  expect(graph.outputs.map(({ type }) => type.shape)).toEqual([[3, 10, 16]]);
  const renamed = trace(grid, { shapes: { x: ["B", 2, "S", "8*S"] } }).graph;
  expect(renamed.outputs.map(({ type }) => type.shape)).toEqual([["B", "2*S", "8*S"]]);
});

test("a symbol that would be two sizes is neither of them", () => {
  const square = defineModel({ name: "Square", inputs: { x: ["N", "S", "S"] }, forward: ({ x }) => relu(x) });
  expect(trace(square, { shapes: { x: [1, "H", "W"] } }).graph.outputs[0]?.type.shape).toEqual([1, "H", "W"]);
});
