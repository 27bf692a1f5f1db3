/** Types of the values that onnxruntime adds to a graph and does not declare: those in its blocked layout, and reshapes of its own. */
import type { DType } from "../ir/dtype.ts";
import { dtypes } from "../ir/dtype.ts";
import { isOpType } from "../ir/op-types.ts";
import { schemaOf } from "../ir/ops/index.ts";
import type { ExecutedNode } from "./executed-graph.ts";

/** A type whose sizes are all known. */
export interface ExecutedType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}
/** The bytes of a tensor. */
export const typeBytes = ({ dtype, shape }: ExecutedType): number => shape.reduce((product, d) => product * d, dtypes[dtype].size);

/** What is known where a type is asked for. */
export interface TypeContext {
  readonly types: ReadonlyMap<string, ExecutedType>;
  /** The contents of small integer constants. */
  readonly contents: ReadonlyMap<string, readonly number[]>;
  /** The type in the model of the value that this one stands for. */
  readonly original: ExecutedType | null;
}

/** The domain of the kernels that work in blocks of channels, [N, C / block, H, W, block]; their tensors are declared as [N, C, H, W]. */
export const blockedDomain = "com.microsoft.nchwc";
/** Blocks have 8 channels with AVX and AVX2, and 16 with AVX-512: where no convolution's weights tell which, the smaller. */
const smallestBlock = 8;

/** The type of an output, or null where no rule tells it. */
export function inferredType(node: ExecutedNode, output: number, context: TypeContext): ExecutedType | null {
  const { types, contents, original } = context;
  const [data = "", second = ""] = node.inputs;
  const input = types.get(data);
  if (node.opType === "Reshape" && output === 0) {
    const wanted = contents.get(second);
    return input === undefined || wanted === undefined ? null : reshaped(input, wanted, node.ints.get("allowzero")?.[0] === 1);
  }
  if (node.opType === "Gemm" || node.opType === "FusedGemm") return product(input, types.get(second), node);
  if (node.opType === "ReorderInput") return input === undefined ? original : withChannels(input, padded(input.shape[1] ?? 0));
  if (original === null) return null;
  const channels = node.opType === "Conv" ? types.get(second)?.shape[0] : input?.shape[1];
  if (node.domain === blockedDomain) return channels === undefined ? original : withChannels(original, channels);
  // An elementwise op among blocked tensors keeps their padding.
  const same =
    input !== undefined &&
    original.shape.length === 4 &&
    isElementwise(node.opType) &&
    input.shape.every((d, i) => i === 1 || d === original.shape[i]);
  return same ? withChannels(original, Math.max(original.shape[1] ?? 0, input.shape[1] ?? 0)) : original;
}
/** A Slice or Concat that changes the number of channels is none. */
const isElementwise = (opType: string): boolean => isOpType(opType) && schemaOf(opType).receptiveField === "pointwise";
const padded = (channels: number): number => Math.ceil(channels / smallestBlock) * smallestBlock;
const withChannels = ({ dtype, shape }: ExecutedType, channels: number): ExecutedType => ({
  dtype,
  shape: shape.map((d, i) => (i === 1 ? channels : d)),
});

/** onnxruntime makes a Gemm of a MatMul and an Add, with reshapes around it. */
function product(a: ExecutedType | undefined, b: ExecutedType | undefined, { ints }: ExecutedNode): ExecutedType | null {
  if (a === undefined || b === undefined) return null;
  const size = ({ shape }: ExecutedType, axis: number, transposed: string): number =>
    shape[ints.get(transposed)?.[0] === 1 ? 1 - axis : axis] ?? 1;
  return { dtype: a.dtype, shape: [size(a, 0, "transA"), size(b, 1, "transB")] };
}

/** ONNX's Reshape: 0 keeps the input's size (without `allowzero`), -1 takes what is left. */
function reshaped(input: ExecutedType, wanted: readonly number[], allowZero: boolean): ExecutedType {
  const count = input.shape.reduce((a, b) => a * b, 1);
  const shape = wanted.map((d, i) => (d === 0 && !allowZero ? (input.shape[i] ?? 0) : d));
  const rest = shape.reduce((product, d) => (d === -1 ? product : product * d), 1);
  return { dtype: input.dtype, shape: shape.map((d) => (d === -1 ? (rest === 0 ? 0 : count / rest) : d)) };
}
