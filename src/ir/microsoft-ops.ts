/**
 * Ops of the domain `com.microsoft`, version 1: several standard ops in one kernel of onnxruntime. They are written for the targets that have
 * the kernel, and stand for their parts everywhere else. Signatures: onnxruntime 1.30, docs/ContribOperators.md.
 */
import type { DType } from "./dtype.ts";
import type { OpSignature, ParameterSchema } from "./op-signature.ts";

/** The domain of these ops. */
export const microsoftDomain = "com.microsoft";
/** The version of the domain, the only one there is. */
export const microsoftVersion = 1;

/** The attributes of each op. */
export interface MicrosoftAttributes {
  /** (A, B) -> gelu(A + B); B is a vector along A's last axis. */
  readonly BiasGelu: Readonly<Record<never, never>>;
  /** (X, W, B, Z) -> activation(Conv(X, W, B) + Z). */
  readonly FusedConv: {
    readonly auto_pad: string;
    readonly dilations?: readonly number[];
    readonly group: number;
    readonly kernel_shape?: readonly number[];
    readonly pads?: readonly number[];
    readonly strides?: readonly number[];
    /** The name of an op of ai.onnx; empty for none. */
    readonly activation: string;
    /** Its numbers in the order of its attributes, or of Clip's inputs. */
    readonly activation_params?: readonly number[];
  };
  /** (query, key, value, bias, key_padding_mask, attention_bias, ...) -> (output, present_key, present_value, qk). */
  readonly MultiHeadAttention: {
    readonly num_heads: number;
    readonly mask_filter_value: number;
    readonly scale?: number;
    readonly unidirectional: number;
  };
  /** X -> X sigmoid(alpha X). */
  readonly QuickGelu: { readonly alpha: number };
}
/** The name of one of these ops. */
export type MicrosoftOpType = keyof MicrosoftAttributes;

const floats: readonly DType[] = ["float32", "float16", "float64", "bfloat16"];
const single = (name: string): ParameterSchema => ({ name, type: "T", option: "single" });
const optional = (name: string, type = "T"): ParameterSchema => ({ name, type, option: "optional" });
const signature = (
  attributes: OpSignature["versions"][number]["attributes"],
  inputs: readonly ParameterSchema[],
  outputs: readonly ParameterSchema[],
  types: Readonly<Record<string, readonly DType[]>> = {},
): OpSignature => ({
  domain: microsoftDomain,
  versions: [{ since: microsoftVersion, attributes, inputs, outputs, types: { T: floats, ...types } }],
});
const ints = { kind: "ints", required: false } as const;
const int = (value: number) => ({ kind: "int", required: false, default: value }) as const;
const float = (value: number) => ({ kind: "float", required: false, default: value }) as const;

/** The signature of each op. */
export const microsoftSignatures: Readonly<Record<MicrosoftOpType, OpSignature>> = {
  BiasGelu: signature({}, [single("A"), single("B")], [single("C")]),
  FusedConv: signature(
    {
      auto_pad: { kind: "string", required: false, default: "NOTSET" },
      dilations: ints,
      group: int(1),
      kernel_shape: ints,
      pads: ints,
      strides: ints,
      activation: { kind: "string", required: false, default: "" },
      activation_params: { kind: "floats", required: false },
    },
    [single("X"), single("W"), optional("B"), optional("Z")],
    [single("Y")],
  ),
  MultiHeadAttention: signature(
    {
      num_heads: { kind: "int", required: true },
      mask_filter_value: float(-10000),
      scale: { kind: "float", required: false },
      unidirectional: int(0),
    },
    [
      single("query"),
      optional("key"),
      optional("value"),
      optional("bias"),
      optional("key_padding_mask", "M"),
      optional("attention_bias"),
      optional("past_key"),
      optional("past_value"),
      optional("past_sequence_length", "M"),
      optional("cache_indirection", "M"),
    ],
    [single("output"), optional("present_key"), optional("present_value"), optional("qk")],
    { M: ["int32"] },
  ),
  QuickGelu: signature({ alpha: float(1.702) }, [single("X")], [single("Y")]),
};
/** All names. */
export const microsoftOpTypes: readonly MicrosoftOpType[] = Object.keys(microsoftSignatures).filter(isMicrosoftOp);
/** True for the name of one of these ops. */
export function isMicrosoftOp(text: string): text is MicrosoftOpType {
  return Object.hasOwn(microsoftSignatures, text);
}
