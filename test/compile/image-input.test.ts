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
