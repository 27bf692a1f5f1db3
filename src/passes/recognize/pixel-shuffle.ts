/** Finds DepthToSpace and SpaceToDepth in a Reshape, a Transpose and a Reshape. */
import { type Dim, mulDims } from "../../ir/dim.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { sameShape } from "../../ir/shape.ts";
import { type Replacement, type RewriteContext, type RewriteOutcome, rewriteRule, skip } from "../rewrite.ts";
import { madeBy, oneOp, outcomeOf, type Recognition } from "./pattern.ts";

const rearrangement = rewriteRule("recognize-pixel-shuffle", ["Reshape"], (node, context): RewriteOutcome => {
  const transpose = madeBy(inputAt(node, 0), "Transpose");
  const split = transpose === null ? null : madeBy(inputAt(transpose, 0), "Reshape");
  const x = split === null ? null : inputAt(split, 0);
  if (transpose === null || x === null || x.type.shape.length !== 4 || outputAt(node.outputs, 0).type.shape.length !== 4) return "keep";
  const form = forms[(transpose.attributes.perm ?? []).join("")]?.(inputAt(transpose, 0).type.shape, x, node);
  if (form === undefined || form === null) return "keep";
  // onnxruntime has kernels for these two types alone.
  if (x.type.dtype !== "float32" && x.type.dtype !== "float64") return skip(`${form.opType} is not made for ${x.type.dtype}`);
  const { opType, order = null, ...attributes } = form;
  const build = order === null ? oneOp(node, opType, x, attributes) : ordered(node, x, form, order);
  return outcomeOf(node, { leaves: [x], build }, context);
});
/** SpaceToDepth, and its channels in another order. */
const ordered =
  (node: Node, x: Value, { blocksize }: Form, order: readonly number[]) =>
  (context: RewriteContext): Replacement =>
  (b) => {
    const deep = b.add("SpaceToDepth", [context.value(x)], { blocksize });
    return [b.add("Gather", [deep, b.constant("int64", order)], { axis: 1 }, { name: node.name })];
  };

type Form =
  | { readonly opType: "DepthToSpace"; readonly blocksize: number; readonly mode: "CRD" | "DCR"; readonly order?: undefined }
  | { readonly opType: "SpaceToDepth"; readonly blocksize: number; readonly order?: readonly number[] };
/** What the six axes between the Reshapes have to be, by the permutation that moves them. */
const forms: Readonly<Record<string, (axes: readonly Dim[], x: Value, node: Node) => Form | null>> = {
  "014253": (axes, x, node) => {
    const [n = 0, c = 0, block, block2, h = 0, w = 0] = axes;
    return toSpace(x, node, { n, c, h, w, block, block2, mode: "CRD" });
  },
  "034152": (axes, x, node) => {
    const [n = 0, block, block2, c = 0, h = 0, w = 0] = axes;
    return toSpace(x, node, { n, c, h, w, block, block2, mode: "DCR" });
  },
  "035124": (axes, x, node) => {
    const blocksize = blockOfPixels(axes, x, node);
    return blocksize === null ? null : { opType: "SpaceToDepth", blocksize };
  },
  // As torch's pixel_unshuffle has it: a block's pixels behind their channel, where SpaceToDepth has them before all channels.
  "013524": (axes, x, node) => {
    const [blocksize, channels] = [blockOfPixels(axes, x, node), axes[1]];
    if (blocksize === null || typeof channels !== "number") return null;
    const pixels = blocksize * blocksize;
    const order = Array.from({ length: channels * pixels }, (_, o) => (o % pixels) * channels + Math.floor(o / pixels));
    return channels === 1 ? { opType: "SpaceToDepth", blocksize } : { opType: "SpaceToDepth", blocksize, order };
  },
};
interface Blocks {
  readonly n: Dim;
  readonly c: Dim;
  readonly h: Dim;
  readonly w: Dim;
  readonly block: Dim | undefined;
  readonly block2: Dim | undefined;
  readonly mode: "CRD" | "DCR";
}
function toSpace(x: Value, node: Node, { n, c, h, w, block, block2, mode }: Blocks): Form | null {
  if (typeof block !== "number" || block !== block2 || block < 2) return null;
  const before = [n, mulDims(c, block * block), h, w];
  const after = [n, c, mulDims(h, block), mulDims(w, block)];
  if (!sameShape(x.type.shape, before) || !sameShape(outputAt(node.outputs, 0).type.shape, after)) return null;
  return { opType: "DepthToSpace", blocksize: block, mode };
}
/** The edge of the blocks of pixels that become channels. */
function blockOfPixels(axes: readonly Dim[], x: Value, node: Node): number | null {
  const [n = 0, c = 0, h = 0, block, w = 0, block2] = axes;
  if (typeof block !== "number" || block !== block2 || block < 2) return null;
  const before = [n, c, mulDims(h, block), mulDims(w, block)];
  const after = [n, mulDims(c, block * block), h, w];
  return sameShape(x.type.shape, before) && sameShape(outputAt(node.outputs, 0).type.shape, after) ? block : null;
}

/** The rearrangements of sub-pixel convolution in parts. */
export const pixelShuffles: readonly Recognition[] = [{ rule: rearrangement, since: 1 }];
