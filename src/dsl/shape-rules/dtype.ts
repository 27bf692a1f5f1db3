/** Element types: tensors that are combined have one. */
import type { DType } from "../../ir/dtype.ts";
import type { Fault } from "../trace.ts";

/** Z, which is what else there is to check, or a message when a tensor of element type D joins one of float32. */
export type DTypeFault<Op extends string, D, Z> = D extends "float32" ? Z : `${Op}: float32 and ${D & string} do not go together`;
/** That tensors are of several element types, or null. */
export function dtypeFault(dtypes: readonly DType[]): Fault | null {
  const [first, ...rest] = dtypes;
  const other = rest.find((dtype) => dtype !== first);
  if (first === undefined || other === undefined) return null;
  return { code: "dtype-mismatch", text: `${first} and ${other} do not go together`, help: `cast one of them: cast(x, "${first}")` };
}
/** That a layer with parameters, which are float32, is given another element type, or null. */
export const inputDTypeFault = (dtype: DType): Fault | null =>
  dtype === "float32" ? null : { code: "input-dtype", text: `input is ${dtype}, but must be float32`, help: 'cast it: cast(x, "float32")' };
