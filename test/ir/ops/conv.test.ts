import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { type Dim, substitute } from "../../../src/ir/dim.ts";
import type { TensorType } from "../../../src/ir/graph.ts";
import { schemaOf } from "../../../src/ir/ops/index.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

// Convolutions are linear in each input: a difference over any step is exact but for float32's rounding of sums of some hundred terms.
const linear = { step: 0.5, tolerance: 2e-3 } as const;

const float32 = (...shape: Dim[]): TensorType => ({ dtype: "float32", shape });
function shapeOf(opType: "Conv" | "ConvTranspose", x: TensorType, w: TensorType, attributes: object = {}): readonly Dim[] {
  const b = new GraphBuilder("g");
  return b.add(opType, [b.input("x", x), b.input("w", w)], attributes).type.shape;
}

/** A convolution: sizes and attributes, as ONNX has them. */
interface Case {
  readonly opType: "Conv" | "ConvTranspose";
  readonly sizes: readonly number[];
  readonly channels: readonly [input: number, output: number];
  readonly attributes: { readonly group: number } & Readonly<Record<string, unknown>>;
  readonly kernel: readonly number[];
}
const axisArbitrary = fc.record({
  size: fc.integer({ min: 4, max: 7 }),
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  begin: fc.integer({ min: 0, max: 2 }),
  end: fc.integer({ min: 0, max: 2 }),
  outputPadding: fc.integer({ min: 0, max: 2 }),
});
const caseArbitrary = fc
  .record({
    opType: fc.constantFrom("Conv" as const, "ConvTranspose" as const),
    axes: fc.array(axisArbitrary, { minLength: 1, maxLength: 2 }),
    group: fc.integer({ min: 1, max: 3 }),
    perGroup: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    autoPad: fc.constantFrom("NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
  })
  .map(({ opType, axes, group, perGroup, autoPad }): Case => {
    const explicit = autoPad === "NOTSET" ? { pads: [...axes.map((a) => a.begin), ...axes.map((a) => a.end)] } : {};
    const transposed = opType === "Conv" ? {} : { output_padding: axes.map((a) => Math.min(a.outputPadding, a.stride - 1)) };
    return {
      opType,
      sizes: axes.map((a) => a.size),
      channels: [perGroup[0] * group, perGroup[1] * group],
      kernel: axes.map((a) => a.kernel),
      attributes: {
        group,
        auto_pad: autoPad,
        strides: axes.map((a) => a.stride),
        dilations: axes.map((a) => a.dilation),
        ...explicit,
        ...transposed,
      },
    };
  })
  .filter((c) => fits(c));
const weightShape = ({ opType, channels: [input, output], kernel, attributes: { group } }: Case): readonly number[] =>
  opType === "Conv" ? [output, input / group, ...kernel] : [input, output / group, ...kernel];
function fits(c: Case): boolean {
  try {
    const shape = shapeOf(c.opType, float32(2, c.channels[0], ...c.sizes), float32(...weightShape(c)), c.attributes);
    return shape.every((d) => typeof d === "number" && d < 24);
  } catch {
    return false;
  }
}

test("gradients by input, weight and bias are those of central differences, whatever the window", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(caseArbitrary, fc.boolean(), async (c, symbolicBatch) => {
      const [n, x] = [symbolicBatch ? "N" : 2, [2, c.channels[0], ...c.sizes]];
      await expectGradient({
        ...linear,
        inputs: [
          { data: randomTensor(1, "float32", x), shape: [n, ...x.slice(1)] },
          { data: randomTensor(2, "float32", weightShape(c)) },
          { data: randomTensor(3, "float32", [c.channels[1]]) },
        ],
        build: (b, values) => b.add(c.opType, values, c.attributes),
      });
    }),
    { numRuns: 60, seed: 1 },
  );
});

test("an inferred shape is the one that onnxruntime returns, and a symbolic one becomes it", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(caseArbitrary, async (c) => {
      const symbols = ["H", "W"].slice(0, c.sizes.length);
      const symbolic = shapeOf(c.opType, float32("N", c.channels[0], ...symbols), float32(...weightShape(c)), c.attributes);
      const b = new GraphBuilder("g");
      const [x, w] = [randomTensor(1, "float32", [2, c.channels[0], ...c.sizes]), randomTensor(2, "float32", weightShape(c))];
      b.output(b.add(c.opType, [b.input("x", x), b.input("w", w)], c.attributes), "y");
      const y = (await runGraph(b.build(), { x, w }))["y"];
      const sizes = new Map<string, number>([["N", 2], ...symbols.map((s, i) => [s, c.sizes[i] ?? 0] as const)]);
      expect(symbolic.map((d) => substitute(d, sizes))).toEqual(y?.shape);
    }),
    { numRuns: 150, seed: 2 },
  );
});

// [channels in, channels out, size, kernel, stride, group]: one for each form that lowering chooses from.
test.each([
  [1, 4, 5, 3, 1, 1],
  [2, 8, 9, 5, 2, 1],
  [16, 2, 4, 3, 2, 1],
  [16, 2, 3, 1, 1, 1],
  [4, 8, 4, 3, 1, 2],
  [3, 3, 5, 3, 1, 3],
  [3, 3, 6, 3, 2, 3],
  [2, 8, 4, 3, 1, 1],
])(
  "the forms of the gradients agree with differences: %i to %i channels, %i px, kernel %i, stride %i, %i groups",
  async (c, m, size, k, s, group) => {
    await expectGradient({
      ...linear,
      inputs: [
        { data: randomTensor(1, "float32", [1, c, size, size]), shape: ["N", c, size, size] },
        { data: randomTensor(2, "float32", [m, c / group, k, k]) },
      ],
      build: (b, values) => b.add("Conv", values, { strides: [s, s], pads: [1, 1, 1, 1], group }),
    });
  },
);

test("gradients hold where height and width are symbols, in one and three dimensions too", async () => {
  const check = (x: readonly number[], shape: readonly Dim[], w: readonly number[], attributes: object) =>
    expectGradient({
      ...linear,
      inputs: [{ data: randomTensor(1, "float32", x), shape }, { data: randomTensor(2, "float32", w) }],
      build: (b, values) => b.add("Conv", values, attributes),
    });
  await check([2, 2, 6, 5], ["N", 2, "H", "W"], [2, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] });
  await check([1, 2, 7], ["N", 2, "L"], [2, 2, 3], { strides: [3], dilations: [2], pads: [0, 2] });
  await check([1, 2, 3, 4, 3], ["N", 2, "D", "H", "W"], [1, 2, 2, 2, 2], { strides: [1, 2, 1], pads: [1, 0, 0, 0, 0, 1] });
});

test("a gradient of a gradient is right: each gradient of Conv is linear in what it is made of", async () => {
  const attributes = { kernel_shape: [3, 3], strides: [2, 1], dilations: [1, 1], pads: [1, 1, 0, 1], group: 1 };
  await expectGradient({
    ...linear,
    inputs: [{ data: randomTensor(1, "float32", [1, 2, 5, 4]) }, { data: randomTensor(2, "float32", [1, 3, 2, 4]) }],
    build: (b, values) => b.add("ConvWeightGrad", values, attributes),
  });
  await expectGradient({
    ...linear,
    inputs: [{ data: randomTensor(1, "float32", [1, 3, 2, 4]) }, { data: randomTensor(2, "float32", [3, 2, 3, 3]) }],
    build: (b, [dy, w]) => b.add("ConvInputGrad", [dy ?? null, w ?? null, b.constant("int64", [1, 2, 5, 4])], attributes),
  });
});

test.each([13, 16, 22, 24])("gradients run at opset %i", async (opset) => {
  await expectGradient({
    ...linear,
    opset,
    inputs: [{ data: randomTensor(1, "float32", [1, 2, 4, 4]) }, { data: randomTensor(2, "float32", [2, 2, 3, 3]) }],
    build: (b, values) => b.add("Conv", values, { strides: [2, 2], pads: [1, 1, 1, 1] }),
  });
});

test("ConvTranspose distributes the padding of output_shape and auto_pad as onnxruntime does", async () => {
  for (const attributes of [
    { strides: [2, 2], output_shape: [7, 8] },
    { strides: [2, 2], output_shape: [7, 8], auto_pad: "SAME_UPPER" },
    { strides: [2, 3], auto_pad: "SAME_UPPER" },
    { strides: [2, 3], auto_pad: "SAME_LOWER" },
    { strides: [2, 2], dilations: [2, 1], auto_pad: "SAME_LOWER" },
  ]) {
    await expectGradient({
      ...linear,
      inputs: [{ data: randomTensor(1, "float32", [1, 2, 4, 4]) }, { data: randomTensor(2, "float32", [2, 1, 4, 4]) }],
      build: (b, values) => b.add("ConvTranspose", values, attributes),
    });
  }
});

test.each<[string, () => unknown, string]>([
  [
    "channels",
    () => shapeOf("Conv", float32("N", 64, 56, 56), float32(128, 128, 3, 3)),
    "error[channel-mismatch]: Conv: input has 64 channels (axis 1 of float32[N, 64, 56, 56]) but weight expects 128",
  ],
  [
    "grouped channels",
    () => shapeOf("Conv", float32("N", 64, 8, 8), float32(128, 16, 3, 3), { group: 2 }),
    "error[channel-mismatch]: Conv: input has 64 channels (axis 1 of float32[N, 64, 8, 8]) but weight expects 32 (2 groups)",
  ],
  [
    "groups",
    () => shapeOf("Conv", float32("N", 6, 8, 8), float32(4, 2, 3, 3), { group: 3 }),
    "error[group-mismatch]: Conv: 3 groups do not divide 4 output channels",
  ],
  [
    "kernel",
    () => shapeOf("Conv", float32("N", 1, 4, 4), float32(1, 1, 5, 7), { pads: [1, 1, 1, 1] }),
    "error[kernel-too-large]: Conv: a kernel of 7 does not fit spatial axis 1 of [4, 4], which is 6 with its padding",
  ],
  [
    "dilated kernel",
    () => shapeOf("Conv", float32("N", 1, 4), float32(1, 1, 3), { dilations: [2] }),
    "error[kernel-too-large]: Conv: a kernel of 3 (dilated by 2: 5) does not fit spatial axis 0 of [4], which is 4 with its padding",
  ],
  [
    "rank",
    () => shapeOf("Conv", float32("N", 1, 4), float32(1, 1, 3, 3)),
    "error[rank-mismatch]: Conv: the input is float32[N, 1, 4] but the weight is float32[1, 1, 3, 3]: they need as many axes",
  ],
  [
    "kernel_shape",
    () => shapeOf("Conv", float32("N", 1, 4, 4), float32(1, 1, 3, 3), { kernel_shape: [3, 5] }),
    'error[kernel-mismatch]: Conv: "kernel_shape" is [3, 5] but the weight is float32[1, 1, 3, 3]',
  ],
  [
    "strides",
    () => shapeOf("Conv", float32("N", 1, 4, 4), float32(1, 1, 3, 3), { strides: [2] }),
    'error[op-attribute]: Conv: "strides" has 1 entries, wanted 2 for 2 spatial axes',
  ],
  [
    "negative pads",
    () => shapeOf("Conv", float32("N", 1, 4, 4), float32(1, 1, 3, 3), { pads: [0, 0, 0, -1] }),
    'error[op-attribute]: Conv: "pads" holds -1, wanted 0 or more',
  ],
  [
    "auto_pad",
    () => shapeOf("Conv", float32("N", 1, 4, 4), float32(1, 1, 3, 3), { auto_pad: "SAME" }),
    'error[op-attribute]: Conv: "auto_pad" is "SAME", wanted one of NOTSET, SAME_UPPER, SAME_LOWER, VALID',
  ],
  [
    "transposed channels",
    () => shapeOf("ConvTranspose", float32("N", 3, 4, 4), float32(2, 1, 3, 3)),
    "error[channel-mismatch]: ConvTranspose: input has 3 channels (axis 1 of float32[N, 3, 4, 4]) but weight expects 2",
  ],
])("a mistake about %s is told in full", (_, mistake, message) => {
  expect(mistake).toThrow(message);
});

test("shapes keep symbols in closed forms", () => {
  expect(shapeOf("Conv", float32("N", 3, "H", "W"), float32(8, 3, 7, 7), { strides: [2, 2], pads: [3, 3, 3, 3] })).toEqual([
    "N",
    8,
    "floor((H+1)/2)",
    "floor((W+1)/2)",
  ]);
  expect(shapeOf("Conv", float32("N", 3, "H", "W"), float32(8, 3, 3, 3), { strides: [2, 1], auto_pad: "SAME_UPPER" })).toEqual([
    "N",
    8,
    "floor((H+1)/2)",
    "W",
  ]);
  expect(shapeOf("ConvTranspose", float32("N", 3, "H", "W"), float32(3, 8, 2, 2), { strides: [2, 2] })).toEqual(["N", 8, "2*H", "2*W"]);
});

test("the work of ResNet's first convolution is 118013952 multiply-adds per image", () => {
  const b = new GraphBuilder("g");
  const inputs = [b.input("x", float32("N", 3, 224, 224)), b.input("w", float32(64, 3, 7, 7)), b.input("bias", float32(64))];
  const conv1 = b.addNode("Conv", inputs, { strides: [2, 2], pads: [3, 3, 3, 3] });
  const { flops } = schemaOf("Conv");
  expect(flops === "zero" ? null : flops(conv1)).toEqual({ macs: "118013952*N", other: "802816*N" });
});
