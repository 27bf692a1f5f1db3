/** Images as cameras and decoders give them, turned into a model's input inside the graph. */
import { GraphBuilder } from "../ir/builder.ts";
import { userError } from "../ir/diagnostic.ts";
import type { Dim } from "../ir/dim.ts";
import { isFloat } from "../ir/dtype.ts";
import { formulas } from "../ir/formulas.ts";
import { type Graph, printType, type Value } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { copyGraph, copyOutputs } from "../passes/index.ts";

/** How bytes become what a model was trained on: (byte / 255 - mean) / std per channel, as torchvision's transforms have it. */
export interface ImageInput {
  /** One number per channel; 0 when absent. */
  readonly mean?: readonly number[];
  /** One number per channel; 1 when absent. */
  readonly std?: readonly number[];
  /** Images of any size, which the graph scales to the model's, without keeping their aspect: bilinear and antialiased, as torchvision's Resize. Needs opset 18. */
  readonly resize?: boolean;
}

/**
 * The graph with uint8[N, H, W, C] images in place of some of its inputs, by name. The normalisation is a BatchNormalization, which the
 * passes fold into the first convolution where that is exact, and else refuse with the reason. Throws a CompileError on an input that is
 * not there, is no float[N, C, H, W], or has another number of channels than its mean and std.
 */
export function withImageInputs(graph: Graph, images: Readonly<Record<string, ImageInput>>): Graph {
  const entries = Object.entries(images);
  if (entries.length === 0) return graph;
  const b = new GraphBuilder(graph.name);
  const replace = new Map<Value, Value>();
  b.reserve(graph.nodes.flatMap((node) => [node.name, ...node.outputs.flatMap((v) => (v === null ? [] : [v.name]))]));
  for (const [name] of entries) {
    if (!graph.inputs.some((v) => v.name === name)) {
      throw userError("unknown-name", `image input: the graph has no input "${name}"`, nowhere, {
        help: `its inputs are ${graph.inputs.map((v) => v.name).join(", ")}`,
      });
    }
  }
  for (const input of graph.inputs) {
    const image = images[input.name];
    replace.set(input, image === undefined ? b.input(input.name, input.type) : decoded(b, input, image));
  }
  copyOutputs(b, graph, copyGraph(b, graph, { replace }));
  return b.build();
}

function decoded(b: GraphBuilder, input: Value, { mean, std, resize = false }: ImageInput): Value {
  const { dtype, shape } = input.type;
  const [n, channels, h, w, more] = shape;
  if (!isFloat(dtype) || n === undefined || typeof channels !== "number" || h === undefined || w === undefined || more !== undefined) {
    throw userError(
      "image-input",
      `image input: "${input.name}" is ${printType(input.type)}, wanted float32[N, C, H, W] with a known C`,
      nowhere,
    );
  }
  const perChannel = (what: string, given: readonly number[] | undefined, otherwise: number): readonly number[] => {
    const list = given ?? Array.from({ length: channels }, () => otherwise);
    if (list.length === channels && list.every(Number.isFinite)) return list;
    throw userError(
      "image-input",
      `image input: the ${what} of "${input.name}" is [${list.join(", ")}], wanted ${channels} numbers`,
      nowhere,
    );
  };
  const [means, deviations] = [perChannel("mean", mean, 0), perChannel("std", std, 1)];
  const zero = deviations.indexOf(0);
  if (zero >= 0) throw userError("image-input", `image input: the std of "${input.name}" is 0 for channel ${zero}`, nowhere);
  if (resize && (typeof h !== "number" || typeof w !== "number")) {
    throw userError(
      "image-input",
      `image input: "${input.name}" is ${printType(input.type)}, which takes images of any size as it is`,
      nowhere,
      {
        help: "leave out the resizing, or fix the size",
      },
    );
  }
  const size: readonly Dim[] = resize ? [`${input.name}_height`, `${input.name}_width`] : [h, w];
  const bytes = b.input(input.name, { dtype: "uint8", shape: [n, ...size, channels] });
  return b.from({ name: `${input.name}/image`, location: nowhere }, () => {
    const f = formulas(b);
    const scale = b.constant(
      dtype,
      deviations.map((s) => 1 / (255 * s)),
    );
    const shift = b.constant(
      dtype,
      deviations.map((s, c) => -(means[c] ?? 0) / s + 0),
    );
    const [zeros, ones] = [0, 1].map((v) =>
      b.constant(
        dtype,
        deviations.map(() => v),
      ),
    );
    const planes = f.cast(f.transpose(bytes, [0, 3, 1, 2]), dtype);
    const sized = typeof h === "number" && typeof w === "number" && resize ? resizedTo(b, planes, [h, w]) : planes;
    return b.add("BatchNormalization", [sized, scale, shift, zeros ?? null, ones ?? null], { epsilon: 0 });
  });
}
/** float[N, C, H, W] scaled to [N, C, h, w]. */
const resizedTo = (b: GraphBuilder, planes: Value, size: readonly [number, number]): Value =>
  b.add("Resize", [planes, null, null, b.constant("int64", size)], { mode: "linear", antialias: 1, exclude_outside: 1, axes: [2, 3] });
