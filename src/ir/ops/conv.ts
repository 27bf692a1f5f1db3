/** Convolution and its transpose. */
import { addDims, type Dim, floorDiv, maxDims, mulDims, neverEqual, productOf, subDims } from "../dim.ts";
import { shapeValue } from "../formulas.ts";
import { type Node, printType, type TensorType, type Value } from "../graph.ts";
import { type AxisWindow, type Call, type Flops, type OpFamily, RuleFault } from "../op-schema.ts";
import type { Shape } from "../shape.ts";
import { sameAxis } from "./axes.ts";
import { inputAt, optionalInput } from "./call-inputs.ts";
import { sumPerChannel } from "./channels.ts";
import { firstOutput } from "./elementwise.ts";
import { checkedWindow, extentOf, gaps, halves, resolvedWindow, type Slide, slidesOf, spelledOutPads } from "./window.ts";

type ConvType = "Conv" | "ConvTranspose";

/** The kernel's sizes, from the attribute or else from the weight; null when neither has them as numbers. */
function kernelOf(weight: TensorType, given: readonly number[] | undefined): readonly number[] | null {
  const spatial = weight.shape.slice(2);
  const kernel = given ?? spatial.flatMap((d) => (typeof d === "number" ? [d] : []));
  if (given !== undefined && (given.length !== spatial.length || given.some((k, i) => neverEqual(k, spatial[i] ?? k)))) {
    throw new RuleFault("kernel-mismatch", `"kernel_shape" is [${given.join(", ")}] but the weight is ${printType(weight)}`);
  }
  return kernel.length === spatial.length ? kernel : null;
}

/** Checks ranks and the group count that Conv and ConvTranspose share. */
function checkOperands(x: TensorType, w: TensorType, group: number): void {
  if (x.shape.length < 3) {
    throw new RuleFault("rank-mismatch", `the input is ${printType(x)}, wanted [N, C, ...spatial]`, "add the missing axes with Unsqueeze");
  }
  if (w.shape.length !== x.shape.length) {
    throw new RuleFault("rank-mismatch", `the input is ${printType(x)} but the weight is ${printType(w)}: they need as many axes`);
  }
  if (group < 1) throw new RuleFault("op-attribute", `"group" is ${group}, wanted 1 or more`);
}
function checkGroups(what: string, channels: Dim | undefined, group: number): void {
  if (typeof channels === "number" && channels % group !== 0) {
    throw new RuleFault(
      "group-mismatch",
      `${group} groups do not divide ${channels} ${what} channels`,
      "make the channels a multiple of the groups",
    );
  }
}
function checkChannels(x: TensorType, expected: Dim, group: number): void {
  const channels = x.shape[1] ?? 1;
  if (!neverEqual(channels, expected)) return;
  const groups = group === 1 ? "" : ` (${group} groups)`;
  throw new RuleFault(
    "channel-mismatch",
    `input has ${channels} channels (axis 1 of ${printType(x)}) but weight expects ${expected}${groups}`,
  );
}
function checkBias(bias: Value | null, channels: Dim): void {
  if (bias === null) return;
  const { shape } = bias.type;
  if (shape.length !== 1 || neverEqual(shape[0] ?? 1, channels)) {
    throw new RuleFault(
      "bias-mismatch",
      `the bias is ${printType(bias.type)} but there are ${channels} output channels`,
      "give it one element per output channel",
    );
  }
}

function inferConv(call: Call<"Conv">): readonly TensorType[] {
  const [x, w] = [inputAt(call, 0).type, inputAt(call, 1).type];
  const { group } = call.attributes;
  const [n = 1] = x.shape;
  const [m = 1, perGroup = 1] = w.shape;
  checkOperands(x, w, group);
  checkChannels(x, mulDims(perGroup, group), group);
  checkGroups("output", m, group);
  checkBias(optionalInput(call, 2), m);
  const kernel = kernelOf(w, call.attributes.kernel_shape);
  const spatial =
    kernel === null ? x.shape.slice(2).map(() => call.unknown()) : slidesOf(x.shape.slice(2), kernel, call.attributes).map((s) => s.out);
  return [{ dtype: x.dtype, shape: [n, m, ...spatial] }];
}
function inferConvTranspose(call: Call<"ConvTranspose">): readonly TensorType[] {
  const [x, w] = [inputAt(call, 0).type, inputAt(call, 1).type];
  const { group } = call.attributes;
  const [n = 1] = x.shape;
  const [expected = 1, perGroup = 1] = w.shape;
  checkOperands(x, w, group);
  checkChannels(x, expected, 1);
  checkGroups("input", expected, group);
  const m = mulDims(perGroup, group);
  checkBias(optionalInput(call, 2), m);
  const kernel = kernelOf(w, call.attributes.kernel_shape);
  const spatial =
    kernel === null
      ? x.shape.slice(2).map(() => call.unknown())
      : transposedSlides(x.shape.slice(2), kernel, call.attributes).map((s) => s.out);
  return [{ dtype: x.dtype, shape: [n, m, ...spatial] }];
}

type TransposeAttributes = Node<"ConvTranspose">["attributes"];

/** The windows of a transposed convolution, in which input i reaches the outputs i * stride - begin + j * dilation. */
function transposedSlides(sizes: Shape, kernel: readonly number[], attributes: TransposeAttributes): readonly Slide[] {
  const { strides, dilations } = checkedWindow(sizes.length, kernel, attributes);
  const rank = sizes.length;
  const asked = attributes.output_shape?.slice(-rank);
  checkOutputs(rank, attributes);
  return sizes.map((size, i) => {
    const [k, stride, dilation] = [kernel[i] ?? 1, strides[i] ?? 1, dilations[i] ?? 1];
    const padding = attributes.output_padding?.[i] ?? 0;
    // (size - 1) * stride + output_padding + extent: the outputs before anything is cut off.
    const natural = addDims(mulDims(subDims(size, 1), stride), padding + extentOf(k, dilation));
    const wanted = asked?.[i] ?? (attributes.auto_pad.startsWith("SAME") ? mulDims(size, stride) : null);
    const [begin, end] =
      wanted === null
        ? explicitPads(attributes, i, rank)
        : halves(maxDims(0, subDims(natural, wanted)), attributes.auto_pad === "SAME_UPPER");
    const out = asked?.[i] ?? subDims(natural, addDims(begin, end));
    if (typeof out === "number" && out < 1) {
      throw new RuleFault("kernel-too-large", `the output's spatial axis ${i} would have ${out} elements`, "use less padding");
    }
    return { kernel: k, stride, dilation, begin, end, size, out };
  });
}
function checkOutputs(rank: number, { output_padding, output_shape }: TransposeAttributes): void {
  if (output_padding !== undefined && (output_padding.length !== rank || output_padding.some((p) => p < 0))) {
    throw new RuleFault("op-attribute", `"output_padding" is [${output_padding.join(", ")}], wanted ${rank} entries, 0 or more each`);
  }
  if (output_shape !== undefined && output_shape.length !== rank && output_shape.length !== rank + 2) {
    throw new RuleFault("op-attribute", `"output_shape" has ${output_shape.length} entries, wanted ${rank} for ${rank} spatial axes`);
  }
}
const explicitPads = (attributes: TransposeAttributes, axis: number, rank: number): readonly [Dim, Dim] =>
  attributes.auto_pad === "VALID" ? [0, 0] : [attributes.pads?.[axis] ?? 0, attributes.pads?.[axis + rank] ?? 0];

/** The windows of a node that is in a graph. */
function slidesOfNode(node: Node<ConvType>): readonly Slide[] {
  const sizes = inputAt(node, 0).type.shape.slice(2);
  const kernel = kernelOf(inputAt(node, 1).type, node.attributes.kernel_shape);
  if (kernel === null) throw new RuleFault("unknown-kernel", "the kernel's sizes are not known", "give kernel_shape");
  return node.opType === "Conv" ? slidesOf(sizes, kernel, node.attributes) : transposedSlides(sizes, kernel, node.attributes);
}

/** A multiply-add per output element, tap and input channel of its group; a bias is one addition per output element. */
function flopsOf(perElement: Shape, count: Shape, bias: Value | null, outputs: Shape): Flops {
  return { macs: mulDims(productOf(perElement), productOf(count)), other: bias === null ? 0 : productOf(outputs) };
}

/** Convolutions. */
export const convOps: OpFamily<ConvType> = {
  Conv: {
    infer: inferConv,
    evaluate: "none",
    // Y = X * W + B: each gradient is linear in dY; the best form of the first two depends on the target.
    grad: (b, node, [dy], wanted) => {
      if (dy === null || dy === undefined) return [null, null, null];
      const [x, w] = [inputAt(node, 0), inputAt(node, 1)];
      const attributes = { ...resolvedWindow(slidesOfNode(node)), group: node.attributes.group };
      return [
        wanted[0] ? b.add("ConvInputGrad", [dy, w, shapeValue(b, x)], attributes) : null,
        wanted[1] ? b.add("ConvWeightGrad", [x, dy], attributes) : null,
        wanted[2] ? sumPerChannel(b, dy) : null,
      ];
    },
    lower: (b, node) => {
      const pads = spelledOutPads(slidesOfNode(node), node.attributes);
      return pads === null ? "keep" : b.addNode("Conv", node.inputs, { ...node.attributes, auto_pad: "NOTSET", pads }).outputs;
    },
    upgrade: "none",
    flops: (node) => {
      const y = firstOutput(node).type.shape;
      return flopsOf(inputAt(node, 1).type.shape.slice(1), y, optionalInput(node, 2), y);
    },
    receptiveField: (node, index) => {
      if (index === 1) return [sameAxis(1), "all", ...slidesOfNode(node).map(() => "all" as const)];
      if (index === 2) return [sameAxis(1)];
      const { strides, pads, dilations, kernel_shape } = resolvedWindow(slidesOfNode(node));
      const along = (k: number, i: number): AxisWindow => ({
        axis: i + 2,
        size: extentOf(k, dilations[i] ?? 1),
        stride: strides[i] ?? 1,
        start: 0 - (pads[i] ?? 0),
        ...gaps(dilations[i] ?? 1),
      });
      return [sameAxis(0), "all", ...kernel_shape.map(along)];
    },
    docs: {
      summary: "Convolves an input with a bank of kernels, in groups of channels, with strides, dilations and zero padding.",
      formula: "Y[n, m, o] = B[m] + sum over c, k of W[m, c, k] * X[n, c, o * stride - pad + k * dilation]",
      source: "https://onnx.ai/onnx/operators/onnx__Conv.html",
    },
  },
  ConvTranspose: {
    infer: inferConvTranspose,
    evaluate: "none",
    // The transpose of a Conv with the same weight: dX is that Conv, and dW is its weight gradient with input and output swapped.
    grad: (b, node, [dy], wanted) => {
      if (dy === null || dy === undefined) return [null, null, null];
      const [x, w] = [inputAt(node, 0), inputAt(node, 1)];
      const slides = slidesOfNode(node);
      checkAdjoint(slides);
      const attributes = { ...resolvedWindow(slides), group: node.attributes.group };
      return [
        wanted[0] ? b.add("Conv", [dy, w], attributes) : null,
        wanted[1] ? b.add("ConvWeightGrad", [dy, x], attributes) : null,
        wanted[2] ? sumPerChannel(b, dy) : null,
      ];
    },
    lower: "onnx",
    upgrade: "none",
    flops: (node) => {
      const [x, w, y] = [inputAt(node, 0).type.shape, inputAt(node, 1).type.shape, firstOutput(node).type.shape];
      return flopsOf(w.slice(1), x, optionalInput(node, 2), y);
    },
    // Output o sees the inputs (o + begin - j * dilation) / stride that are whole, 0 <= j < kernel.
    receptiveField: (node, index) => {
      if (index === 1) return ["all", sameAxis(1), ...slidesOfNode(node).map(() => "all" as const)];
      if (index === 2) return [sameAxis(1)];
      const { strides, pads, dilations, kernel_shape } = resolvedWindow(slidesOfNode(node));
      const along = (k: number, i: number): AxisWindow => {
        const [stride, dilation, begin] = [strides[i] ?? 1, dilations[i] ?? 1, pads[i] ?? 0];
        const reach = extentOf(k, dilation) - 1;
        const window = { axis: i + 2, size: reach / stride + 1, stride: 1 / stride, start: (begin - reach) / stride };
        return { ...window, ...(dilation === 1 ? {} : { step: dilation / stride }) };
      };
      return [sameAxis(0), "all", ...kernel_shape.map(along)];
    },
    docs: {
      summary: "The transpose of Conv: spreads each input position over a window of outputs and adds them up.",
      formula: "Y[n, m, i * stride - pad + k * dilation] += W[c, m, k] * X[n, c, i], plus B[m]",
      source: "https://onnx.ai/onnx/operators/onnx__ConvTranspose.html",
    },
  },
};

/** Throws a RuleFault where the Conv that a node transposes has another number of windows than there are inputs: onnxruntime runs no such node. */
function checkAdjoint(slides: readonly Slide[]): void {
  slides.forEach(({ size, out, begin, end, kernel, stride, dilation }, axis) => {
    const windows = addDims(floorDiv(subDims(addDims(out, addDims(begin, end)), extentOf(kernel, dilation)), stride), 1);
    if (!neverEqual(windows, size)) return;
    const message = `the output's spatial axis ${axis} belongs to an input of ${windows}, but the input has ${size}`;
    throw new RuleFault(
      "output-size",
      message,
      "make output_padding less than the stride, and output_shape one that a convolution takes back to the input",
    );
  });
}
