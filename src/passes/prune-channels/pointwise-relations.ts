/** Arithmetic on single elements and normalisation per channel: what goes in as a channel comes out as one. */
import type { Dim } from "../../ir/dim.ts";
import { dtypeFromOnnx, isFloat } from "../../ir/dtype.ts";
import type { Node, Value } from "../../ir/graph.ts";
import type { OpType } from "../../ir/op-types.ts";
import { schemaOf } from "../../ir/ops/index.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { numbersOf, scalar } from "../../ir/tensor-data.ts";
import { batchNormAffine } from "../linear/batch-norm-affine.ts";
import { isOneOf, type RewriteContext, skip } from "../rewrite.ts";
import { again, type Relation, type RelationOutcome, type RelationRule, straight } from "./channel-relation.ts";
import type { Channels, ChannelTable } from "./channel-table.ts";
import { takeAlong, uniformAlong } from "./take-channels.ts";

/** Ops whose output elements depend on one element of each input, by NumPy's rule of broadcasting. */
export const pointwiseOps = [
  ...(["Relu", "LeakyRelu", "PRelu", "Elu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus", "Gelu"] as const),
  ...(["Mish", "Swish", "Erf", "Clip", "Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean", "Max", "Min", "Neg", "Abs", "Sign"] as const),
  ...(["Sqrt", "Exp", "Log", "Reciprocal", "Sin", "Cos", "Floor", "Ceil", "Round", "Identity", "Cast", "Dropout"] as const),
] as const satisfies readonly OpType[];
type PointwiseOp = (typeof pointwiseOps)[number];

/** An input as its channels see it. */
type Operand =
  | { readonly kind: "channels"; readonly channels: Channels }
  /** A constant with numbers of its own for each channel; NaN where it varies within one. */
  | { readonly kind: "constant"; readonly contents: readonly number[]; readonly axis: number }
  /** One number for all channels, NaN where it is not known. */
  | { readonly kind: "shared"; readonly content: number };

/** The relation of elementwise arithmetic. */
export const pointwise: RelationRule<Node<PointwiseOp>> = (node, table, context) => {
  const y = outputAt(node.outputs, 0);
  if (node.outputs.slice(1).some((v) => v !== null)) return skip("another of its outputs is asked for");
  if (isOneOf(node, ["Cast"]) && !isFloat(dtypeFromOnnx(node.attributes.to) ?? "string")) return skip("its output holds no floats");
  if (isOneOf(node, ["Dropout"]) && !isInference(node.inputs[2], context)) return skip("it is in training mode");
  const rank = y.type.shape.length;
  const leading = node.inputs.flatMap((v) => axisIn(table.of(v), v, rank, y)).at(0);
  if (leading === undefined) return null;
  const count = Number(y.type.shape[leading]);
  const operands = node.inputs.map((v) => (v === null ? null : operandOf(v, rank, leading, count, table, context)));
  if (operands.includes("misfit")) return skip("its inputs do not have the same channels");
  const known = operands.map((operand) => (operand === "misfit" ? null : operand));
  const tied = known.flatMap((operand) => (operand?.kind === "channels" ? [operand.channels] : []));
  return {
    outputs: [{ value: y, axis: leading, count }],
    ties: tied.map((channels) => straight(channels)),
    mix: null,
    whole: node.inputs.flatMap((v, i) => (v !== null && known[i]?.kind === "shared" ? [v] : [])),
    constant: (_, c) =>
      isOpen(node, known, c, table)
        ? Number.NaN
        : computed(
            node,
            known.map((operand) => (operand === null ? null : contentOf(operand, c, table))),
          ),
    rebuild: (b, pruned) => {
      const kept = pruned.kept(y) ?? [];
      const slices = node.inputs.flatMap((v, i) => {
        const [operand, tensor] = [known[i], v === null ? null : context.contents(v)];
        return v !== null && tensor !== null && operand?.kind === "constant"
          ? [[i, b.tensor(`${v.name}.pruned`, takeAlong(tensor, operand.axis, kept))] as const]
          : [];
      });
      return again(b, node, pruned, new Map(slices));
    },
  };
};
const isInference = (mode: Value | null | undefined, context: RewriteContext): boolean =>
  !mode || numbersOf(context.contents(mode) ?? scalar(1))?.[0] === 0;
/** The output's axis along which an input's channels lie; none where it has none, or broadcasts one over many. */
function axisIn(channels: Channels | null, value: Value | null, rank: number, y: Value): readonly number[] {
  if (channels === null || value === null) return [];
  const axis = channels.axis + rank - value.type.shape.length;
  return y.type.shape[axis] === channels.count ? [axis] : [];
}
function operandOf(
  v: Value,
  rank: number,
  leading: number,
  count: number,
  table: ChannelTable,
  context: RewriteContext,
): Operand | "misfit" {
  const axis = leading - rank + v.type.shape.length;
  const channels = table.of(v);
  if (channels !== null && channels.axis === axis && channels.count === count) return { kind: "channels", channels };
  const [size, tensor] = [axis < 0 ? 1 : v.type.shape[axis], context.contents(v)];
  if (size === 1)
    return {
      kind: "shared",
      content: tensor === null ? Number.NaN : (uniformAlong({ ...tensor, shape: [1, tensor.data.length] }, 0)[0] ?? Number.NaN),
    };
  return tensor !== null && size === count ? { kind: "constant", contents: uniformAlong(tensor, axis), axis } : "misfit";
}
function contentOf(operand: Operand, c: number, table: ChannelTable): number {
  if (operand.kind === "channels") return table.constant(operand.channels.first + c);
  return operand.kind === "constant" ? (operand.contents[c] ?? Number.NaN) : operand.content;
}

/** True, for most channels, where nothing is known of what is computed: an operand is not known, and the op no product that a zero settles. */
function isOpen(node: Node<PointwiseOp>, operands: readonly (Operand | null)[], c: number, table: ChannelTable): boolean {
  let unknown = false;
  for (const operand of operands) {
    const content = operand === null ? null : contentOf(operand, c, table);
    if (content === 0 && (node.opType === "Mul" || node.opType === "Div")) return false;
    if (content !== null && Number.isNaN(content)) unknown = true;
  }
  return unknown && node.opType !== "Dropout";
}
/** What an op makes of numbers, NaN where one that matters is not known. Null stands for an input that is absent. */
function computed(node: Node<PointwiseOp>, contents: readonly (number | null)[]): number {
  const [a] = contents;
  // Whatever the other factor is: infinities apart, which no weight of zero would stop either.
  if (isOneOf(node, ["Mul"]) && contents.includes(0)) return 0;
  if (isOneOf(node, ["Div"]) && a === 0 && contents[1] !== 0) return 0;
  if (isOneOf(node, ["Dropout", "Identity", "Cast"])) return a ?? Number.NaN;
  if (contents.some((v) => v !== null && Number.isNaN(v))) return Number.NaN;
  return evaluated(node, contents) ?? curves(node, a ?? Number.NaN, contents[1] ?? Number.NaN);
}
/** What the op's record computes. */
function evaluated<T extends OpType>(node: Node<T>, contents: readonly (number | null)[]): number | null {
  const { evaluate } = schemaOf(node.opType);
  if (evaluate === "none") return null;
  const inputs = node.inputs.map((v, i) => {
    const content = contents[i];
    return v === null || content === null || content === undefined
      ? null
      : { ...v, type: { dtype: v.type.dtype, shape: [1] }, elements: [content] satisfies readonly Dim[] };
  });
  const outcome = evaluate({ opType: node.opType, inputs, attributes: node.attributes, outputCount: 1, unknown: () => "?" });
  const result = outcome[0]?.[0];
  return typeof result === "number" ? result : Number.NaN;
}
/** The functions whose records do not compute. */
function curves(node: Node<PointwiseOp>, x: number, second: number): number {
  if (isOneOf(node, ["LeakyRelu"])) return x < 0 ? node.attributes.alpha * x : x;
  if (isOneOf(node, ["PRelu"])) return x < 0 ? second * x : x;
  if (isOneOf(node, ["Elu"])) return x < 0 ? node.attributes.alpha * Math.expm1(x) : x;
  if (isOneOf(node, ["HardSigmoid"])) return Math.max(0, Math.min(1, node.attributes.alpha * x + node.attributes.beta));
  if (isOneOf(node, ["HardSwish"])) return x * Math.max(0, Math.min(1, x / 6 + 0.5));
  if (isOneOf(node, ["Softplus"])) return softplus(x);
  if (isOneOf(node, ["Mish"])) return x * Math.tanh(softplus(x));
  if (isOneOf(node, ["Swish"])) return x / (1 + Math.exp(-node.attributes.alpha * x));
  // Gelu and Erf: there is no error function here.
  return x === 0 ? 0 : Number.NaN;
}
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** The relation of a normalisation whose statistics and scale are those of one channel. */
export const normalization: RelationRule<Node<"BatchNormalization" | "InstanceNormalization">> = (node, table, context) => {
  const [x, ...parameters] = node.inputs;
  const channels = table.of(x);
  if (channels === null) return null;
  const tensors = parameters.map((v) => (v === null ? null : context.contents(v)));
  const y = outputAt(node.outputs, 0);
  if (channels.axis !== 1) return skip("its channels lie along another axis");
  if (node.outputs.slice(1).some((v) => v !== null)) return skip("it is in training mode");
  if (tensors.includes(null)) return skip("its statistics, scale or bias are not constant");
  const affine = isOneOf(node, ["BatchNormalization"]) ? batchNormAffine(node, context.contents) : null;
  if (isOneOf(node, ["BatchNormalization"]) && affine === null) return skip("it is in training mode");
  // A constant minus its mean is nothing, up to rounding: only the bias of what is zero is exact.
  const own = affine ?? { factor: uniform(tensors[0] ?? null), shift: uniform(tensors[1] ?? null) };
  return carried(node, y, channels, {
    constant: (c) => {
      const [content, factor = Number.NaN, shift = Number.NaN] = [table.constant(channels.first + c), own.factor[c], own.shift[c]];
      if (factor === 0 || content === 0) return shift;
      return affine === null ? Number.NaN : factor * content + shift;
    },
    replaced: (b, kept) =>
      new Map(
        parameters.flatMap((v, i) => {
          const tensor = tensors[i] ?? null;
          return v === null || tensor === null ? [] : [[i + 1, b.tensor(`${v.name}.pruned`, takeAlong(tensor, 0, kept))] as const];
        }),
      ),
  });
};
const uniform = (tensor: Parameters<typeof uniformAlong>[0] | null): readonly number[] => (tensor === null ? [] : uniformAlong(tensor, 0));

/** What a node does that keeps one input's channels apart. */
interface Carrying {
  /** Where the output's channels lie; where the input's do when absent. */
  readonly axis?: number;
  constant(channel: number): number;
  /** The other inputs for fewer channels, by index; as they are when absent. */
  readonly replaced?: (b: Parameters<Relation["rebuild"]>[0], kept: readonly number[]) => ReadonlyMap<number, Value>;
}
/** The relation of a node from one tensor to another with the same channels. */
export function carried(node: Node, y: Value, channels: Channels, { axis = channels.axis, constant, replaced }: Carrying): RelationOutcome {
  return {
    outputs: [{ value: y, axis, count: channels.count }],
    ties: [straight(channels)],
    mix: null,
    whole: [],
    constant: (_, c) => constant(c),
    rebuild: (b, pruned) => again(b, node, pruned, replaced?.(b, pruned.kept(y) ?? [])),
  };
}
