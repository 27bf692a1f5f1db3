import { expect, test } from "vitest";
import { buildInference, type ImageInput } from "../../src/compile/index.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";
import { numbersFrom, run } from "../passes/same-outputs.ts";
import { difference } from "../support/compare.ts";

const imagenet: ImageInput = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
function convolution(pad: number): Graph {
  const b = new GraphBuilder("G");
  const x = b.input("input", { dtype: "float32", shape: ["N", 3, "H", "W"] });
  const w = b.initializer("w", tensorFrom("float32", [4, 3, 3, 3], numbersFrom(1, 108)));
  b.output(b.add("Conv", [x, w], { pads: [pad, pad, pad, pad] }, { name: "conv" }), "y");
  return b.build();
}
const bytes = Array.from({ length: 2 * 5 * 7 * 3 }, (_, i) => (i * 37) % 256);
/** (byte / 255 - mean) / std, from [N, H, W, C] to [N, C, H, W]. */
const planes = Array.from({ length: 2 * 3 * 5 * 7 }, (_, i) => {
  const [n, c, place] = [Math.floor(i / 105), Math.floor(i / 35) % 3, i % 35];
  const byte = bytes[n * 105 + place * 3 + c] ?? 0;
  return (byte / 255 - (imagenet.mean?.[c] ?? 0)) / (imagenet.std?.[c] ?? 1);
});
const image = new Map([["input", tensorFrom("uint8", [2, 5, 7, 3], bytes)]]);
const tensor = new Map([["input", tensorFrom("float32", [2, 3, 5, 7], planes)]]);

test.each([0, 1])("bytes give what normalised planes give, with a padding of %i", async (pad) => {
  const { graph } = buildInference(convolution(pad), { images: { input: imagenet } });
  expect(graph.inputs.map(({ type }) => type)).toEqual([{ dtype: "uint8", shape: ["N", "H", "W", 3] }]);
  const [expected, actual] = [(await run(convolution(pad), tensor)).get("y"), (await run(graph, image)).get("y")];
  if (expected === undefined) throw new Error("there is an output y");
  // Sums of 27 products of numbers up to 3.
  expect(difference("y", actual, expected, { rtol: 1e-5, atol: 1e-5 })).toBeNull();
});

test("the normalisation goes into a convolution without padding, and is refused by one with, for the reason that it has", () => {
  const exact = buildInference(convolution(0), { images: { input: imagenet } });
  expect(exact.graph.nodes.map((node) => node.opType)).toEqual(["Transpose", "Cast", "Conv"]);
  const padded = buildInference(convolution(1), { images: { input: imagenet } });
  expect(padded.graph.nodes.map((node) => node.opType)).toEqual(["Transpose", "Cast", "BatchNormalization", "Conv"]);
  expect(padded.report.flatMap(({ skipped }) => skipped.map(({ reason }) => reason))).toEqual([
    expect.stringMatching(/^it pads with zeros, where the normalisation before it shifts channel 0 to -2\.1179/),
  ]);
  const scaled = buildInference(convolution(1), { images: { input: {} } });
  expect(scaled.graph.nodes.map((node) => node.opType)).toEqual(["Transpose", "Cast", "Conv"]);
});

test("an input that is not there, and numbers that are not one per channel, are refused", () => {
  const refuse = (images: Readonly<Record<string, ImageInput>>) => () => buildInference(convolution(0), { images });
  expect(refuse({ image: {} })).toThrow('image input: the graph has no input "image"');
  expect(refuse({ input: { mean: [0.5] } })).toThrow('image input: the mean of "input" is [0.5], wanted 3 numbers');
  expect(refuse({ input: { std: [1, 0, 1] } })).toThrow('image input: the std of "input" is 0 for channel 1');
});

/** The weights of `size` pixels in pixel `i` of `out`, as Pillow's bilinear filter has them: a triangle as wide as the scale, cut at the border. */
function triangle(size: number, out: number, i: number): readonly number[] {
  const scale = Math.max(1, size / out);
  const centre = (i + 0.5) * (size / out);
  const weights = Array.from({ length: size }, (_, k) => Math.max(0, 1 - Math.abs(k + 0.5 - centre) / scale));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
}

test.each([
  [11, 9],
  [4, 13],
])("images of %i x %i are scaled to the model's 5 x 7", async (h, w) => {
  const b = new GraphBuilder("G");
  b.output(b.add("Relu", [b.input("input", { dtype: "float32", shape: ["N", 3, 5, 7] })]), "y");
  const { graph } = buildInference(b.build(), { images: { input: { resize: true } } });
  expect(graph.inputs.map(({ type }) => type)).toEqual([{ dtype: "uint8", shape: ["N", "input_height", "input_width", 3] }]);
  const pixels = Array.from({ length: h * w * 3 }, (_, i) => (i * 37) % 256);
  const expected = [0, 1, 2].flatMap((c) =>
    [0, 1, 2, 3, 4].flatMap((y) =>
      [0, 1, 2, 3, 4, 5, 6].map((x) => {
        const columns = triangle(w, 7, x);
        const rows = triangle(h, 5, y).map((v, i) => v * columns.reduce((sum, u, j) => sum + u * (pixels[(i * w + j) * 3 + c] ?? 0), 0));
        return rows.reduce((sum, row) => sum + row, 0) / 255;
      }),
    ),
  );
  const y = (await run(graph, new Map([["input", tensorFrom("uint8", [1, h, w, 3], pixels)]]))).get("y");
  // Weights rounded to float32, at most 13 of them per axis.
  expect(difference("y", y, tensorFrom("float32", [1, 3, 5, 7], expected), { rtol: 1e-5, atol: 1e-5 })).toBeNull();
});

test("an input that takes any size already is not resized", () => {
  expect(() => buildInference(convolution(0), { images: { input: { resize: true } } })).toThrow(
    'image input: "input" is float32[N, 3, H, W], which takes images of any size as it is',
  );
});
