import { expect, test } from "vitest";
import { encodeModel, parseModel } from "../../../src/codegen/index.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { numbersOf, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

// Third derivatives are of order 10: differences over 2^-5 are off by 1e-3.
const smooth = { step: 2 ** -5, tolerance: 8e-3 } as const;
const inputs = [
  { data: randomTensor(1, "float32", [2, 4, 3]), shape: ["N", 4, 3] },
  { data: randomTensor(2, "float32", [4]) },
  { data: randomTensor(3, "float32", [4]) },
] as const;

test("instance normalisation has the gradient of differences", async () => {
  await expectGradient({ ...smooth, inputs, build: (b, values) => b.add("InstanceNormalization", values, { epsilon: 0.2 }) });
});
test.each([1, 2, 4])("group normalisation of %i groups has the gradient of differences, through its parts", async (groups) => {
  await expectGradient({
    ...smooth,
    inputs,
    build: (b, values) => b.add("GroupNormalization", values, { num_groups: groups, epsilon: 0.2 }),
  });
});

test("a group of one channel is an instance", async () => {
  const [x, scale, bias] = [randomTensor(4, "float32", [2, 4, 5]), randomTensor(5, "float32", [4]), randomTensor(6, "float32", [4])];
  const b = new GraphBuilder("g");
  const values = [b.input("x", x), b.input("scale", scale), b.input("bias", bias)];
  b.output(b.add("GroupNormalization", values, { num_groups: 4 }), "groups");
  b.output(b.add("InstanceNormalization", values), "instances");
  const { groups, instances } = await runGraph(b.build(), { x, scale, bias });
  const [got, expected] = [groups, instances].map((tensor) => numbersOf(tensor ?? tensorFrom("float32", [0], [])) ?? []);
  expect(got?.length).toBe(40);
  // Scaled behind the kernel in the one, in it in the other.
  got?.forEach((v, i) => {
    expect(Math.abs(v - (expected?.[i] ?? Number.NaN))).toBeLessThan(1e-6 * Math.max(1, Math.abs(v)));
  });
});

test("opset 18's scale of one number per group is spread over the group's channels", () => {
  const vector = (name: string, list: readonly number[]) => ({
    name,
    dataType: 1,
    dims: [list.length],
    rawData: new Uint8Array(Float32Array.from(list).buffer),
  });
  const type = (dims: readonly number[]) => ({ tensorType: { elemType: 1, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } });
  const { graph } = parseModel(
    encodeModel({
      irVersion: 8,
      opsetImport: [{ domain: "", version: 18 }],
      graph: {
        name: "g",
        input: [{ name: "x", type: type([1, 4, 2]) }],
        output: [{ name: "y", type: type([1, 4, 2]) }],
        initializer: [vector("scale", [2, 3]), vector("bias", [5, 7])],
        node: [
          {
            opType: "GroupNormalization",
            input: ["x", "scale", "bias"],
            output: ["y"],
            attribute: [{ name: "num_groups", type: 2, i: 2 }],
          },
        ],
      },
    }),
  );
  const node = graph.nodes.find(({ opType }) => opType === "GroupNormalization");
  expect(node?.inputs.slice(1).map((v) => v?.elements)).toEqual([
    [2, 2, 3, 3],
    [5, 5, 7, 7],
  ]);
});

test("scale has one number per channel, and groups divide the channels", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 6, 4, 4] });
  const four = b.constant("float32", [1, 1, 1, 1]);
  const six = b.constant("float32", [1, 1, 1, 1, 1, 1]);
  expect(() => b.add("InstanceNormalization", [x, four, six])).toThrow(
    "error[channel-mismatch]: InstanceNormalization: input has 6 channels (axis 1 of float32[N, 6, 4, 4]) but scale is float32[4]",
  );
  expect(() => b.add("GroupNormalization", [x, six, six], { num_groups: 4 })).toThrow(
    "error[group-size]: GroupNormalization: 6 channels cannot be cut into 4 groups",
  );
});
