/** Numbers that are none, and infinite ones, among the elements of a tensor. */
import { isFloat } from "../ir/dtype.ts";
import { fromBfloat16, fromFloat16, type TensorData } from "../ir/tensor-data.ts";

/** How many elements are NaN and how many infinite, and the range of the others. */
export interface FloatSurvey {
  readonly nan: number;
  readonly infinite: number;
  readonly total: number;
  /** Of the finite elements; Infinity and -Infinity where there are none. */
  readonly min: number;
  readonly max: number;
}

/** Counts what is not finite. */
export function surveyFloats(tensor: TensorData): FloatSurvey {
  const { dtype, data } = tensor;
  const survey = { nan: 0, infinite: 0, total: data.length, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  if (!isFloat(dtype)) return survey;
  const count = (x: number): void => {
    if (Number.isNaN(x)) survey.nan++;
    else if (!Number.isFinite(x)) survey.infinite++;
    else {
      if (x < survey.min) survey.min = x;
      if (x > survey.max) survey.max = x;
    }
  };
  const value = dtype === "float16" ? fromFloat16 : fromBfloat16;
  if (data instanceof Uint16Array) for (const bits of data) count(value(bits));
  else if (data instanceof Float32Array || data instanceof Float64Array) for (const x of data) count(x);
  return survey;
}
/** True when every element is finite. */
export function isFiniteTensor(tensor: TensorData): boolean {
  const { nan, infinite } = surveyFloats(tensor);
  return nan + infinite === 0;
}
