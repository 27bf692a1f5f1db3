/** Models of a few nodes, put together by hand, so that the runtime's tests stand on onnxruntime alone. */
import {
  type AttributeProto,
  encodeModelProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "../../src/codegen/proto/onnx.generated.ts";
import { newWriter } from "../../src/codegen/proto/wire.ts";
import type { TrainingManifest } from "../../src/codegen/training-manifest.ts";
import type { Batch, BatchLoader } from "../../src/data/batch-loader.ts";
import { type DType, dtypes } from "../../src/ir/dtype.ts";
import { bytesOf, type TensorData } from "../../src/ir/tensor-data.ts";

/** A value's name and type; no shape leaves the rank open. */
export const value = (name: string, elemType: number, shape?: readonly (number | string)[]): ValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType,
      ...(shape === undefined
        ? {}
        : { shape: { dim: shape.map((d) => (typeof d === "number" ? { dimValue: d } : d === "" ? {} : { dimParam: d })) } }),
    },
  },
});
export const tensorOf = (name: string, dtype: DType, shape: readonly number[], data: TensorData["data"]): TensorProto => ({
  name,
  dataType: dtypes[dtype].onnx,
  dims: shape,
  rawData: bytesOf({ dtype, shape, data }),
});
export const int = (name: string, i: number): AttributeProto => ({ name, i, type: 2 });
export const node = (
  opType: string,
  input: readonly string[],
  output: string | readonly string[],
  attribute: readonly AttributeProto[] = [],
  line?: number,
): NodeProto => ({
  opType,
  input,
  output: typeof output === "string" ? [output] : output,
  name: `${typeof output === "string" ? output : output[0]}/${opType}`,
  attribute,
  ...(line === undefined ? {} : { metadataProps: [{ key: "striate.location", value: `/models/net.ts:${line}:5` }] }),
});
export const modelOf = (graph: GraphProto, more: ModelProto = {}): Uint8Array =>
  encodeModelProto(newWriter(), {
    irVersion: 10,
    opsetImport: [{ domain: "", version: 18 }],
    graph: { name: "g", ...graph },
    ...more,
  }).finish();

const [float, int64] = [1, 7];

/** A training graph with what goes with it. */
export interface TinyTraining {
  readonly model: Uint8Array;
  readonly evaluation: Uint8Array;
  readonly manifest: TrainingManifest;
  readonly state: Map<string, TensorData>;
}

/**
 * Linear regression with momentum: x float32[N, 4] to y float32[N, 2], mean squared error. Reads every scalar, so that none can be lost.
 * `ballast` numbers of state that nothing reads make checkpoints as large as one likes.
 */
export const regression = (ballast = 1): TinyTraining => ({
  state: regressionState(ballast),
  model: modelOf({
    input: [
      value("x", float, ["N", 4]),
      value("t", float, ["N", 2]),
      value("learning_rate", float, []),
      value("step", int64, []),
      value("seed", int64, []),
      value("fc.weight", float, [4, 2]),
      value("fc.bias", float, [2]),
      value("sgd.momentum.fc.weight", float, [4, 2]),
      value("ballast", float, [ballast]),
    ],
    output: [
      value("loss", float, []),
      value("close", int64, []),
      value("fc.weight.next", float, [4, 2]),
      value("fc.bias.next", float, [2]),
      value("sgd.momentum.fc.weight.next", float, [4, 2]),
      value("ballast.next", float, [ballast]),
    ],
    initializer: [
      tensorOf("two", "float32", [], Float32Array.of(2)),
      tensorOf("half", "float32", [], Float32Array.of(0.5)),
      tensorOf("mu", "float32", [], Float32Array.of(0.9)),
      tensorOf("seven", "int64", [], BigInt64Array.of(7n)),
      tensorOf("small", "float32", [], Float32Array.of(0.01)),
      tensorOf("axis", "int64", [1], BigInt64Array.of(0n)),
    ],
    node: [
      node("MatMul", ["x", "fc.weight"], "xw", [], 3),
      node("Add", ["xw", "fc.bias"], "y", [], 3),
      node("Sub", ["y", "t"], "d"),
      node("Mul", ["d", "d"], "dd"),
      node("ReduceMean", ["dd"], "loss", [int("keepdims", 0)]),
      node("Abs", ["d"], "size"),
      node("Less", ["size", "half"], "near"),
      node("Cast", ["near"], "near64", [int("to", int64)]),
      node("ReduceSum", ["near64"], "close", [int("keepdims", 0)]),
      node("Size", ["d"], "count"),
      node("Cast", ["count"], "n", [int("to", float)]),
      node("Mul", ["two", "d"], "d2"),
      node("Div", ["d2", "n"], "g"),
      node("Transpose", ["x"], "xT"),
      node("MatMul", ["xT", "g"], "gW0"),
      node("Mod", ["seed", "seven"], "random"),
      node("Cast", ["random"], "noise0", [int("to", float)]),
      node("Mul", ["noise0", "small"], "noise"),
      node("Add", ["gW0", "noise"], "gW"),
      node("ReduceSum", ["g", "axis"], "gb", [int("keepdims", 0)]),
      node("Mul", ["mu", "sgd.momentum.fc.weight"], "m0"),
      node("Add", ["m0", "gW"], "sgd.momentum.fc.weight.next"),
      node("Mul", ["learning_rate", "sgd.momentum.fc.weight.next"], "uW"),
      node("Sub", ["fc.weight", "uW"], "fc.weight.next"),
      node("Cast", ["step"], "t_float", [int("to", float)]),
      node("Div", ["learning_rate", "t_float"], "lr_b"),
      node("Mul", ["lr_b", "gb"], "ub"),
      node("Sub", ["fc.bias", "ub"], "fc.bias.next"),
      node("Add", ["ballast", "half"], "ballast.next"),
    ],
  }),
  evaluation: modelOf({
    input: [value("x", float, ["N", 4]), value("t", float, ["N", 2]), value("fc.weight", float, [4, 2]), value("fc.bias", float, [2])],
    output: [value("y", float, ["N", 2]), value("loss", float, []), value("close", int64, [])],
    initializer: [tensorOf("half", "float32", [], Float32Array.of(0.5))],
    node: [
      node("MatMul", ["x", "fc.weight"], "xw"),
      node("Add", ["xw", "fc.bias"], "y"),
      node("Sub", ["y", "t"], "d"),
      node("Mul", ["d", "d"], "dd"),
      node("ReduceMean", ["dd"], "loss", [int("keepdims", 0)]),
      node("Abs", ["d"], "size"),
      node("Less", ["size", "half"], "near"),
      node("Cast", ["near"], "near64", [int("to", int64)]),
      node("ReduceSum", ["near64"], "close", [int("keepdims", 0)]),
    ],
  }),
  manifest: {
    version: 1,
    batch: ["x"],
    targets: ["t"],
    scalars: { learning_rate: "float32", step: "int64", seed: "int64" },
    loss: "loss",
    metrics: { close: "close" },
    state: [
      { name: "fc.weight", role: "parameter", input: "fc.weight", output: "fc.weight.next", dtype: "float32", shape: [4, 2] },
      { name: "fc.bias", role: "parameter", input: "fc.bias", output: "fc.bias.next", dtype: "float32", shape: [2] },
      {
        name: "sgd.momentum.fc.weight",
        role: "optimizer",
        of: "fc.weight",
        input: "sgd.momentum.fc.weight",
        output: "sgd.momentum.fc.weight.next",
        dtype: "float32",
        shape: [4, 2],
      },
      { name: "ballast", role: "buffer", input: "ballast", output: "ballast.next", dtype: "float32", shape: [ballast] },
    ],
  },
});

const regressionState = (ballast: number): Map<string, TensorData> =>
  new Map<string, TensorData>([
    ["ballast", { dtype: "float32", shape: [ballast], data: new Float32Array(ballast) }],
    ["fc.weight", { dtype: "float32", shape: [4, 2], data: Float32Array.from({ length: 8 }, (_, i) => 0.1 * i - 0.3) }],
    ["fc.bias", { dtype: "float32", shape: [2], data: new Float32Array(2) }],
    ["sgd.momentum.fc.weight", { dtype: "float32", shape: [4, 2], data: new Float32Array(8) }],
  ]);

/** A loader that has every batch at hand. */
export interface TinyLoader extends BatchLoader {
  epoch(index: number, start?: number): Iterable<Batch>;
}

/** Rows drawn by epoch and batch; the last batch of an epoch is smaller. The targets are a linear function of the inputs. */
export function regressionLoader(batchesPerEpoch = 6, batchSize = 8): TinyLoader {
  const batchAt = (epoch: number, index: number): Batch => {
    const size = index === batchesPerEpoch - 1 ? batchSize - 3 : batchSize;
    const x = Float32Array.from({ length: size * 4 }, (_, i) => Math.fround(Math.sin(1 + i * 12.9898 + index * 78.233 + epoch * 37.719)));
    const t = Float32Array.from({ length: size * 2 }, (_, i) => {
      const row = x.subarray(Math.floor(i / 2) * 4, Math.floor(i / 2) * 4 + 4);
      return (row[0] ?? 0) - 2 * (row[i % 2 === 0 ? 1 : 3] ?? 0) + 0.5;
    });
    return {
      size,
      inputs: { x: { dtype: "float32", shape: [size, 4], data: x } },
      targets: { t: { dtype: "float32", shape: [size, 2], data: t } },
    };
  };
  return {
    batchSize,
    batchesPerEpoch,
    *epoch(index, start = 0) {
      for (let b = start; b < batchesPerEpoch; b++) yield batchAt(index, b);
    },
  };
}
