/** Arithmetic with constants that treats each channel alike at every place: y = factor * x + shift, channel by channel. */
import type { Node, Value } from "../../ir/graph.ts";
import { numbersOf } from "../../ir/tensor-data.ts";
import { isOneOf, type RewriteContext } from "../rewrite.ts";
import { type Affine, batchNormAffine } from "./batch-norm-affine.ts";

/** What an op of a value and a number does to it, given which of them comes first; null where it is no factor and shift. */
type ElementStep = (constant: number, valueFirst: boolean) => { readonly factor: number; readonly shift: number } | null;
/** The arithmetic of a value and a constant. */
export const elementSteps: Readonly<Record<"Add" | "Sub" | "Mul" | "Div", ElementStep>> = {
  Add: (c) => ({ factor: 1, shift: c }),
  Sub: (c, first) => (first ? { factor: 1, shift: -c } : { factor: -1, shift: c }),
  Mul: (c) => ({ factor: c, shift: 0 }),
  Div: (c, first) => (first ? { factor: 1 / c, shift: 0 } : null),
};
const arithmetic = ["Add", "Sub", "Mul", "Div"] as const;
/** The ops that may be such a step. */
export const channelSteps = ["BatchNormalization", ...arithmetic] as const;
/** A node of one of them. */
export type ChannelStepNode = Node<(typeof channelSteps)[number]>;

/** A step: its input, and what it does to the channels along axis 1. */
export interface ChannelStep {
  readonly x: Value;
  readonly affine: Affine;
  /** True for one constant for each channel, false for one number for all. */
  readonly varies: boolean;
}
/** What a node does to each channel of one of its inputs, [N, C, ...]; null for a node that does more than that. */
export function channelStepOf(node: ChannelStepNode, context: RewriteContext): ChannelStep | null {
  if (isOneOf(node, ["BatchNormalization"])) {
    const [x] = node.inputs;
    const affine = batchNormAffine(node, context.contents);
    return x && affine !== null ? { x, affine, varies: true } : null;
  }
  if (!isOneOf(node, arithmetic)) return null;
  for (const side of [1, 0] as const) {
    const [x, constant] = [node.inputs[1 - side], node.inputs[side]];
    const channels = x?.type.shape[1];
    const values = x && constant && context.contents(x) === null ? perChannel(constant, x, context) : null;
    const steps = values?.map((v) => elementSteps[node.opType](v, side === 1)) ?? [];
    if (!x || values === null || typeof channels !== "number" || !steps.every((step) => step !== null)) continue;
    const [factor, shift] = [steps.map((s) => s.factor), steps.map((s) => s.shift)];
    return { x, affine: { factor: ofEach(channels, factor), shift: ofEach(channels, shift) }, varies: steps.length > 1 };
  }
  return null;
}
/** One number for all channels, or one for each, as the latter. */
const ofEach = (channels: number, numbers: readonly number[]): readonly number[] =>
  numbers.length === 1 ? new Array<number>(channels).fill(numbers[0] ?? 0) : numbers;

/** A constant that broadcasts along the channels of x alone, as one number for each, or for all; null for another. */
function perChannel(constant: Value, x: Value, context: RewriteContext): readonly number[] | null {
  const rank = x.type.shape.length;
  const { shape } = constant.type;
  const [, channels] = x.type.shape;
  const tensor = context.contents(constant);
  if (tensor === null || typeof channels !== "number" || shape.length > rank) return null;
  const count = tensor.data.length;
  return count === 1 || (count === channels && shape[1 - rank + shape.length] === channels) ? numbersOf(tensor) : null;
}
