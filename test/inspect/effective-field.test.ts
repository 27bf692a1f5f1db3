/** Effective receptive fields against closed forms, and against differences measured in onnxruntime. */
import fc from "fast-check";
import sharp from "sharp";
import { expect, test } from "vitest";
import { resnet18 } from "../../models/resnet.ts";
import { vit } from "../../models/vit.ts";
import { drawEffectiveField, type EffectiveField, effectiveField } from "../../src/inspect/index.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { CompileError } from "../../src/ir/diagnostic.ts";
import type { Graph, Value } from "../../src/ir/graph.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";
import { numbersFrom, run } from "../passes/same-outputs.ts";

/** A stack of n convolutions with k x k equal weights and nothing between them, over images of a size. */
function uniformStack(n: number, k: number, size: number): Graph {
  const b = new GraphBuilder("G");
  const x = b.input("x", { dtype: "float32", shape: ["N", 1, size, size] });
  const p = (k - 1) / 2;
  const weights = b.constant("float32", Array<number>(k * k).fill(1 / (k * k)), [1, 1, k, k]);
  let h: Value = x;
  for (let i = 0; i < n; i++) h = b.add("Conv", [h, weights], { pads: [p, p, p, p] });
  b.output(h, "y");
  return b.build();
}
const parts = (field: EffectiveField): readonly number[] => [...field.map.weights].filter((w) => w > 1e-9);

test("one convolution with equal weights has a uniform field exactly as wide as its kernel", async () => {
  const field = await effectiveField(uniformStack(1, 5, 15), { samples: 1 });
  expect(field.unit).toEqual([7, 7]);
  expect(field.theoretical.clipped).toEqual([
    { kind: "range", first: 5, last: 9 },
    { kind: "range", first: 5, last: 9 },
  ]);
  // Every pixel of the kernel has a 25th of the gradient, up to float32 rounding; no other has any.
  const inside = [...field.map.weights].map((w, i) =>
    Math.abs((i % 15) - 7) <= 2 && Math.abs(Math.floor(i / 15) - 7) <= 2 ? w - 1 / 25 : w,
  );
  expect(Math.max(...inside.map(Math.abs))).toBeLessThan(1e-7);
  expect(field.aboveThreshold).toEqual({ pixels: 25, size: 5 });
  expect(field.halfMass).toEqual({ size: 5, box: { first: [5, 5], last: [9, 9] } });
  // A uniform distribution over k pixels has the variance (k^2 - 1) / 12.
  expect(field.gaussian.sigma[0]).toBeCloseTo(Math.sqrt(24 / 12), 6);
});

test.each([
  [2, 3],
  [5, 3],
  [10, 3],
  [4, 5],
])("a stack of %i convolutions of %i has the variance n (k^2 - 1) / 12 of the paper", async (n, k) => {
  const field = await effectiveField(uniformStack(n, k, 2 * n * (k - 1) + 5), { samples: 1 });
  const variance = (n * (k * k - 1)) / 12;
  // float32 sums of gradients: some 1e-7 in each part.
  expect(field.gaussian.sigma.map((s) => Math.abs(s ** 2 / variance - 1) < 1e-5)).toEqual([true, true]);
  expect(field.gaussian.size[0]).toBeCloseTo(4 * Math.sqrt(variance), 4);
  const [rows] = field.theoretical.unclipped ?? [];
  expect(rows?.kind === "range" ? rows.last - rows.first + 1 : null).toBe(n * (k - 1) + 1);
});

test("a net of 1x1 convolutions sees one pixel", async () => {
  const field = await effectiveField(uniformStack(3, 1, 7), { samples: 2, unit: [1, 6] });
  expect([parts(field), field.map.weights.indexOf(1)]).toEqual([[1], 1 * 7 + 6]);
  expect([field.gaussian.sigma, field.halfMass.size, field.aboveThreshold.size]).toEqual([[0, 0], 1, 1]);
});

/** Two convolutions of several channels with tanh between them: an image [1, 2, 7, 7] to [1, 3, 4, 4]. */
function curvedNet(): Graph {
  const b = new GraphBuilder("G");
  const x = b.input("x", { dtype: "float32", shape: ["N", 2, 7, 7] });
  const first = b.constant("float32", numbersFrom(3, 4 * 2 * 9), [4, 2, 3, 3]);
  const second = b.constant("float32", numbersFrom(4, 3 * 4 * 9), [3, 4, 3, 3]);
  const h = b.add("Tanh", [b.add("Conv", [x, first], { pads: [1, 1, 1, 1] })]);
  b.output(b.add("Conv", [h, second], { pads: [1, 1, 1, 1], strides: [2, 2] }), "y");
  return b.build();
}

test.each(["absolute", "squared"] as const)(
  "the map is the %s gradient of the unit's mean over channels, as differences measure it",
  async (measure) => {
    const graph = curvedNet();
    const image = numbersFrom(7, 98);
    const [row, column] = [2, 1];
    const feed = tensorFrom("float32", [1, 2, 7, 7], image);
    const { map } = await effectiveField(graph, { unit: [row, column], measure, images: [{ x: feed }] });
    // All differences in one batch: image 2 i has pixel i moved up, image 2 i + 1 has it moved down.
    const step = 1e-2;
    const moved = image.flatMap((_, i) => [1, -1].flatMap((sign) => image.map((v, j) => (i === j ? v + sign * step : v))));
    const y = (await run(graph, new Map([["x", tensorFrom("float32", [196, 2, 7, 7], moved)]]))).get("y");
    const unit = (n: number): number => [0, 1, 2].reduce((sum, c) => sum + Number(y?.data[((n * 3 + c) * 4 + row) * 4 + column]) / 3, 0);
    const slopes = image.map((_, i) => (unit(2 * i) - unit(2 * i + 1)) / (2 * step));
    const pixels = Array.from({ length: 49 }, (_, p) =>
      [slopes[p] ?? 0, slopes[49 + p] ?? 0].reduce((sum, g) => sum + (measure === "squared" ? g * g : Math.abs(g)), 0),
    );
    const total = pixels.reduce((a, w) => a + w, 0);
    const error = Math.max(...pixels.map((w, p) => Math.abs(w / total - (map.weights[p] ?? 0))));
    // Differences of float32 outputs near 1 over 0.02, and tanh's third derivative over a step of 0.01.
    expect(error).toBeLessThan(2e-4);
  },
);

test("an image with its channels last has the field that it has with its channels first", async () => {
  const b = new GraphBuilder("G");
  const x = b.input("x", { dtype: "float32", shape: ["N", 7, 7, 2] });
  const first = b.constant("float32", numbersFrom(3, 4 * 2 * 9), [4, 2, 3, 3]);
  b.output(b.add("Conv", [b.add("Transpose", [x], { perm: [0, 3, 1, 2] }), first], { pads: [1, 1, 1, 1] }), "y");
  const channelsLast = await effectiveField(b.build(), { unit: [3, 4], samples: 1 });
  const c = new GraphBuilder("G");
  const image = c.input("x", { dtype: "float32", shape: ["N", 2, 7, 7] });
  const weights = c.constant("float32", numbersFrom(3, 4 * 2 * 9), [4, 2, 3, 3]);
  c.output(c.add("Conv", [image, weights], { pads: [1, 1, 1, 1] }), "y");
  const channelsFirst = await effectiveField(c.build(), { unit: [3, 4], samples: 1 });
  // The gradient of a convolution is its weights, whatever the noise.
  expect(channelsLast.map).toEqual(channelsFirst.map);
  expect(channelsLast.theoretical).toEqual(channelsFirst.theoretical);
});

test("the same seed gives the same field, and another seed another", async () => {
  const of = async (seed: number) => [...(await effectiveField(curvedNet(), { samples: 2, seed })).map.weights];
  const [first, again, other] = [await of(1), await of(1), await of(2)];
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});

test("no pixel outside the theoretical field has a gradient, and a ResNet's effective field is smaller", async () => {
  const field = await effectiveField(resnet18({ numClasses: 10, imageSize: 64 }), { samples: 2, value: "layer1.1.relu_1" });
  const [rows, columns] = field.theoretical.clipped ?? [];
  if (rows?.kind !== "range" || columns?.kind !== "range") throw new Error("expected a window");
  const outside = [...field.map.weights].filter(
    (_, i) => Math.floor(i / 64) < rows.first || Math.floor(i / 64) > rows.last || i % 64 < columns.first || i % 64 > columns.last,
  );
  expect(outside.every((w) => w === 0)).toBe(true);
  const [tall, wide] = field.gaussian.size;
  // 43 pixels in theory.
  expect([tall < 43, wide < 43, tall > 11]).toEqual([true, true, true]);
});

test("the half-mass square has half of the gradient, and none smaller has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), async (seed) => {
      const { map, halfMass } = await effectiveField(curvedNet(), { samples: 1, seed, unit: [2, 2] });
      const within = (size: number): number =>
        [...map.weights].reduce(
          (sum, w, i) => (Math.max(Math.abs(Math.floor(i / 7) - 4), Math.abs((i % 7) - 4)) <= (size - 1) / 2 ? sum + w : sum),
          0,
        );
      expect([within(halfMass.size) >= 0.5 - 1e-9, halfMass.size === 1 || within(halfMass.size - 2) < 0.5]).toEqual([true, true]);
    }),
    { numRuns: 8, seed: 1 },
  );
});

test("the picture has the image's shape, and the boxes where the sizes say", async () => {
  const field = await effectiveField(uniformStack(2, 3, 16), { samples: 1, unit: [8, 8] });
  const image = { dtype: "uint8", shape: [3, 16, 16], data: new Uint8Array(768).fill(100) } as const;
  const { data, info } = await sharp(await drawEffectiveField(field, image))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const scale = 28;
  expect([info.width, info.height, info.channels]).toEqual([16 * scale, 16 * scale, 3]);
  const at = (row: number, column: number) => [...data.subarray(3 * (row * info.width + column), 3 * (row * info.width + column) + 3)];
  // The theoretical field of 5x5 around 8: rows 6 to 10.
  expect(at(6 * scale, 8 * scale)).toEqual([255, 255, 255]);
  expect(at(11 * scale - 1, 8 * scale)).toEqual([255, 255, 255]);
  expect(at(0, 0)).toEqual([60, 60, 60]);
  // The strongest pixel is the middle one, in the map's last colour.
  expect(at(8 * scale + 14, 8 * scale + 14)).toEqual([252, 255, 164]);
  await expect(drawEffectiveField(field, { ...image, shape: [3, 8, 32] })).rejects.toThrowError(
    "the image is 3x8x32, but the field is of 16x16 pixels",
  );
});

const messageOf = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  return error instanceof CompileError ? error.message : `no CompileError but ${String(error)}`;
};

test("what cannot be answered is said with what can", async () => {
  const stack = uniformStack(1, 3, 8);
  const open = new GraphBuilder("G");
  const x = open.input("x", { dtype: "float32", shape: ["N", 1, "H", 8] });
  open.output(open.add("Sigmoid", [x]), "y");
  const dead = new GraphBuilder("G");
  const z = dead.input("x", { dtype: "float32", shape: ["N", 1, 4, 4] });
  dead.output(dead.add("Mul", [z, dead.constant("float32", 0)]), "y");
  expect(
    await Promise.all([
      messageOf(effectiveField(stack, { unit: [8, 0] })),
      messageOf(effectiveField(stack, { unit: [1] })),
      messageOf(effectiveField(stack, { value: "none" })),
      messageOf(effectiveField(stack, { input: "none" })),
      messageOf(effectiveField(open.build())),
      messageOf(effectiveField(dead.build(), { samples: 1 })),
    ]),
  ).toEqual([
    'error[unit-position]: "y" is float32[N, 1, 8, 8], which has no unit 8,0\n  help: units are 0,0 to 7,7, along axes 2 and 3',
    'error[unit-position]: "y" is float32[N, 1, 8, 8], which has no unit 1\n  help: units are 0,0 to 7,7, along axes 2 and 3',
    'error[unknown-name]: G: there is no value "none"\n  help: there are y',
    'error[unknown-name]: effective receptive field: there is no input "none"\n  help: the inputs are x',
    'error[unknown-size]: effective receptive field: "y" is float32[1, 1, H, 8], which has open sizes\n  help: fix the sizes of the inputs with --shape or `shapes`: they are x [N, 1, H, 8]',
    'error[no-gradient]: effective receptive field: the gradient of unit 2,2 of "y" with respect to "x" is zero or not finite in every sample\n  help: ask about a value in front of the activation, or give the weights of a trained model',
  ]);
});

test("behind attention a unit can see the whole image, and its effective field is measured all the same", async () => {
  const model = vit({ numClasses: 4, imageSize: 16, patchSize: 4, hiddenDim: 8, mlpDim: 16, numLayers: 1, numHeads: 2 });
  const patch = await effectiveField(model, { samples: 1, value: "conv_proj", unit: [1, 0] });
  expect(patch.theoretical.clipped).toEqual([
    { kind: "range", first: 4, last: 7 },
    { kind: "range", first: 0, last: 3 },
  ]);
  const { theoretical, map } = await effectiveField(model, { samples: 1, value: "encoder.ln" });
  expect(theoretical.clipped).toEqual([
    { kind: "whole", size: 16 },
    { kind: "whole", size: 16 },
  ]);
  expect(map.weights.every((w) => w > 0)).toBe(true);
});
