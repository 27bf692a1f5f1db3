/**
 * What the kernels of onnxruntime's CPU provider do with memory besides allocating their outputs: which outputs lie in an input's buffer,
 * and what they allocate for themselves while they run. Seen on 1.30 by its own memory counters, and read in its sources (MLAS's
 * `MlasConvPrepare`, `ConvTranspose`, and `Softmax`).
 */
import type { ExecutedNode } from "./executed-graph.ts";
import { blockedDomain, type ExecutedType, typeBytes } from "./executed-types.ts";

/** Kernels whose first output always is their first input under another shape. */
const aliases: ReadonlySet<string> = new Set(["Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze"]);
/** Kernels that write their first output over an input of the same size that nobody else reads, by that input's place. */
const inPlace: Readonly<Record<string, number>> = {
  Cast: 0,
  Celu: 0,
  Clip: 0,
  Elu: 0,
  HardSigmoid: 0,
  LeakyRelu: 0,
  LogSoftmax: 0,
  Relu: 0,
  ScatterElements: 0,
  ScatterND: 0,
  Selu: 0,
  Sigmoid: 0,
  Softmax: 0,
  Softplus: 0,
  Softsign: 0,
  Tanh: 0,
  ThresholdedRelu: 0,
};
/** The input that fused convolutions add to their result. */
const addend = 3;
const fusedConvolutions: ReadonlySet<string> = new Set([`${blockedDomain}:Conv`, "com.microsoft:FusedConv"]);

/** How an output may come to lie in an input's buffer: it always does, it does where nobody else reads the input, or not at all. */
export interface BufferSharing {
  readonly kind: "alias" | "in-place" | "none";
  /** The input's place. */
  readonly input: number;
}
/** How an output of a kernel shares memory with an input. */
export function sharingOf({ opType, domain }: ExecutedNode, output: number): BufferSharing {
  const none = { kind: "none", input: 0 } as const;
  if (output > 0) return none;
  if (fusedConvolutions.has(`${domain}:${opType}`)) return { kind: "in-place", input: addend };
  if (domain !== "") return none;
  if (aliases.has(opType)) return { kind: "alias", input: 0 };
  return Object.hasOwn(inPlace, opType) ? { kind: "in-place", input: inPlace[opType] ?? 0 } : none;
}

/** The types of a kernel's inputs and outputs; undefined where they are not known. */
export interface KernelTypes {
  readonly inputs: readonly (ExecutedType | undefined)[];
  readonly outputs: readonly (ExecutedType | undefined)[];
}
/** The bytes that a kernel allocates for itself and frees at its end. */
export function scratchBytes(node: ExecutedNode, types: KernelTypes, threads: number): number {
  if (node.domain === blockedDomain) return 0;
  const rule = Object.hasOwn(scratchRules, node.opType) ? scratchRules[node.opType] : undefined;
  return rule === undefined ? 0 : rule(node, types, threads);
}
type ScratchRule = (node: ExecutedNode, types: KernelTypes, threads: number) => number;
const scratchRules: Readonly<Record<string, ScratchRule>> = {
  Conv: convolutionScratch,
  FusedConv: convolutionScratch,
  ConvTranspose: transposedScratch,
  Softmax: softmaxScratch,
  LogSoftmax: softmaxScratch,
};

const float = 4;
const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
/** Floats of the packed panel that each thread of a segmented convolution has: MLAS_SGEMM_STRIDEN * MLAS_SGEMM_STRIDEK. */
const panel = 128 * 128;

/**
 * im2col: none for a pointwise convolution of stride 1; else, with K = C/group * kernel and O output positions, O K floats at once where
 * there are more filters than positions, or O max(K, M/group) for each thread that takes one image and group. A single image is cut into
 * panels.
 */
function convolutionScratch(node: ExecutedNode, { inputs: [x, w], outputs: [y] }: KernelTypes, threads: number): number {
  if (x === undefined || w === undefined || y === undefined || x.dtype !== "float32") return 0;
  const [filters = 0, channels = 0, ...kernel] = w.shape;
  const groups = node.ints.get("group")?.[0] ?? 1;
  const positions = product(y.shape.slice(2));
  const k = channels * product(kernel);
  const isAll = (name: string, value: number): boolean => (node.ints.get(name) ?? []).every((v) => v === value);
  if (k === channels && isAll("strides", 1) && isAll("pads", 0)) return 0;
  const perGroup = filters / groups;
  if (perGroup > positions) return positions * k * float;
  const calls = (x.shape[0] ?? 1) * groups;
  return Math.min(threads, calls) * (calls === 1 ? panel : Math.max(positions * k, perGroup * positions, panel)) * float;
}

/** The columns of one image and group, which are then added up into the output: M/group * kernel rows of the input's positions. */
function transposedScratch(_node: ExecutedNode, { inputs: [x, w] }: KernelTypes): number {
  if (x === undefined || w === undefined) return 0;
  return product(w.shape.slice(1)) * product(x.shape.slice(2)) * float;
}

/** Over another axis than the last, the input is transposed, and the result before it is transposed back. */
function softmaxScratch(node: ExecutedNode, { inputs: [x] }: KernelTypes): number {
  if (x === undefined) return 0;
  const axis = node.ints.get("axis")?.[0] ?? -1;
  return axis === -1 || axis === x.shape.length - 1 ? 0 : 2 * typeBytes(x);
}
