/** What graphs are lowered for, and what each of these targets may use. */
import type { DType } from "./dtype.ts";
import type { MicrosoftOpType } from "./microsoft-ops.ts";

/** What a target is, and has. */
export interface TargetTraits {
  /** A clause for --help. */
  readonly summary: string;
  /** Which forms of an op are fast there. */
  readonly device: "cpu" | "gpu";
  /** The ops of com.microsoft that it may use, with the element types of their kernels. */
  readonly fused: Readonly<Partial<Record<MicrosoftOpType, readonly DType[]>>>;
  /** The activations that its FusedConv takes; the empty text is none at all. */
  readonly activations: readonly string[];
  /** The newest opset that it takes; "any" where it has no limit of its own. */
  readonly newestOpset: number | "any";
}

/**
 * The targets. On the CPU, the ops that were measured to pay (docs/targets.md, by bench/targets.ts); on CUDA, those of them whose kernel is
 * listed in onnxruntime 1.30's docs/OperatorKernels.md, unmeasured.
 */
const targets = {
  portable: { summary: "ai.onnx alone, for every runtime", device: "cpu", fused: {}, activations: [], newestOpset: "any" },
  "onnxruntime-cpu": {
    summary: "with the fused ops of onnxruntime's CPU provider",
    device: "cpu",
    fused: { BiasGelu: ["float32"], FusedConv: ["float32"], MultiHeadAttention: ["float32"], QuickGelu: ["float32"] },
    activations: ["", "Clip", "HardSigmoid", "LeakyRelu", "Relu", "Sigmoid", "Tanh"],
    newestOpset: "any",
  },
  "onnxruntime-cuda": {
    summary: "forms that are fast on a GPU, with the fused ops of onnxruntime's CUDA provider",
    device: "gpu",
    fused: {
      BiasGelu: ["float32", "float16"],
      FusedConv: ["float32"],
      MultiHeadAttention: ["float32", "float16"],
      QuickGelu: ["float32", "float16"],
    },
    // Without one its kernel fails when it runs: contrib_ops/cuda/fused_conv.cc.
    activations: ["Relu"],
    newestOpset: "any",
  },
  browser: {
    summary: "ai.onnx in ops that onnxruntime-web has on webgpu, where there is a choice",
    device: "cpu",
    fused: {},
    activations: [],
    // Its kernels of convolutions, pools and most activations are of versions before those of opset 22.
    newestOpset: 21,
  },
} as const satisfies Readonly<Record<string, TargetTraits>>;

/** The name of a target. */
export type TargetName = keyof typeof targets;
/** All names, in the order in which they are listed. */
export const targetNames: readonly TargetName[] = ["portable", "onnxruntime-cpu", "onnxruntime-cuda", "browser"];

/** What a target is, and has. */
export const traitsOf = (name: TargetName): TargetTraits => targets[name];
/** True when a target has a kernel of an op of com.microsoft for an element type. */
export const hasFused = (name: TargetName, opType: MicrosoftOpType, dtype: DType): boolean =>
  traitsOf(name).fused[opType]?.includes(dtype) === true;
