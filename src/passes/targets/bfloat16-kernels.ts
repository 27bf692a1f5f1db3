/** What onnxruntime's CPU provider can do with bfloat16: measured on 1.30, and held to it by a test. */
import type { OpType } from "../../ir/op-types.ts";

/** The ops with a kernel there: those that move elements, and very little else. */
const kernels = [
  ...(["Cast", "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Split", "Slice", "Shape"] as const),
  ...(["Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND", "Sign", "LayerNormalization", "IsNaN", "IsInf"] as const),
] as const satisfies readonly OpType[];
const known: ReadonlySet<OpType> = new Set(kernels);
/** The opset from which on an op has its kernel, where older ones have a form of bfloat16 and no kernel. */
const since: Partial<Readonly<Record<OpType, number>>> = { IsNaN: 20 };

/** True when onnxruntime's CPU provider has a bfloat16 kernel of an op in an opset. */
export const hasCpuKernel = (opType: OpType, opset: number): boolean => known.has(opType) && opset >= (since[opType] ?? 0);
