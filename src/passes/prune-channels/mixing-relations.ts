/** Convolutions and matrix products: each output channel is a weighted sum of input channels. */
import type { GraphBuilder } from "../../ir/builder.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { type TensorData, tensorFrom } from "../../ir/tensor-data.ts";
import type { LinearOp } from "../linear/fold-affine.ts";
import { isOneOf, skip } from "../rewrite.ts";
import { elementsOf } from "../tensor-elements.ts";
import type { Mix, Pruned, RelationOutcome, RelationRule } from "./channel-relation.ts";
import type { ChannelTable } from "./channel-table.ts";

type MixingNode = Node<LinearOp>;

/** How a weight's elements belong to channels: those of an output and an input channel are `taps` in a row. */
interface WeightForm {
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
  readonly taps: number;
  /** The position of the first one. */
  offset(output: number, input: number): number;
  /** The same form for other numbers of channels. */
  resized(inputs: number, outputs: number, groups: number): WeightForm;
  readonly shape: readonly number[];
}
type FormMaker = (inputs: number, outputs: number, groups: number) => WeightForm;
const convForm =
  (kernel: readonly number[]): FormMaker =>
  (inputs, outputs, groups) => {
    const [taps, perGroup] = [count(kernel), inputs / groups];
    return {
      ...{ inputs, outputs, groups, taps, shape: [outputs, perGroup, ...kernel], resized: convForm(kernel) },
      offset: (o, i) => (o * perGroup + (i % perGroup)) * taps,
    };
  };
const transposedForm =
  (kernel: readonly number[]): FormMaker =>
  (inputs, outputs, groups) => {
    const [taps, perGroup] = [count(kernel), outputs / groups];
    return {
      ...{ inputs, outputs, groups, taps, shape: [inputs, perGroup, ...kernel], resized: transposedForm(kernel) },
      offset: (o, i) => (i * perGroup + (o % perGroup)) * taps,
    };
  };
const matrixForm =
  (isTransposed: boolean): FormMaker =>
  (inputs, outputs) => ({
    ...{
      inputs,
      outputs,
      groups: 1,
      taps: 1,
      shape: isTransposed ? [outputs, inputs] : [inputs, outputs],
      resized: matrixForm(isTransposed),
    },
    offset: isTransposed ? (o, i) => o * inputs + i : (o, i) => i * outputs + o,
  });
const count = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1);

/** What an op's rule finds out about a node. */
interface Form {
  readonly form: WeightForm;
  /** The axis of the channels in the input and the output. */
  readonly axis: number;
  /** What the sum is scaled by, and the addend. */
  readonly alpha: number;
  readonly beta: number;
  readonly border: string | null;
}

/** The relation of a convolution or a matrix product with constant weights. */
export const mixing: RelationRule<MixingNode> = (node, table, context) => {
  const [x, w, c] = node.inputs;
  const [weight, bias] = [w ? context.contents(w) : null, c ? context.contents(c) : null];
  if (!x || weight === null) return skip("its weight is not constant");
  if (c && bias === null) return skip("its bias is not constant");
  const found = formOf(node, weight, x);
  if (typeof found === "string") return skip(found);
  return relationOf(node, found, { weight, bias }, x, table);
};

function formOf(node: MixingNode, weight: TensorData, x: Value): Form | string {
  const [first = 0, second = 0, ...kernel] = weight.shape;
  if (isOneOf(node, ["Conv"])) {
    const { auto_pad, pads, group } = node.attributes;
    const isPadded = auto_pad.startsWith("SAME") || (auto_pad === "NOTSET" && (pads?.some((p) => p !== 0) ?? false));
    const form = convForm(kernel)(second * group, first, group);
    return { form, axis: 1, alpha: 1, beta: 1, border: isPadded ? "pads with zeros" : null };
  }
  if (isOneOf(node, ["ConvTranspose"])) {
    const { group } = node.attributes;
    const form = transposedForm(kernel)(first, second * group, group);
    return { form, axis: 1, alpha: 1, beta: 1, border: "has outputs that see unlike numbers of inputs" };
  }
  if (weight.shape.length !== 2) return "its weight is no matrix";
  const rank = x.type.shape.length;
  if (!isOneOf(node, ["Gemm"])) {
    return rank < 2
      ? "its input is a vector"
      : { form: matrixForm(false)(first, second, 1), axis: rank - 1, alpha: 1, beta: 1, border: null };
  }
  const { alpha, beta, transA, transB } = node.attributes;
  if (transA !== 0) return "its first input is transposed";
  const [inputs, outputs] = transB === 0 ? [first, second] : [second, first];
  return { form: matrixForm(transB !== 0)(inputs, outputs, 1), axis: 1, alpha, beta, border: null };
}

interface Constants {
  readonly weight: TensorData;
  readonly bias: TensorData | null;
}
function relationOf(node: MixingNode, found: Form, { weight, bias }: Constants, x: Value, table: ChannelTable): RelationOutcome {
  const { form, axis, alpha, beta, border } = found;
  const addends = bias === null ? null : elementsOf(bias);
  if (addends !== null && addends.length !== 1 && (addends.length !== form.outputs || bias?.shape.at(-1) !== form.outputs))
    return skip("its addend differs from row to row");
  const channels = table.of(x);
  const input = channels !== null && channels.axis === axis && channels.count === form.inputs ? channels : null;
  if (channels !== null && input === null) return skip("its sums do not go over the channels");
  const w = elementsOf(weight);
  const mix: Mix = {
    ...{ input, inputs: form.inputs, outputs: form.outputs, groups: form.groups, border },
    weighs: (o, i) => {
      const start = form.offset(o, i);
      for (let at = start; at < start + form.taps; at++) if (w[at] !== 0) return true;
      return false;
    },
    total: (o, i) => {
      const start = form.offset(o, i);
      let sum = 0;
      for (let at = start; at < start + form.taps; at++) sum += w[at] ?? 0;
      return alpha * sum;
    },
    addend: (o) => (addends === null ? 0 : beta * (addends[addends.length === 1 ? 0 : o] ?? 0)),
  };
  const y = outputAt(node.outputs, 0);
  return {
    outputs: [{ value: y, axis, count: form.outputs }],
    ties: [],
    mix,
    whole: [],
    constant: (_, o) => constantOf(mix, o, table),
    rebuild: (b, pruned) => [rebuilt(b, node, { found, mix, weight, hasBias: bias !== null, x, y }, table, pruned)],
  };
}
/** What an output channel holds when all that it sums up is constant. */
function constantOf({ input, inputs, outputs, groups, weighs, total, addend, border }: Mix, o: number, table: ChannelTable): number {
  const [perGroup, group] = [inputs / groups, Math.floor(o / (outputs / groups))];
  let sum = addend(o);
  for (let i = group * perGroup; i < (group + 1) * perGroup; i++) {
    const content = input === null ? Number.NaN : table.constant(input.first + i);
    if (content === 0 || !weighs(o, i)) continue;
    if (border !== null || Number.isNaN(content)) return Number.NaN;
    sum += total(o, i) * content;
  }
  return sum;
}

interface Subject {
  readonly found: Form;
  readonly mix: Mix;
  readonly weight: TensorData;
  readonly hasBias: boolean;
  readonly x: Value;
  readonly y: Value;
}
function rebuilt(b: GraphBuilder, node: MixingNode, subject: Subject, table: ChannelTable, pruned: Pruned): Value {
  const { found, mix, weight, hasBias, x, y } = subject;
  const everyInput = Array.from({ length: mix.inputs }, (_, i) => i);
  const inputs = pruned.kept(x) ?? everyInput;
  const outputs = pruned.kept(y) ?? Array.from({ length: mix.outputs }, (_, o) => o);
  const gone = new Set(everyInput);
  for (const i of inputs) gone.delete(i);
  const group = groupsLeft(mix, inputs);
  const form = found.form.resized(inputs.length, outputs.length, group);
  const added = outputs.map((o) => mix.addend(o) + shiftOf(mix, o, gone, table));
  const [dtype, name] = [weight.dtype, node.name];
  const w = b.tensor(`${node.inputs[1]?.name ?? name}.pruned`, taken(weight, found.form, form, inputs, outputs));
  const isShifted = hasBias || added.some((v) => v !== 0);
  const bias = isShifted ? b.tensor(`${node.inputs[2]?.name ?? `${name}.bias`}.pruned`, tensorFrom(dtype, [added.length], added)) : null;
  const data = pruned.value(x);
  const named = { name, outputs: [y.name] };
  const both = bias === null ? [data, w] : [data, w, bias];
  if (isOneOf(node, ["Conv", "ConvTranspose"])) return b.add(node.opType, both, { ...node.attributes, group }, named);
  if (isOneOf(node, ["Gemm"])) return b.add("Gemm", both, { ...node.attributes, beta: 1 }, named);
  return bias === null ? b.add("MatMul", [data, w], {}, named) : b.add("Add", [b.add("MatMul", [data, w]), bias], {}, named);
}
/** What the constants in the input channels that go have added to an output channel. */
function shiftOf(
  { input, inputs, outputs, groups, weighs, total }: Mix,
  o: number,
  gone: ReadonlySet<number>,
  table: ChannelTable,
): number {
  const [perGroup, group] = [inputs / groups, Math.floor(o / (outputs / groups))];
  let sum = 0;
  for (const i of gone) {
    if (input === null || Math.floor(i / perGroup) !== group || !weighs(o, i)) continue;
    sum += total(o, i) * table.constant(input.first + i);
  }
  return sum;
}
const groupsLeft = ({ inputs, groups }: Mix, kept: readonly number[]): number =>
  new Set(kept.map((i) => Math.floor(i / (inputs / groups)))).size;
/** The weights of the channels that stay. */
function taken(weight: TensorData, old: WeightForm, form: WeightForm, inputs: readonly number[], outputs: readonly number[]): TensorData {
  const source = elementsOf(weight);
  const isDirect = source instanceof Float32Array || source instanceof Float64Array;
  const values = isDirect
    ? new (source instanceof Float32Array ? Float32Array : Float64Array)(count(form.shape))
    : new Float64Array(count(form.shape));
  const [inPerGroup, outPerGroup] = [inputs.length / form.groups, outputs.length / form.groups];
  for (let o = 0; o < outputs.length; o++) {
    const oldOutput = outputs[o] ?? 0;
    const start = Math.floor(o / outPerGroup) * inPerGroup;
    for (let i = start; i < start + inPerGroup; i++) {
      const from = old.offset(oldOutput, inputs[i] ?? 0);
      const to = form.offset(o, i);
      for (let tap = 0; tap < form.taps; tap++) values[to + tap] = source[from + tap] ?? 0;
    }
  }
  return isDirect ? { dtype: weight.dtype, shape: form.shape, data: values } : tensorFrom(weight.dtype, form.shape, values);
}
