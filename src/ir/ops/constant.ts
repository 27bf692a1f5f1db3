/** Constants, and the conversion between element types. */
import type { Dim } from "../dim.ts";
import { type DType, dtypeFromOnnx, dtypes, isFloat } from "../dtype.ts";
import { formulas } from "../formulas.ts";
import type { TensorType } from "../graph.ts";
import { type Call, type OldNode, type OpFamily, RuleFault } from "../op-schema.ts";
import type { AttributeValue } from "../op-signature.ts";
import { staticShape } from "../shape.ts";
import { fromBfloat16, fromFloat16, numbersOf, type TensorData, tensorFrom, toBfloat16, toFloat16 } from "../tensor-data.ts";
import { inputAt, sizesIn } from "./call-inputs.ts";

const spec = (op: string): string => `https://onnx.ai/onnx/operators/onnx__${op}.html`;

/** The tensor of each form of Constant's value. */
const constantForms: Readonly<Record<string, (value: AttributeValue) => TensorData | null>> = {
  value: (v) => (typeof v === "object" && "data" in v ? v : null),
  value_float: (v) => (typeof v === "number" ? tensorFrom("float32", [], [v]) : null),
  value_floats: (v) => (isNumbers(v) ? tensorFrom("float32", [v.length], v) : null),
  value_int: (v) => (typeof v === "number" ? tensorFrom("int64", [], [v]) : null),
  value_ints: (v) => (isNumbers(v) ? tensorFrom("int64", [v.length], v) : null),
  value_string: (v) => (typeof v === "string" ? { dtype: "string", shape: [], data: [v] } : null),
  value_strings: (v) => (isStrings(v) ? { dtype: "string", shape: [v.length], data: v } : null),
};
const isNumbers = (v: AttributeValue): v is readonly number[] => Array.isArray(v) && v.every((e) => typeof e === "number");
const isStrings = (v: AttributeValue): v is readonly string[] => Array.isArray(v) && v.every((e) => typeof e === "string");

/** The tensor that a Constant holds, whichever of its attributes says it. Throws a RuleFault unless exactly one does. */
export function constantTensor(attributes: Readonly<Record<string, AttributeValue | undefined>>): TensorData {
  const given = Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : (constantForms[name]?.(value) ?? [])));
  const [tensor] = given;
  if (tensor === undefined || given.length > 1) throw new RuleFault("constant-value", `a Constant holds one value, got ${given.length}`);
  return tensor;
}

/** The element that ConstantOfShape repeats; a float32 zero when none is given. */
function fillOf(call: Call<"ConstantOfShape">): TensorData {
  const { value } = call.attributes;
  if (value === undefined) return tensorFrom("float32", [1], [0]);
  if (value.data.length !== 1) throw new RuleFault("constant-value", `the value has to be one element, got ${value.data.length}`);
  return value;
}

/** The element type that a Cast makes. Throws a RuleFault when there is none of that number. */
function castTarget(to: number): DType {
  const dtype = dtypeFromOnnx(to);
  if (dtype === undefined)
    throw new RuleFault(
      "cast-type",
      `there is no element type with the number ${to}`,
      `the types are ${Object.entries(dtypes)
        .map(([name, { onnx }]) => `${onnx} (${name})`)
        .join(", ")}`,
    );
  return dtype;
}

const rounded: Partial<Record<DType, (x: number) => number>> = {
  float64: (x) => x,
  float32: Math.fround,
  float16: (x) => fromFloat16(toFloat16(x)),
  bfloat16: (x) => fromBfloat16(toBfloat16(x)),
};
/** One element in another type; null where the conversion is not exact arithmetic: overflow, NaN to an integer, strings. */
function castElement(x: Dim, from: DType, to: DType): Dim | null {
  if (from === "string" || to === "string") return null;
  const { kind, size } = dtypes[to];
  if (typeof x !== "number") return kind === "bool" ? null : x;
  if (kind === "bool") return x === 0 ? 0 : 1;
  const exact = isFloat(from) || Number.isFinite(x);
  if (kind === "float") return exact ? (rounded[to]?.(x) ?? null) : null;
  // Infinite integers stand for numbers past 2^53: they pass between the wide types only.
  if (!Number.isFinite(x)) return !isFloat(from) && to === "int64" ? x : null;
  const whole = Math.trunc(x);
  const [low, high] = kind === "uint" ? [0, 2 ** (8 * size) - 1] : [-(2 ** (8 * size - 1)), 2 ** (8 * size - 1) - 1];
  return whole >= low && whole <= high && Number.isSafeInteger(whole) ? whole : null;
}
function castElements(elements: readonly Dim[] | null, from: DType, to: DType): readonly Dim[] | null {
  const cast = elements?.map((x) => castElement(x, from, to)) ?? null;
  return cast?.every((x) => x !== null) === true ? cast : null;
}

/** The number of an element type that opsets before 6 name by a text, "FLOAT". */
const numberOfName = (name: string): number | undefined =>
  Object.values(dtypes).find(({ schemaName }) => schemaName === `tensor(${name.toLowerCase()})`)?.onnx;
function upgradeCast(old: OldNode): number | null {
  const { to } = old.attributes;
  return typeof to === "string" ? (numberOfName(to) ?? null) : null;
}

const typeOf = (tensor: TensorData): TensorType => ({ dtype: tensor.dtype, shape: tensor.shape });

/** The records of Constant, ConstantOfShape and Cast. */
export const constantOps: OpFamily<"Constant" | "ConstantOfShape" | "Cast"> = {
  Constant: {
    infer: (call) => [typeOf(constantTensor({ ...call.attributes }))],
    evaluate: (call) => [numbersOf(constantTensor({ ...call.attributes }))],
    grad: "none",
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: "pointwise",
    docs: { summary: "Holds a tensor.", formula: "y = value", source: spec("Constant") },
  },
  ConstantOfShape: {
    infer: (call) => {
      const shape = sizesIn(inputAt(call, 0), "the shape", call.unknown);
      const negative = shape.find((d) => typeof d === "number" && d < 0);
      if (negative !== undefined) throw new RuleFault("constant-shape", `the shape holds ${negative}`);
      return [{ dtype: fillOf(call).dtype, shape }];
    },
    evaluate: (call) => {
      const shape = staticShape(inputAt(call, 0).elements ?? ["?"]);
      const [fill] = numbersOf(fillOf(call)) ?? [];
      return [
        shape === null || fill === undefined ? null : Array.from({ length: shape.reduce<number>((n, d) => n * Number(d), 1) }, () => fill),
      ];
    },
    grad: "none",
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: () => null,
    docs: { summary: "Fills a tensor of a given shape with one value.", formula: "y[...] = value", source: spec("ConstantOfShape") },
  },
  Cast: {
    infer: (call) => [{ dtype: castTarget(call.attributes.to), shape: inputAt(call, 0).type.shape }],
    evaluate: (call) => {
      const x = inputAt(call, 0);
      return [castElements(x.elements, x.type.dtype, castTarget(call.attributes.to))];
    },
    grad: (b, node, [dy]) => {
      const { dtype } = inputAt(node, 0).type;
      return [dy != null && isFloat(dtype) && isFloat(dy.type.dtype) ? formulas(b).cast(dy, dtype) : null];
    },
    lower: "onnx",
    upgrade: (b, old) => {
      const to = upgradeCast(old);
      return to === null ? "keep" : [b.add("Cast", [inputAt(old, 0)], { to })];
    },
    flops: "zero",
    receptiveField: "pointwise",
    docs: {
      summary: "Converts to another element type.",
      formula: "y = x in the type `to`; towards zero for integers, x != 0 for bool",
      source: spec("Cast"),
    },
  },
};
