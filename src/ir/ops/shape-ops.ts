/** Ops that make tensors of sizes and positions. */
import type { GraphBuilder } from "../builder.ts";
import { addDims, ceilDiv, type Dim, maxDims, mulDims, subDims } from "../dim.ts";
import { dtypes, isFloat } from "../dtype.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import { elementCount, type Shape } from "../shape.ts";
import { inputAt } from "./call-inputs.ts";
import { settle } from "./element-arithmetic.ts";

const spec = (op: string): string => `https://onnx.ai/onnx/operators/onnx__${op}.html`;

/** The sizes that Shape gives: start and end may count from the end, and are cut to the axes that are there. */
function sizesOf(call: Call<"Shape"> | Node<"Shape">): Shape {
  const { shape } = inputAt(call, 0).type;
  return shape.slice(call.attributes.start, call.attributes.end);
}

/** How many numbers a Range has: max(ceil((limit - start) / delta), 0); null when that is not known. */
function rangeLength(call: Call<"Range">): Dim | null {
  const [start, limit, delta] = [0, 1, 2].map((i) => inputAt(call, i).elements?.[0]);
  if (start === undefined || limit === undefined || typeof delta !== "number") return null;
  if (delta === 0) throw new RuleFault("range-delta", "a delta of 0 never reaches the limit");
  const span = delta > 0 ? subDims(limit, start) : subDims(start, limit);
  if (typeof span === "number") return Math.max(Math.ceil(span / Math.abs(delta)), 0);
  return Number.isInteger(delta) ? maxDims(ceilDiv(span, Math.abs(delta)), 0) : null;
}

/** (d start, d limit, d delta): y_i = start + i * delta. */
function rangeGrad(b: GraphBuilder, dy: Value, wanted: readonly boolean[]): readonly (Value | null)[] {
  const f = formulas(b);
  const zero = b.constant("int64", 0);
  const positions = (): Value => f.cast(b.add("Range", [zero, b.add("Size", [dy]), b.constant("int64", 1)]), dy.type.dtype);
  return [wanted[0] === true ? f.reduceSum(dy) : null, null, wanted[2] === true ? f.reduceSum(f.mul(dy, positions())) : null];
}

/** The records of Shape, Size and Range. */
export const shapeOps: OpFamily<"Shape" | "Size" | "Range"> = {
  Shape: {
    infer: (call) => [{ dtype: "int64", shape: [sizesOf(call).length] }],
    evaluate: (call) => [sizesOf(call)],
    grad: "none",
    lower: (b, node, { opset }) => {
      const rank = inputAt(node, 0).type.shape.length;
      const { start, end = rank } = node.attributes;
      if (opset >= 15 || (start === 0 && node.attributes.end === undefined)) return "keep";
      return [b.add("Slice", [b.add("Shape", [inputAt(node, 0)]), b.constant("int64", [start]), b.constant("int64", [end])])];
    },
    upgrade: "none",
    flops: "zero",
    receptiveField: () => null,
    docs: { summary: "Gives the sizes of a tensor's axes.", formula: "y = [d(start), ..., d(end - 1)]", source: spec("Shape") },
  },
  Size: {
    infer: () => [{ dtype: "int64", shape: [] }],
    evaluate: (call) => [[elementCount(inputAt(call, 0).type.shape)]],
    grad: "none",
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: () => null,
    docs: { summary: "Gives the number of a tensor's elements.", formula: "y = d0 * d1 * ...", source: spec("Size") },
  },
  Range: {
    infer: (call) => [{ dtype: inputAt(call, 0).type.dtype, shape: [rangeLength(call) ?? call.unknown()] }],
    evaluate: (call) => {
      const length = rangeLength(call);
      const [start, , delta] = [0, 1, 2].map((i) => inputAt(call, i).elements?.[0]);
      if (typeof length !== "number" || start === undefined || delta === undefined) return [null];
      const { dtype } = inputAt(call, 0).type;
      const terms = Array.from({ length }, (_, i) => settle(dtype, addDims(start, mulDims(i, delta))));
      return [terms.every((y) => y !== null) ? terms : null];
    },
    grad: (b, node, [dy], wanted) => (dy == null || !isFloat(inputAt(node, 0).type.dtype) ? [null, null, null] : rangeGrad(b, dy, wanted)),
    // The short floats came with opset 27, and count in float32 unless stash_type says otherwise.
    lower: (b, node, { opset }) => {
      const { dtype } = inputAt(node, 0).type;
      if (opset >= 27 || (dtype !== "float16" && dtype !== "bfloat16") || node.attributes.stash_type !== dtypes.float32.onnx) return "keep";
      const f = formulas(b);
      return [
        f.cast(
          b.add(
            "Range",
            [0, 1, 2].map((i) => f.cast(inputAt(node, i), "float32")),
          ),
          dtype,
        ),
      ];
    },
    upgrade: "none",
    flops: "zero",
    receptiveField: "global",
    docs: { summary: "Counts from a start to a limit, which is left out.", formula: "y[i] = start + i * delta", source: spec("Range") },
  },
};
