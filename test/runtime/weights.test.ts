import { expect, test } from "vitest";
import { locationAt } from "../../src/ir/location.ts";
import { type TensorData, tensorFrom } from "../../src/ir/tensor-data.ts";
import { convertFloat, type ExpectedTensor, matchWeights } from "../../src/runtime/weights.ts";

const tensor = (shape: readonly number[], dtype: TensorData["dtype"] = "float32"): TensorData =>
  tensorFrom(dtype, shape, new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1));
const expected = new Map<string, ExpectedTensor>([
  ["conv1.weight", { dtype: "float32", shape: [16, 3, 3, 3], location: locationAt("net.ts", 5, 3) }],
  ["conv1.bias", { dtype: "float32", shape: [16] }],
  ["fc.weight", { dtype: "float32", shape: [10, 64] }],
]);
const given = (change: Readonly<Record<string, TensorData | null>>): Map<string, TensorData> => {
  const all: Record<string, TensorData | null> = {
    "fc.weight": tensor([10, 64]),
    "conv1.weight": tensor([16, 3, 3, 3]),
    "conv1.bias": tensor([16]),
    ...change,
  };
  return new Map(Object.entries(all).flatMap(([name, t]) => (t === null ? [] : [[name, t] as const])));
};

test("weights that fit come back in the order wanted", () => {
  expect([...matchWeights(given({}), expected, { source: "w.safetensors" }).keys()]).toEqual(["conv1.weight", "conv1.bias", "fc.weight"]);
});

test("all that does not fit is told at once", () => {
  const weights = given({
    "conv1.bias": null,
    "conv1.weight": tensor([16, 1, 3, 3]),
    "fc.weight": tensor([10, 64], "int32"),
    "head.weight": tensor([2]),
  });
  expect(() => matchWeights(weights, expected, { source: "w.safetensors" })).toThrow(
    `error[weights-mismatch]: w.safetensors does not fit the model: 1 missing, 1 surplus, 2 of another type or shape
  note: missing: "conv1.bias", float32[16]
  note: surplus: "head.weight", float32[2]
  note: net.ts:5:3 does not fit: "conv1.weight" is float32[16, 1, 3, 3], wanted float32[16, 3, 3, 3]
  note: does not fit: "fc.weight" is int32[10, 64], wanted float32[10, 64]`,
  );
});

test("a prefix that all names have is pointed out, whichever side has it", () => {
  const prefixed = new Map([...given({})].map(([name, t]) => [`module.${name}`, t]));
  expect(() => matchWeights(prefixed, expected, { source: "w" })).toThrow(
    `help: the file's names begin with "module.", the others' do not`,
  );
  const wanted = new Map([...expected].map(([name, t]) => [`backbone.${name}`, t]));
  expect(() => matchWeights(given({}), wanted, { source: "w" })).toThrow(
    `help: the model's names begin with "backbone.", the others' do not`,
  );
});

test("surplus names can be left out in silence", () => {
  const weights = given({ "bn.num_batches_tracked": tensor([], "int64") });
  expect(matchWeights(weights, expected, { source: "w", ignore: (name) => name.endsWith(".num_batches_tracked") }).size).toBe(3);
});

test("floats of another width are a mistake, or are converted when asked", () => {
  const half = given({ "conv1.bias": tensorFrom("float16", [16], new Array<number>(16).fill(0.1)) });
  expect(() => matchWeights(half, expected, { source: "w" })).toThrow("help: ask for floats to be converted");
  // 0.1 in float16 is 0.0999755859375.
  expect(matchWeights(half, expected, { source: "w", convertFloats: true }).get("conv1.bias")?.data).toEqual(
    new Float32Array(16).fill(0.0999755859375),
  );
});

test("floats convert between all widths by rounding to nearest even", () => {
  const pi = { dtype: "float64", shape: [3], data: Float64Array.of(Math.PI, -1e-9, 70_000) } as const;
  expect(convertFloat(pi, "float32").data).toEqual(Float32Array.of(3.1415927410125732, -1e-9, 70_000));
  expect(convertFloat(pi, "float16").data).toEqual(Uint16Array.of(0x4248, 0x8000, 0x7c00));
  expect(convertFloat(pi, "bfloat16").data).toEqual(Uint16Array.of(0x4049, 0xb089, 0x4789));
  expect(convertFloat({ dtype: "bfloat16", shape: [1], data: Uint16Array.of(0x4049) }, "float64").data).toEqual(Float64Array.of(3.140625));
});
