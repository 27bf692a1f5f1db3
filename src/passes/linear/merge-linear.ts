/** Merges two linear ops in a row, without an activation between them, into one that takes fewer multiply-adds. */
import type { GraphBuilder } from "../../ir/builder.ts";
import { type Dim, mulDims, substitute, symbolsOf } from "../../ir/dim.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { elementCount } from "../../ir/shape.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../ir/tensor-data.ts";
import { isOneOf, type Pass, type RewriteContext, type RewriteOutcome, rewrite, rewriteRule, type Skip, skip } from "../rewrite.ts";
import { otherUse } from "../sole-use.ts";
import { elementsOf } from "../tensor-elements.ts";
import { addRows } from "./add-rows.ts";
import { composedKernel, type Kernel, kernelOf } from "./compose-kernels.ts";

/**
 * The graph with a convolution of a convolution as one, and a product with two constant matrices in a row as one with their product, where
 * that takes fewer multiply-adds. Weights are multiplied in float64 and rounded once.
 */
export const mergeLinear: Pass = (graph, control) => rewrite(graph, rules, control);
const rules = [
  rewriteRule("merge-linear", ["Conv"], mergeConvolutions),
  rewriteRule("merge-linear", ["Conv", "ConvTranspose"], refuseTransposed),
  rewriteRule("merge-linear", ["Gemm", "MatMul"], mergeProducts),
];

const products = ["Gemm", "MatMul"] as const;
type Product = Node<(typeof products)[number]>;

function mergeConvolutions(node: Node<"Conv">, context: RewriteContext): RewriteOutcome {
  const [x] = node.inputs;
  const first = x?.producer;
  if (!x || !first || !isOneOf(first, ["Conv"])) return "keep";
  const use = otherUse(context, x, node);
  if (use !== null) return skip(use);
  const [a, b] = [kernelOf(first, context.contents), kernelOf(node, context.contents)];
  if ("skip" in a) return a;
  if ("skip" in b) return b;
  const both = composedKernel(a, b);
  if ("skip" in both) return both;
  const y = outputAt(node.outputs, 0);
  const before = [macsOf(x, a), macsOf(y, b)] as const;
  const refusal = refusalOfMore(before, macsOf(y, both)) ?? refusalOfWork(both.work);
  if (refusal !== null) return refusal;
  const [data, w] = first.inputs;
  if (!data || !w) return "keep";
  return (builder) => {
    const { weight, bias } = both.merged();
    const { dtype } = y.type;
    const name = node.inputs[1]?.name ?? node.name;
    const inputs = [
      context.value(data),
      builder.tensor(`${name}.merged`, tensorFrom(dtype, both.shape, weight)),
      biasTensor(builder, node, bias, dtype),
    ];
    const { dilations, pads, strides, groups: group } = both;
    return [builder.add("Conv", inputs, { dilations, pads, strides, group, kernel_shape: both.shape.slice(2) }, { name: node.name })];
  };
}
/** A transposed convolution spreads what it reads: with what is before or behind it, it is no convolution of one stride. */
function refuseTransposed(node: Node<"Conv" | "ConvTranspose">): RewriteOutcome {
  const before = node.inputs[0]?.producer;
  if (!before || !isOneOf(before, ["Conv", "ConvTranspose"]) || (node.opType === "Conv" && before.opType === "Conv")) return "keep";
  return skip(`${before.opType} "${before.name}" and ${node.opType} "${node.name}" are not one convolution: one of them is transposed`);
}
function biasTensor(b: GraphBuilder, node: Node, bias: ArrayLike<number> | null, dtype: TensorData["dtype"]): Value | null {
  return bias === null ? null : b.tensor(`${node.name}.bias.merged`, tensorFrom(dtype, [bias.length], bias));
}
const macsOf = (y: Value, { shape: [, ...perOutput] }: Pick<Kernel, "shape">): Dim =>
  mulDims(
    elementCount(y.type.shape),
    perOutput.reduce((n, d) => n * d, 1),
  );

/** Sizes that symbols are tried with: small and large ones, odd and even ones. */
const sizes = [32, 63, 224] as const;
/** A refusal where one op takes as many multiply-adds as two, or more; null where it takes fewer at all sizes that are tried. */
function refusalOfMore([first, second]: readonly [Dim, Dim], merged: Dim): Skip | null {
  const symbols = [...new Set([first, second, merged].flatMap((dim) => [...symbolsOf(dim)]))];
  for (const size of symbols.length === 0 ? [0] : sizes) {
    const at = new Map(symbols.map((symbol) => [symbol, size]));
    const [two, one] = [Number(substitute(first, at)) + Number(substitute(second, at)), Number(substitute(merged, at))];
    if (!(one < two)) return skip(`one op would take ${share(one, two)} the multiply-adds of the two`);
  }
  return null;
}
/** At most this many multiply-adds are done at compile time for a merge: some seconds. */
const mostWork = 2 ** 31;
const refusalOfWork = (work: number): Skip | null =>
  work <= mostWork ? null : skip(`the product of their weights takes ${work.toExponential(1)} multiply-adds at compile time`);
const share = (one: number, two: number): string => `${Number((one / two).toPrecision(2))} times`;

/** A product with a constant matrix on its right: y = x * weight + bias, row by row. */
interface Matrix {
  readonly x: Value;
  readonly rows: number;
  readonly columns: number;
  at(row: number, column: number): number;
  /** Null where nothing is added. */
  readonly bias: ((column: number) => number) | null;
}
function mergeProducts(node: Product, context: RewriteContext): RewriteOutcome {
  const found = producerOf(node, context);
  if (found === null) return "keep";
  const use =
    otherUse(context, found.value, found.reader) ??
    (found.reader === node ? null : otherUse(context, outputAt(found.reader.outputs, 0), node));
  if (use !== null) return skip(use);
  const [a, b] = [matrixOf(found.node, context), matrixOf(node, context)];
  if (a === null || b === null) return "keep";
  if ("skip" in a) return a;
  if ("skip" in b) return b;
  const [two, one] = [a.rows * a.columns + a.columns * b.columns, a.rows * b.columns];
  if (one >= two) return skip(`one op would take ${share(one, two)} the multiply-adds of the two`);
  const work = refusalOfWork(one * a.columns);
  if (work !== null) return work;
  return (builder) => {
    const shift = found.shift;
    const added = a.bias === null && shift === null ? null : (k: number): number => (a.bias?.(k) ?? 0) + (shift?.(k) ?? 0);
    const { weight, bias } = multiplied(a, b, added);
    const { dtype } = outputAt(node.outputs, 0).type;
    const w = builder.tensor(`${node.name}.weight.merged`, tensorFrom(dtype, [a.rows, b.columns], weight));
    const c = biasTensor(builder, node, bias, dtype);
    const data = context.value(a.x);
    if (c === null) return [builder.add("MatMul", [data, w], {}, { name: node.name })];
    if (a.x.type.shape.length === 2) return [builder.add("Gemm", [data, w, c], {}, { name: node.name })];
    return [builder.add("Add", [builder.add("MatMul", [data, w]), c], {}, { name: node.name })];
  };
}
/** The product that a product reads, directly or behind an Add of one number per column. */
interface Producer {
  readonly node: Product;
  /** Its output, and the node that reads it. */
  readonly value: Value;
  readonly reader: Node;
  readonly shift: ((column: number) => number) | null;
}
function producerOf(node: Product, context: RewriteContext): Producer | null {
  const [x] = node.inputs;
  const before = x?.producer;
  if (!x || !before) return null;
  if (isOneOf(before, products)) return { node: before, value: x, reader: node, shift: null };
  if (!isOneOf(before, ["Add"])) return null;
  const value = before.inputs.find((v) => v?.producer != null && isOneOf(v.producer, products));
  const constant = before.inputs.find((v) => v !== value);
  const tensor = constant ? context.contents(constant) : null;
  const numbers = tensor === null ? null : numbersOf(tensor);
  const columns = value?.type.shape.at(-1);
  const producer = value?.producer;
  if (
    !value ||
    !producer ||
    !isOneOf(producer, products) ||
    numbers === null ||
    (numbers.length !== 1 && (numbers.length !== columns || tensor?.shape.at(-1) !== columns))
  )
    return null;
  if (x.type.shape.length !== value.type.shape.length) return null;
  return { node: producer, value, reader: before, shift: (column) => numbers[numbers.length === 1 ? 0 : column] ?? 0 };
}
function matrixOf(node: Product, context: RewriteContext): Matrix | Skip | null {
  const [x, w, c] = node.inputs;
  const [weight, addend] = [w ? context.contents(w) : null, c ? context.contents(c) : null];
  if (!x || weight === null || weight.shape.length !== 2 || x.type.shape.length < 2) return null;
  const [values, [first = 0, second = 0]] = [elementsOf(weight), weight.shape];
  if (!isOneOf(node, ["Gemm"])) return { x, rows: first, columns: second, at: (r, k) => values[r * second + k] ?? 0, bias: null };
  const { alpha, beta, transA, transB } = node.attributes;
  if (transA !== 0) return skip(`the first input of Gemm "${node.name}" is transposed`);
  if (c && addend === null) return skip(`the addend of Gemm "${node.name}" is not constant`);
  const [rows, columns] = transB === 0 ? [first, second] : [second, first];
  const numbers = addend === null ? [] : (numbersOf(addend) ?? []);
  if (addend !== null && numbers.length !== 1 && (numbers.length !== columns || addend.shape.at(-1) !== columns))
    return skip(`the addend of Gemm "${node.name}" differs from row to row`);
  return {
    ...{ x, rows, columns },
    at: transB === 0 ? (r, k) => alpha * (values[r * second + k] ?? 0) : (r, k) => alpha * (values[k * second + r] ?? 0),
    bias: addend === null ? null : (k) => beta * (numbers[numbers.length === 1 ? 0 : k] ?? 0),
  };
}
/** The product of both matrices, and what becomes of both addends. */
function multiplied(
  a: Matrix,
  b: Matrix,
  added: ((column: number) => number) | null,
): { readonly weight: Float64Array; readonly bias: Float64Array | null } {
  const { columns } = b;
  const right = new Float64Array(b.rows * columns);
  for (let k = 0, i = 0; k < b.rows; k++) for (let n = 0; n < columns; n++, i++) right[i] = b.at(k, n);
  const weight = new Float64Array(a.rows * columns);
  const bias = added === null && b.bias === null ? null : Float64Array.from({ length: columns }, (_, n) => b.bias?.(n) ?? 0);
  const rows = { numbers: right, first: 0, columns };
  const factors = new Float64Array(b.rows);
  for (let m = 0; m < a.rows; m++) {
    for (let k = 0; k < b.rows; k++) factors[k] = a.at(m, k);
    addRows(weight, m * columns, rows, { numbers: factors, first: 0, count: b.rows });
  }
  if (bias !== null && added !== null)
    addRows(bias, 0, rows, { numbers: Float64Array.from(factors, (_, k) => added(k)), first: 0, count: b.rows });
  return { weight, bias };
}
