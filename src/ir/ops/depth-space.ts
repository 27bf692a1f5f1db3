/** Channels made pixels and back: the rearrangements behind sub-pixel convolution. */
import type { GraphBuilder } from "../builder.ts";
import { type Dim, exactDiv, floorDiv, mulDims } from "../dim.ts";
import { formulas } from "../formulas.ts";
import { type Node, printType, type TensorType, type Value } from "../graph.ts";
import { type AxisWindow, type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import { sameAxis } from "./axes.ts";
import { inputAt } from "./call-inputs.ts";
import { reshapeLike } from "./reshape-like.ts";

type Rearranging = "DepthToSpace" | "SpaceToDepth";

/** The records of DepthToSpace and SpaceToDepth. */
export const depthSpaceOps: OpFamily<Rearranging> = {
  DepthToSpace: {
    infer: (call) => {
      const [n, c, h, w] = imageOf(call);
      const b = blockOf(call);
      if (call.attributes.mode !== "DCR" && call.attributes.mode !== "CRD")
        throw new RuleFault("op-attribute", `"mode" is "${call.attributes.mode}", wanted "DCR" or "CRD"`);
      return [typed(call, [n, divided(call, c, b * b, "channels"), mulDims(h, b), mulDims(w, b)])];
    },
    evaluate: "none",
    grad: (b, node, [dy]) => [dy == null ? null : backToDepth(b, node, dy)],
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: (node) => {
      const b = blockOf(node);
      // floor(i / b) is the only whole number from (i - b + 1) / b to i / b.
      const along = (axis: number): AxisWindow => ({ axis, size: 2 - 1 / b, stride: 1 / b, start: (1 - b) / b });
      return [sameAxis(0), "all", along(2), along(3)];
    },
    docs: {
      summary: "Spreads groups of blocksize^2 channels over blocks of pixels; mode CRD is PyTorch's pixel shuffle, DCR TensorFlow's.",
      formula: "CRD: y[n, c, h b + i, w b + j] = x[n, (c b + i) b + j, h, w]; DCR: = x[n, (i b + j) C + c, h, w]",
      source: "Shi et al., arXiv:1609.05158; https://onnx.ai/onnx/operators/onnx__DepthToSpace.html",
    },
  },
  SpaceToDepth: {
    infer: (call) => {
      const [n, c, h, w] = imageOf(call);
      const b = blockOf(call);
      return [typed(call, [n, mulDims(c, b * b), divided(call, h, b, "rows"), divided(call, w, b, "columns")])];
    },
    evaluate: "none",
    // SpaceToDepth puts a block's pixels before its channels, as DepthToSpace takes them in mode DCR.
    grad: (b, node, [dy]) => [dy == null ? null : b.add("DepthToSpace", [dy], { blocksize: node.attributes.blocksize, mode: "DCR" })],
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: (node) => {
      const b = blockOf(node);
      const along = (axis: number): AxisWindow => ({ axis, size: b, stride: b, start: 0 });
      return [sameAxis(0), "all", along(2), along(3)];
    },
    docs: {
      summary: "Stacks the pixels of each block as channels.",
      formula: "y[n, (i b + j) C + c, h, w] = x[n, c, h b + i, w b + j]",
      source: "https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html",
    },
  },
};

type RearrangingCall = Pick<Call<Rearranging>, "inputs" | "attributes">;
const blockOf = ({ attributes: { blocksize } }: RearrangingCall): number => {
  if (blocksize < 1) throw new RuleFault("op-attribute", `"blocksize" is ${blocksize}, wanted 1 or more`);
  return blocksize;
};
function imageOf(call: RearrangingCall): readonly [Dim, Dim, Dim, Dim] {
  const x = inputAt(call, 0).type;
  const [n, c, h, w, ...more] = x.shape;
  if (n === undefined || c === undefined || h === undefined || w === undefined || more.length > 0)
    throw new RuleFault("op-rank", `the input is ${printType(x)}, wanted [N, C, H, W]`);
  return [n, c, h, w];
}
const typed = (call: RearrangingCall, shape: readonly Dim[]): TensorType => ({ dtype: inputAt(call, 0).type.dtype, shape });
function divided(call: RearrangingCall, size: Dim, by: number, what: string): Dim {
  const exact = exactDiv(size, by);
  if (exact !== null) return exact;
  if (typeof size === "number")
    throw new RuleFault(
      "block-size",
      `the ${size} ${what} of ${printType(inputAt(call, 0).type)} are no multiple of ${by}`,
      "choose a blocksize that divides them",
    );
  // The division has no rest, or the graph fails when it runs: the floor is exact.
  return floorDiv(size, by);
}

/** The cotangent with each block's pixels back in the channels they came from. */
function backToDepth(b: GraphBuilder, node: Node<"DepthToSpace">, dy: Value): Value {
  const { blocksize, mode } = node.attributes;
  const stacked = b.add("SpaceToDepth", [dy], { blocksize });
  if (mode === "DCR") return stacked;
  // From [block, C] to [C, block].
  const x = inputAt(node, 0);
  const f = formulas(b);
  const [, channels = 0] = dy.type.shape;
  if (typeof channels !== "number")
    throw new RuleFault("unknown-channels", `the gradient of DepthToSpace in mode CRD needs a known number of channels, not ${channels}`);
  const parts = f.reshape(stacked, [0, blocksize * blocksize, channels, -1]);
  return reshapeLike(b, f.transpose(parts, [0, 2, 1, 3]), x);
}
