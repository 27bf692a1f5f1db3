/** The names of all ops, their attributes and their signatures. */
import { type InternalAttributes, internalSignatures } from "./internal-ops.ts";
import { type MicrosoftAttributes, microsoftSignatures } from "./microsoft-ops.ts";
import { type OnnxAttributes, onnxSignatures } from "./onnx-schemas.generated.ts";
import type { OpSignature } from "./op-signature.ts";

/** The attributes of each op. */
export interface OpAttributes extends OnnxAttributes, InternalAttributes, MicrosoftAttributes {}
/** The name of an op. */
export type OpType = keyof OpAttributes;

/** The signature of each op. */
export const signatures: Readonly<Record<OpType, OpSignature>> = {
  ...onnxSignatures,
  ...internalSignatures,
  ...microsoftSignatures,
};
/** True when a text names an op of the table. */
export const isOpType = (text: string): text is OpType => Object.hasOwn(signatures, text);
