/** Finds the rearrangement of pixels to channels in slices with steps that are joined: YOLOv5's focus, Swin's patch merging. */
import { exactDiv } from "../../ir/dim.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { axisOf } from "../../ir/ops/axes.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { firstPosition, slicesOf } from "../../ir/ops/slice-rules.ts";
import { staticShape } from "../../ir/shape.ts";
import { isOneOf, type Replacement, type RewriteContext, type RewriteOutcome, rewriteRule } from "../rewrite.ts";
import { outcomeOf, type Recognition } from "./pattern.ts";

/** Every pixel of blocks of two axes, in as many slices, and where in the block each slice begins. */
interface Blocks {
  readonly x: Value;
  readonly axes: readonly [number, number];
  readonly block: number;
  readonly places: readonly (readonly [number, number])[];
}

/** Slices of all places in square blocks, joined along a third axis: SpaceToDepth for channels before pixels, else one Transpose between two Reshapes. */
const blocksOfSlices = rewriteRule("recognize-strided-slices", ["Concat"], (node, context): RewriteOutcome => {
  const blocks = blocksOf(node);
  if (blocks === null) return "keep";
  const { x, axes } = blocks;
  const joined = axisOf(node.attributes.axis, x.type.shape.length);
  const isImage = x.type.shape.length === 4 && joined === 1 && axes.join() === "2,3";
  const hasKernel = x.type.dtype === "float32" || x.type.dtype === "float64";
  const build = isImage && hasKernel ? toDepth(node, blocks, context) : transposed(node, blocks, joined, context);
  return build === null ? "keep" : outcomeOf(node, { leaves: [x], build: () => build }, context);
});

function blocksOf(node: Node<"Concat">): Blocks | null {
  const all = node.inputs.map((v) => (v === null ? null : sliceOf(v)));
  const [first] = all;
  const block = Math.sqrt(all.length);
  if (first === null || first === undefined || !Number.isInteger(block) || block < 2) return null;
  const { x, axes } = first;
  if (!all.every((slice) => slice?.x === x && slice.step === block && slice.axes.join() === axes.join())) return null;
  if (
    axes.includes(axisOf(node.attributes.axis, x.type.shape.length)) ||
    !axes.every((axis) => exactDiv(x.type.shape[axis] ?? 1, block) !== null)
  )
    return null;
  const places = all.flatMap((slice) => (slice === null ? [] : [slice.place]));
  const isWhole = new Set(places.map(([i, j]) => i * block + j)).size === all.length;
  return isWhole && places.every((place) => place.every((at) => at < block)) ? { x, axes, block, places } : null;
}
/** A slice along two axes that takes every so manyth place from one in the first block on to the end. */
function sliceOf(value: Value) {
  const { producer } = value;
  if (producer === null || !isOneOf(producer, ["Slice"])) return null;
  const x = inputAt(producer, 0);
  const [a, b, more] = (slicesOf(producer) ?? []).toSorted((p, q) => p.axis - q.axis);
  if (a === undefined || b === undefined || more !== undefined || a.step === null || a.step !== b.step || a.step < 2) return null;
  const place = [a, b].map((slice) => firstPosition(x.type.shape[slice.axis] ?? 0, slice));
  const isToEnd = [a, b].every(({ axis, step }) => exactDiv(x.type.shape[axis] ?? 1, step ?? 1) === value.type.shape[axis]);
  const [i, j] = place;
  if (typeof i !== "number" || typeof j !== "number" || !isToEnd) return null;
  return { x, axes: [a.axis, b.axis] as const, step: a.step, place: [i, j] as const };
}

/** SpaceToDepth, its channels in another order where the slices are joined in another one. */
function toDepth(node: Node, { x, block, places }: Blocks, context: RewriteContext): Replacement | null {
  const channels = x.type.shape[1];
  if (typeof channels !== "number") return null;
  const order = places.flatMap(([i, j]) => Array.from({ length: channels }, (_, c) => (i * block + j) * channels + c));
  const isInOrder = order.every((from, to) => from === to);
  return (b) => {
    const deep = b.add("SpaceToDepth", [context.value(x)], { blocksize: block }, isInOrder ? { name: node.name } : {});
    return [isInOrder ? deep : b.add("Gather", [deep, b.constant("int64", order)], { axis: 1 }, { name: node.name })];
  };
}
/** The same for other axes, where rows or columns of the blocks follow each other. */
function transposed(node: Node, { x, axes, block, places }: Blocks, joined: number, context: RewriteContext): Replacement | null {
  const { shape } = x.type;
  const byRows = places.every(([i, j], at) => i * block + j === at);
  const byColumns = places.every(([i, j], at) => j * block + i === at);
  const [batch, ...rest] = shape;
  const to = staticShape(outputAt(node.outputs, 0).type.shape.slice(1));
  // One size may be a symbol, that of the batch.
  if ((!byRows && !byColumns) || staticShape(rest) === null || to === null || axes[0] === 0 || joined === 0 || batch === undefined)
    return null;
  const split = shape.flatMap((d, axis) => (axis === 0 ? [-1] : axes.some((a) => a === axis) ? [Number(d) / block, block] : [Number(d)]));
  /** Where an axis of x is among those of the split tensor. */
  const at = (axis: number): number => axis + axes.filter((a) => a < axis).length;
  const within = (byRows ? axes : axes.toReversed()).map((axis) => at(axis) + 1);
  const perm = shape.flatMap((_, axis) => (axis === joined ? [...within, at(axis)] : [at(axis)]));
  return (b) => {
    const cut = b.add("Reshape", [context.value(x), b.constant("int64", split)]);
    const moved = b.add("Transpose", [cut], { perm });
    return [b.add("Reshape", [moved, b.constant("int64", [-1, ...to])], {}, { name: node.name })];
  };
}

/** Slices with steps that are joined. */
export const stridedSlices: readonly Recognition[] = [{ rule: blocksOfSlices, since: 1 }];
