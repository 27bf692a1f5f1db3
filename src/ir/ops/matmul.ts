/** Matrix products. */
import type { GraphBuilder } from "../builder.ts";
import { type Dim, mulDims, neverEqual } from "../dim.ts";
import { formulas, shapeValue, sumToShapeOf } from "../formulas.ts";
import { type Node, printType, type TensorType, type Value } from "../graph.ts";
import { type AxisWindow, type Call, type Flops, type OpFamily, RuleFault, type UpgradeRule } from "../op-schema.ts";
import { elementCount, printShape, type Shape } from "../shape.ts";
import { sameAxis } from "./axes.ts";
import { broadcastShapes, broadcastsTo } from "./broadcast.ts";
import { inputAt } from "./call-inputs.ts";
import { firstOutput } from "./elementwise.ts";
import { renewed } from "./old-forms.ts";

/** The records of matrix products. */
export const matmulOps: OpFamily<"Gemm" | "MatMul"> = {
  Gemm: {
    infer: inferGemm,
    evaluate: "none",
    grad: gemmGrad,
    lower: "onnx",
    upgrade: gemmWithoutBroadcast,
    flops: gemmFlops,
    receptiveField: gemmWindow,
    docs: {
      summary: "Multiplies two matrices, each transposed or not, and adds a third.",
      formula: "Y = alpha A B + beta C",
      source: "ONNX Gemm-13",
    },
  },
  MatMul: {
    infer: inferMatMul,
    evaluate: "none",
    grad: matMulGrad,
    lower: "onnx",
    upgrade: "none",
    flops: matMulFlops,
    receptiveField: matMulWindow,
    docs: { summary: "Multiplies matrices, batches of them broadcast as in NumPy's matmul.", formula: "Y = A B", source: "ONNX MatMul-13" },
  },
};

/** A matrix's rows and columns. Throws a RuleFault on another rank. */
function matrix(value: Value, name: string, transposed: number): readonly [Dim, Dim] {
  const [rows, columns, ...more] = value.type.shape;
  if (rows === undefined || columns === undefined || more.length > 0)
    throw new RuleFault("matmul-rank", `${name} is ${printType(value.type)}, wanted a matrix`);
  return transposed !== 0 ? [columns, rows] : [rows, columns];
}
function checkInner(a: Dim, b: Dim): void {
  if (neverEqual(a, b)) throw new RuleFault("matmul-size", `the columns of A are ${a}, but the rows of B are ${b}`);
}

function inferGemm(call: Call<"Gemm">): readonly TensorType[] {
  const { transA, transB } = call.attributes;
  const [a, b, c] = [inputAt(call, 0), inputAt(call, 1), call.inputs[2] ?? null];
  const [m, k] = matrix(a, "A", transA);
  const [rows, n] = matrix(b, "B", transB);
  checkInner(k, rows);
  const shape = [m, n];
  if (c !== null && !broadcastsTo(c.type.shape, shape))
    throw new RuleFault("gemm-bias", `C is ${printType(c.type)}, which does not broadcast to ${printShape(shape)}`);
  return [{ dtype: a.type.dtype, shape }];
}
/** With A' and B' as they enter the product: dA' = alpha dY B'^T and dB' = alpha A'^T dY, each transposed back by the product itself. */
function gemmGrad(
  b: GraphBuilder,
  node: Node<"Gemm">,
  [dy]: readonly (Value | null)[],
  wanted: readonly boolean[],
): readonly (Value | null)[] {
  if (dy === null || dy === undefined) return node.inputs.map(() => null);
  const { alpha, beta, transA, transB } = node.attributes;
  const [x, w, c] = [inputAt(node, 0), inputAt(node, 1), node.inputs[2] ?? null];
  const [aSwapped, bSwapped] = [transA !== 0, transB !== 0];
  const product = (p: Value, q: Value, swapP: boolean, swapQ: boolean): Value =>
    b.add("Gemm", [p, q], { alpha, transA: swapP ? 1 : 0, transB: swapQ ? 1 : 0 });
  const dx = (): Value => (aSwapped ? product(w, dy, bSwapped, true) : product(dy, w, false, !bSwapped));
  const dw = (): Value => (bSwapped ? product(dy, x, true, aSwapped) : product(x, dy, !aSwapped, false));
  const dc = (to: Value): Value => {
    const summed = sumToShapeOf(b, dy, to);
    return beta === 1 ? summed : formulas(b).mul(summed, beta);
  };
  return [
    wanted[0] === true ? dx() : null,
    wanted[1] === true ? dw() : null,
    ...(node.inputs.length > 2 ? [wanted[2] === true && c !== null ? dc(c) : null] : []),
  ];
}
/** Before opset 7 an attribute said whether C broadcasts. */
function gemmWithoutBroadcast(b: GraphBuilder, old: Parameters<UpgradeRule>[1]): ReturnType<UpgradeRule> {
  return old.attributes["broadcast"] === undefined ? "keep" : renewed(b, old, old.inputs, ["broadcast"]);
}
function gemmFlops(node: Node<"Gemm">): Flops {
  const size = elementCount(firstOutput(node).type.shape);
  const [, k] = matrix(inputAt(node, 0), "A", node.attributes.transA);
  return { macs: mulDims(size, k), other: (node.inputs[2] ?? null) === null ? 0 : size };
}
function gemmWindow(node: Node<"Gemm">, index: number): readonly AxisWindow[] {
  if (index === 0) return node.attributes.transA === 0 ? [sameAxis(0), "all"] : ["all", sameAxis(0)];
  if (index === 1) return node.attributes.transB === 0 ? ["all", sameAxis(1)] : [sameAxis(1), "all"];
  const c = inputAt(node, 2).type.shape;
  return c.map((d, i) => (d === 1 ? "fixed" : sameAxis(2 - c.length + i)));
}

/** Shapes as stacks of matrices: a vector A is a row, a vector B a column. */
function stacks(call: Pick<Call<"MatMul">, "inputs">): readonly [Shape, Shape] {
  const [a, b] = [inputAt(call, 0).type.shape, inputAt(call, 1).type.shape];
  if (a.length === 0 || b.length === 0) throw new RuleFault("matmul-rank", "a scalar has no matrix product", "multiply with Mul");
  return [a.length === 1 ? [1, ...a] : a, b.length === 1 ? [...b, 1] : b];
}
function inferMatMul(call: Call<"MatMul">): readonly TensorType[] {
  const [a, b] = stacks(call);
  checkInner(a.at(-1) ?? 1, b.at(-2) ?? 1);
  const batch = broadcastShapes([a.slice(0, -2), b.slice(0, -2)], call.unknown);
  const [isRow, isColumn] = [inputAt(call, 0).type.shape.length === 1, inputAt(call, 1).type.shape.length === 1];
  const shape = [...batch, ...(isRow ? [] : a.slice(-2, -1)), ...(isColumn ? [] : b.slice(-1))];
  return [{ dtype: inputAt(call, 0).type.dtype, shape }];
}

/** dA = dY B^T and dB = A^T dY, summed over the batch axes along which each was broadcast. */
function matMulGrad(
  b: GraphBuilder,
  node: Node<"MatMul">,
  [dy]: readonly (Value | null)[],
  wanted: readonly boolean[],
): readonly (Value | null)[] {
  if (dy === null || dy === undefined) return [null, null];
  const [x, w] = [inputAt(node, 0), inputAt(node, 1)];
  const unsqueezed = (value: Value, axis: number, when: boolean): Value =>
    when ? b.add("Unsqueeze", [value, b.constant("int64", [axis])]) : value;
  const [isRow, isColumn] = [x.type.shape.length === 1, w.type.shape.length === 1];
  const [a, c] = [unsqueezed(x, 0, isRow), unsqueezed(w, 1, isColumn)];
  // Y of a column lacks its last axis, Y of a row the one before.
  const dy2 = unsqueezed(unsqueezed(dy, -1, isColumn), -2, isRow);
  const back = (value: Value, to: Value, when: boolean): Value => (when ? formulas(b).reshape(value, shapeValue(b, to)) : value);
  return [
    wanted[0] === true ? back(leftGrad(b, a, c, dy2), x, isRow) : null,
    wanted[1] === true ? back(rightGrad(b, a, c, dy2), w, isColumn) : null,
  ];
}
function leftGrad(b: GraphBuilder, a: Value, w: Value, dy: Value): Value {
  if (a.type.shape.length === 2 && w.type.shape.length === 2) return b.add("Gemm", [dy, w], { transB: 1 });
  return sumToShapeOf(b, formulas(b).matmul(dy, swapped(b, w)), a);
}
function rightGrad(b: GraphBuilder, a: Value, w: Value, dy: Value): Value {
  // One matrix for the whole batch: its gradient is one product over all rows, not a sum of products.
  if (w.type.shape.length === 2) return b.add("Gemm", [rowsOf(b, a), rowsOf(b, dy)], { transA: 1 });
  return sumToShapeOf(b, formulas(b).matmul(swapped(b, a), dy), w);
}
const rowsOf = (b: GraphBuilder, x: Value): Value =>
  x.type.shape.length === 2 ? x : b.add("Flatten", [x], { axis: x.type.shape.length - 1 });
function swapped(b: GraphBuilder, x: Value): Value {
  const rank = x.type.shape.length;
  const order = Array.from({ length: rank }, (_, i) => i);
  return formulas(b).transpose(x, [...order.slice(0, -2), rank - 1, rank - 2]);
}

function matMulFlops(node: Node<"MatMul">): Flops {
  return { macs: mulDims(elementCount(firstOutput(node).type.shape), inputAt(node, 0).type.shape.at(-1) ?? 1), other: 0 };
}
/** The inner axis whole, the outer one where the output has it, batch axes aligned at the last one. */
function matMulWindow(node: Node<"MatMul">, index: number): readonly AxisWindow[] {
  const [first, second] = [inputAt(node, 0).type.shape, inputAt(node, 1).type.shape];
  const own = index === 0 ? first : second;
  const outer = firstOutput(node).type.shape.length;
  const [isRow, isColumn] = [first.length === 1, second.length === 1];
  const batchRank = outer - (isRow ? 0 : 1) - (isColumn ? 0 : 1);
  if (own.length === 1) return ["all"];
  const batch = own.slice(0, -2).map((d, i): AxisWindow => (d === 1 ? "fixed" : sameAxis(batchRank - (own.length - 2) + i)));
  return index === 0 ? [...batch, sameAxis(batchRank), "all"] : [...batch, "all", sameAxis(outer - 1)];
}
