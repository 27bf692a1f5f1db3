/** What one unit sees, against which pixels of the input really change it in onnxruntime. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { featureMaps, unitView } from "../../../src/passes/index.ts";
import { run } from "../same-outputs.ts";

type Layer = (b: GraphBuilder, h: Value) => Value;
const ones = (b: GraphBuilder, k: number): Value => b.constant("float32", Array<number>(k * k).fill(1), [1, 1, k, k]);
const four = (p: number): number[] => [p, p, p, p];

const conv =
  (k: number, s: number, d: number, p: number): Layer =>
  (b, h) =>
    b.add("Conv", [h, ones(b, k)], { strides: [s, s], dilations: [d, d], pads: four(p) });
const transposed =
  (k: number, s: number, d: number): Layer =>
  (b, h) =>
    b.add("ConvTranspose", [h, ones(b, k)], { strides: [s, s], dilations: [d, d] });
const pool =
  (k: number, s: number, p: number): Layer =>
  (b, h) =>
    b.add("MaxPool", [h], { kernel_shape: [k, k], strides: [s, s], pads: four(Math.min(p, k - 1)) });
const resize =
  (scale: number): Layer =>
  (b, h) =>
    b.add("Resize", [h, null, b.constant("float32", [1, 1, scale, scale])], {
      mode: "nearest",
      nearest_mode: "floor",
      coordinate_transformation_mode: "asymmetric",
    });
const linear =
  (scale: number): Layer =>
  (b, h) =>
    b.add("Resize", [h, null, b.constant("float32", [1, 1, scale, scale])], { mode: "linear" });
const pad =
  (mode: string, before: number, after: number): Layer =>
  (b, h) =>
    b.add("Pad", [h, b.constant("int64", [0, 0, before, before, 0, 0, after, after])], { mode });
const crop =
  (n: number): Layer =>
  (b, h) =>
    b.add("Slice", [h, b.constant("int64", [n, 0]), b.constant("int64", [1000, 1000]), b.constant("int64", [2, 3])]);
/** A shortcut around a layer that keeps the shape, as in a residual block. */
const residual =
  (k: number, d: number): Layer =>
  (b, h) =>
    b.add("Add", [h, b.add("Conv", [h, ones(b, k)], { dilations: [d, d], pads: four((d * (k - 1)) / 2) })]);

const size = 9;
const layers: fc.Arbitrary<{ readonly text: string; readonly layer: Layer }> = fc
  .oneof(
    fc.tuple(
      fc.constant("conv" as const),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 2 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
    ),
    fc.tuple(
      fc.constant("transposed" as const),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 2 }),
    ),
    fc.tuple(fc.constant("pool" as const), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 1 })),
    fc.tuple(fc.constant("resize" as const), fc.constantFrom(0.5, 2, 3)),
    fc.tuple(fc.constant("linear" as const), fc.constantFrom(0.5, 2, 3)),
    fc.tuple(
      fc.constant("pad" as const),
      fc.constantFrom("constant", "reflect", "edge"),
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: 0, max: 2 }),
    ),
    fc.tuple(fc.constant("crop" as const), fc.integer({ min: 0, max: 2 })),
    fc.tuple(fc.constant("residual" as const), fc.constant(3), fc.integer({ min: 1, max: 3 })),
  )
  .map((spec) => ({ text: spec.join(" "), layer: layerOf(spec) }));
type Spec =
  | readonly ["conv", number, number, number, number]
  | readonly ["transposed", number, number, number]
  | readonly ["pool", number, number, number]
  | readonly ["resize" | "linear", number]
  | readonly ["pad", string, number, number]
  | readonly ["crop", number]
  | readonly ["residual", number, number];
function layerOf(spec: Spec): Layer {
  switch (spec[0]) {
    case "conv":
      return conv(spec[1], spec[2], spec[3], spec[4]);
    case "transposed":
      return transposed(spec[1], spec[2], spec[3]);
    case "pool":
      return pool(spec[1], spec[2], spec[3]);
    case "linear":
      return linear(spec[1]);
    case "resize":
      return resize(spec[1]);
    case "pad":
      return pad(spec[1], spec[2], spec[3]);
    case "crop":
      return crop(spec[1]);
    case "residual":
      return residual(spec[1], spec[2]);
  }
}

interface Net {
  readonly graph: Graph;
  readonly x: Value;
  readonly y: Value;
}
/** The net of some layers; null where they do not fit the image. */
function netOf(chain: readonly { readonly layer: Layer }[]): Net | null {
  const b = new GraphBuilder("G");
  const x = b.input("x", { dtype: "float32", shape: ["N", 1, size, size + 1] });
  try {
    const y = b.output(
      chain.reduce((h, { layer }) => layer(b, h), x),
      "y",
    );
    const [, , height, width] = y.type.shape;
    return Number(height) < 1 || Number(width) < 1 || Number(height) * Number(width) > 4000 ? null : { graph: b.build(), x, y };
  } catch {
    return null;
  }
}

/** The rows and columns of the pixels that change each unit: a batch of images with one pixel each. */
async function changing({ graph, y }: Net) {
  const pixels = size * (size + 1);
  const image = Array.from({ length: pixels * pixels }, (_, i) => (Math.floor(i / pixels) === i % pixels ? 1 : 0));
  const result = (await run(graph, new Map([["x", tensorFrom("float32", [pixels, 1, size, size + 1], image)]]))).get("y");
  const [height, width] = [Number(y.type.shape[2]), Number(y.type.shape[3])];
  return (row: number, column: number): readonly (readonly [number, number])[] =>
    Array.from({ length: pixels }, (_, p) => p).flatMap((p) =>
      Number(result?.data[(p * height + row) * width + column]) === 0 ? [] : [[Math.floor(p / (size + 1)), p % (size + 1)] as const],
    );
}
const range = (values: readonly number[]) => ({ kind: "range", first: Math.min(...values), last: Math.max(...values) });

test("the box of a unit is the smallest around the pixels that change it, whatever layers lie between", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(layers, { minLength: 1, maxLength: 4 }), fc.nat(), fc.nat(), async (chain, a, c) => {
      const net = netOf(chain);
      fc.pre(net !== null);
      if (net === null) return;
      const { graph, x, y } = net;
      const [height, width] = [Number(y.type.shape[2]), Number(y.type.shape[3])];
      const seenBy = await changing(net);
      for (const [row, column] of [
        [a % height, c % width],
        [0, 0],
        [height - 1, width - 1],
      ] as const) {
        const view = unitView(
          graph,
          y,
          x,
          new Map([
            [2, row],
            [3, column],
          ]),
        );
        const seen = seenBy(row, column);
        const wanted = seen.length === 0 ? null : [range(seen.map(([r]) => r)), range(seen.map(([, k]) => k))];
        expect({ unit: [row, column], net: chain.map((l) => l.text), box: view?.clipped ?? null }).toEqual({
          unit: [row, column],
          net: chain.map((l) => l.text),
          box: wanted,
        });
      }
    }),
    { numRuns: 120, seed: 5 },
  );
});

test("without borders a unit at the corner sees as much as one in the middle", () => {
  const net = netOf([{ layer: conv(3, 1, 1, 1) }, { layer: conv(3, 2, 1, 1) }]);
  if (net === null) throw new Error("the net fits");
  const at = (row: number, column: number) =>
    unitView(
      net.graph,
      net.y,
      net.x,
      new Map([
        [2, row],
        [3, column],
      ]),
    );
  const along = (first: number, last: number) => ({ kind: "range", first, last });
  expect(at(0, 2)).toEqual({ unclipped: [along(-2, 2), along(2, 6)], clipped: [along(0, 2), along(2, 6)] });
  expect(at(4, 4)).toEqual({ unclipped: [along(6, 10), along(6, 10)], clipped: [along(6, 8), along(6, 9)] });
});

test("what stands before global pooling sees a window, what stands behind it the whole image", () => {
  const graph = parseGraph(`
    G(x: float32[N, 1, H, 8]) -> (y: float32[N, 1, H, 8], z: float32[N, 1, 1, 1]) {
      w = float32[1, 1, 3, 3] {1, 1, 1, 1, 1, 1, 1, 1, 1}
      %y = Conv(x, w) {pads = [1, 1, 1, 1]} : float32[N, 1, H, 8]
      %z = GlobalAveragePool(%y) : float32[N, 1, 1, 1]
    }`);
  const [x, y, z] = [graph.inputs[0], ...graph.outputs];
  if (x === undefined || y === undefined || z === undefined) throw new Error("no values");
  const corner = new Map([
    [2, 0],
    [3, 0],
  ]);
  expect(unitView(graph, y, x, corner)?.clipped).toEqual([
    { kind: "range", first: 0, last: 1 },
    { kind: "range", first: 0, last: 1 },
  ]);
  expect(unitView(graph, z, x, corner)?.clipped).toEqual([
    { kind: "whole", size: null },
    { kind: "whole", size: 8 },
  ]);
});

test("an image with its channels last has its height and width where TensorFlow puts them", () => {
  const graph = parseGraph(`
    G(x: float32[N, 6, 8, 3]) -> (y: float32[N, 1, 3, 3], z: float32[N, 3, 3, 1]) {
      w = float32[1, 3, 2, 4] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
      %h = Transpose(x) {perm = [0, 3, 1, 2]} : float32[N, 3, 6, 8]
      %y = Conv(%h, w) {strides = [2, 2]} : float32[N, 1, 3, 3]
      %z = Transpose(%y) {perm = [0, 2, 3, 1]} : float32[N, 3, 3, 1]
    }`);
  const [x, y, z] = [graph.inputs[0], ...graph.outputs];
  if (x === undefined || y === undefined || z === undefined) throw new Error("no values");
  const maps = featureMaps(graph, x);
  expect([maps.get(x), maps.get(y), maps.get(z)]).toEqual([
    [1, 2],
    [2, 3],
    [1, 2],
  ]);
  const box = [
    { kind: "range", first: 2, last: 3 },
    { kind: "range", first: 4, last: 7 },
  ];
  expect(
    unitView(
      graph,
      z,
      x,
      new Map([
        [1, 1],
        [2, 2],
      ]),
    )?.clipped,
  ).toEqual(box);
  expect(
    unitView(
      graph,
      y,
      x,
      new Map([
        [2, 1],
        [3, 2],
      ]),
    )?.clipped,
  ).toEqual(box);
});

test("a map stays a map behind a global gate, and nothing does behind pooling or flattening", () => {
  const graph = parseGraph(`
    G(x: float32[N, 2, 8, 8]) -> (y: float32[N, 2, 8, 8], f: float32[N, 128], a: float32[N, 2, 64]) {
      shape = int64[3] {0, 2, 64}
      %g = GlobalAveragePool(x) : float32[N, 2, 1, 1]
      %s = Sigmoid(%g) : float32[N, 2, 1, 1]
      %y = Mul(x, %s) : float32[N, 2, 8, 8]
      %f = Flatten(%y) : float32[N, 128]
      %a = Reshape(%y, shape) : float32[N, 2, 64]
    }`);
  const [x] = graph.inputs;
  if (x === undefined) throw new Error("no input");
  expect([...featureMaps(graph, x).keys()].map((v) => v.name)).toEqual(["x", "y"]);
});
