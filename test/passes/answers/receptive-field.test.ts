import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import type { OpAttributes } from "../../../src/ir/op-types.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { type AxisReceptiveField, receptiveField, substituteShapes } from "../../../src/passes/index.ts";
import { run } from "../same-outputs.ts";

/** Convolution layers by kernel, stride and padding, and pools likewise; enough for what a receptive field depends on. */
class Chain {
  readonly b = new GraphBuilder("net");
  readonly input = this.b.input("input", { dtype: "float32", shape: ["N", 1, "H", "W"] });
  conv(x: Value, k: number, s = 1, p = 0): Value {
    return this.b.add(
      "Conv",
      [
        x,
        this.b.constant(
          "float32",
          Array.from({ length: k * k }, () => 1),
          [1, 1, k, k],
        ),
      ],
      { strides: [s, s], pads: [p, p, p, p] },
    );
  }
  pool(x: Value, k: number, s: number, p = 0): Value {
    return this.b.add("MaxPool", [x], { kernel_shape: [k, k], strides: [s, s], pads: [p, p, p, p] });
  }
  fieldOf(x: Value): readonly AxisReceptiveField[] | null {
    this.b.output(x);
    return receptiveField(this.b.build(), x, this.input);
  }
}
const times = (n: number, x: Value, layer: (x: Value) => Value): Value => (n === 0 ? x : times(n - 1, layer(x), layer));
const square = (size: number, stride: number, padding: number): readonly AxisReceptiveField[] => {
  const along = { kind: "window", size, stride, start: 0 - padding, padding } as const;
  return [along, along];
};

// Size, stride and padding as published in Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019,
// for the ResNets with torchvision's stride in the 3x3 convolution.
test("AlexNet's last pool sees 195 pixels, stride 32, padding 66", () => {
  const net = new Chain();
  const [c1, c2] = [(x: Value) => net.conv(x, 11, 4, 2), (x: Value) => net.conv(x, 5, 1, 2)];
  const x = net.pool(c2(net.pool(c1(net.input), 3, 2)), 3, 2);
  expect(
    net.fieldOf(
      net.pool(
        times(3, x, (y) => net.conv(y, 3, 1, 1)),
        3,
        2,
      ),
    ),
  ).toEqual(square(195, 32, 66));
});

test("VGG-16's last pool sees 212 pixels, stride 32, padding 90", () => {
  const net = new Chain();
  const stage = (x: Value, n: number): Value =>
    net.pool(
      times(n, x, (y) => net.conv(y, 3, 1, 1)),
      2,
      2,
    );
  expect(net.fieldOf([2, 2, 3, 3, 3].reduce(stage, net.input))).toEqual(square(212, 32, 90));
});

const resnet = (net: Chain, blocks: readonly number[], branch: (x: Value, stride: number) => Value): Value =>
  blocks.reduce(
    (x, n, stage) => {
      const block = (y: Value, stride: number): Value =>
        net.b.add("Relu", [net.b.add("Add", [branch(y, stride), stride === 1 ? y : net.conv(y, 1, stride)])]);
      return times(n - 1, block(x, stage === 0 ? 1 : 2), (y) => block(y, 1));
    },
    net.pool(net.conv(net.input, 7, 2, 3), 3, 2, 1),
  );

test("ResNet-18's last block sees 435 pixels, stride 32, padding 217, through its shortcuts", () => {
  const net = new Chain();
  expect(net.fieldOf(resnet(net, [2, 2, 2, 2], (x, s) => net.conv(net.conv(x, 3, s, 1), 3, 1, 1)))).toEqual(square(435, 32, 217));
});

test("ResNet-50's last block sees 427 pixels, stride 32, padding 213", () => {
  const net = new Chain();
  expect(net.fieldOf(resnet(net, [3, 4, 6, 3], (x, s) => net.conv(net.conv(net.conv(x, 1), 3, s, 1), 1)))).toEqual(square(427, 32, 213));
});

test("MobileNetV2's last feature map sees 491 pixels, stride 32, padding 245", () => {
  const net = new Chain();
  const block = (x: Value, stride: number): Value => net.conv(net.conv(net.conv(x, 1), 3, stride, 1), 1);
  const stages = [
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 2],
    [3, 1],
    [3, 2],
    [1, 1],
  ] as const;
  const x = stages.reduce<Value>(
    (y, [n, s]) => times(n - 1, block(y, s), (z) => net.b.add("Add", [z, block(z, 1)])),
    net.conv(net.input, 3, 2, 1),
  );
  expect(net.fieldOf(net.conv(x, 1))).toEqual(square(491, 32, 245));
});

test("dilation spreads the window, and branches give their hull", () => {
  const graph = parseGraph(`
    G(x: float32[1, 1, 32, 32]) -> (y: float32[1, 2, 32, 32]) {
      w = float32[1, 1, 3, 3] {1, 1, 1, 1, 1, 1, 1, 1, 1}
      one = float32[1, 1, 1, 1] {1}
      %a = Conv(x, w) {dilations = [4, 2], pads = [4, 2, 4, 2]} : float32[1, 1, 32, 32]
      %b = Conv(x, one) : float32[1, 1, 32, 32]
      %y = Concat(%a, %b) {axis = 1} : float32[1, 2, 32, 32]
    }`);
  expect(fieldOf(graph, "y")).toEqual([
    { kind: "window", size: 9, stride: 1, start: -4, padding: 4 },
    { kind: "window", size: 5, stride: 1, start: -2, padding: 2 },
  ]);
});

const namedValue = (graph: Graph, name: string): Value => {
  const found = graph.nodes.flatMap((node) => node.outputs).find((v) => v?.name === name);
  if (!found) throw new Error(`no value ${name}`);
  return found;
};
const fieldOf = (graph: Graph, name: string): readonly AxisReceptiveField[] | null => {
  const [input] = graph.inputs;
  if (input === undefined) throw new Error("no input");
  return receptiveField(graph, namedValue(graph, name), input);
};

test("a global op sees the whole input, also beside a window, and a shape sees nothing", () => {
  const graph = parseGraph(`
    G(x: float32[N, 1, H, W]) -> (y: float32[N, 1, H, W], z: float32[N, 1, H, W]) {
      w = float32[1, 1, 3, 3] {1, 1, 1, 1, 1, 1, 1, 1, 1}
      %gate = GlobalAveragePool(x) : float32[N, 1, 1, 1]
      %local = Conv(x, w) {pads = [1, 1, 1, 1]} : float32[N, 1, H, W]
      %y = Mul(%local, %gate) : float32[N, 1, H, W]
      %size = Shape(x) : int64[4]
      %z = ConstantOfShape(%size) : float32[N, 1, H, W]
    }`);
  expect(fieldOf(graph, "y")).toEqual([{ kind: "whole" }, { kind: "whole" }]);
  expect(fieldOf(graph, "local")).toEqual(square(3, 1, 1));
  expect(fieldOf(graph, "z")).toBeNull();
});

test("a transposed convolution moves by half a position", () => {
  const graph = parseGraph(`
    G(x: float32[1, 1, 8, 8]) -> (y: float32[1, 1, 16, 16], down: float32[1, 1, 8, 8]) {
      w = float32[1, 1, 2, 2] {1, 1, 1, 1}
      %y = ConvTranspose(x, w) {strides = [2, 2]} : float32[1, 1, 16, 16]
      %down = Conv(%y, w) {strides = [2, 2]} : float32[1, 1, 8, 8]
    }`);
  const up = { kind: "window", size: 1, stride: 0.5, start: 0, padding: 0 };
  expect(fieldOf(graph, "y")).toEqual([up, up]);
  expect(fieldOf(graph, "down")).toEqual(square(1, 1, 0));
});

// By interval arithmetic: [a, b] behind the up-convolution is [ceil((a - 1) / 2), floor(b / 2)] before it, and [2 a, 2 b + 1] before a pool.
test.each([
  [1, 18, 8],
  [2, 44, 22],
  [3, 100, 46],
  [4, 204, 94],
])("a U-Net of %i levels sees %i pixels at most, from -%i on", (levels, size, padding) => {
  const net = new Chain();
  const twice = (x: Value): Value => net.conv(net.conv(x, 3, 1, 1), 3, 1, 1);
  const level = (x: Value, left: number): Value => {
    const skip = twice(x);
    if (left === 0) return skip;
    const ones = net.b.constant("float32", [1, 1, 1, 1], [1, 1, 2, 2]);
    const up = net.b.add("ConvTranspose", [level(net.pool(skip, 2, 2), left - 1), ones], { strides: [2, 2] });
    return twice(net.b.add("Add", [skip, up]));
  };
  const sizes = new Map([["input", ["N", 1, 256, 256]]]);
  net.b.output(level(net.input, levels), "y");
  const graph = substituteShapes(net.b.build(), sizes);
  expect(fieldOf(graph, "y")).toEqual(square(size, 1, padding));
});

/** Which rows of the input each row of the output depends on: a batch of images with one row of ones each. */
async function measured(graph: Graph, rows: number): Promise<readonly (readonly number[])[]> {
  const image = Array.from({ length: rows * rows }, (_, i) => (i % rows === Math.floor(i / rows) ? 1 : 0));
  const result = (await run(graph, new Map([["x", tensorFrom("float32", [rows, 1, rows, 1], image)]]))).get("y");
  const height = result?.shape[2] ?? 0;
  const isSeen = (row: number, r: number): boolean => Math.abs(Number(result?.data[row * height + r])) > 1e-6;
  return Array.from({ length: height }, (_, r) => Array.from({ length: rows }, (_, row) => row).filter((row) => isSeen(row, r)));
}
type Layer = (b: GraphBuilder, h: Value) => Value;
const resize =
  (scale: number, attributes: Partial<OpAttributes["Resize"]>): Layer =>
  (b, h) =>
    b.add("Resize", [h, null, b.constant("float32", [1, 1, scale, 1])], attributes);
const spread =
  (kernel: number, attributes: Partial<OpAttributes["ConvTranspose"]>): Layer =>
  (b, h) =>
    b.add(
      "ConvTranspose",
      [
        h,
        b.constant(
          "float32",
          Array.from({ length: kernel }, (_, i) => i + 1),
          [1, 1, kernel, 1],
        ),
      ],
      attributes,
    );
const asymmetric = { coordinate_transformation_mode: "asymmetric" };

test.each<readonly [string, Layer, number]>([
  ["nearest x2", resize(2, { mode: "nearest", nearest_mode: "floor", ...asymmetric }), 2],
  ["nearest x3 by half pixels", resize(3, { mode: "nearest" }), 3],
  ["nearest ceil x2", resize(2, { mode: "nearest", nearest_mode: "ceil", ...asymmetric }), 2],
  ["nearest x0.5", resize(0.5, { mode: "nearest", nearest_mode: "round_prefer_ceil" }), 1],
  ["linear x2", resize(2, { mode: "linear" }), 2],
  ["linear x4", resize(4, { mode: "linear" }), 4],
  ["linear x1.5, asymmetric", resize(1.5, { mode: "linear", ...asymmetric }), 3],
  ["linear x0.5, antialiased", resize(0.5, { mode: "linear", antialias: 1 }), 1],
  ["cubic x2", resize(2, { mode: "cubic" }), 2],
  ["a transposed convolution of 3, stride 2", spread(3, { strides: [2, 1], pads: [1, 0, 0, 0] }), 2],
  ["a transposed convolution of 3, stride 3, dilated by 2", spread(3, { strides: [3, 1], dilations: [2, 1] }), 3],
  ["a transposed convolution of 4, stride 3, dilated", spread(4, { strides: [3, 1], dilations: [2, 1] }), 3],
])("what %s behind a convolution sees is what changes it in onnxruntime", async (_, layer, period) => {
  const rows = 24;
  const b = new GraphBuilder("G");
  const x = b.input("x", { dtype: "float32", shape: ["N", 1, rows, 1] });
  const h = b.add("Conv", [x, b.constant("float32", [1, 2, 4], [1, 1, 3, 1])], { pads: [1, 0, 1, 0] });
  const y = b.output(layer(b, h), "y");
  const graph = b.build();
  const [field] = receptiveField(graph, y, x) ?? [];
  if (field?.kind !== "window") throw new Error("expected a window");
  const seen = await measured(graph, rows);
  const inside = seen
    .map((list, r) => ({ r, first: list[0] ?? 0, last: list.at(-1) ?? 0 }))
    .filter(({ first, last }) => first > 2 && last < rows - 3);
  expect(Math.max(...inside.map(({ first, last }) => last - first + 1))).toBe(field.size);
  const aligned = inside.filter(({ r }) => r % period === 0);
  expect(aligned.length).toBeGreaterThan(2);
  expect(aligned.map(({ first }) => first)).toEqual(aligned.map(({ r }) => field.start + field.stride * r));
});

test("a cut moves the start, a reversal the direction", () => {
  const graph = parseGraph(
    `
    G(x: float32[1, 1, 9, 9]) -> (y: float32[1, 1, 4, 7]) {
      starts = int64[2] {8, 2}
      ends = int64[2] {0, 11}
      axes = int64[2] {2, 3}
      steps = int64[2] {-2, 1}
      %y = Slice "cut"(x, starts, ends, axes, steps) : float32[1, 1, 4, 7]
    }`,
  );
  expect(fieldOf(graph, "y")).toEqual([
    { kind: "window", size: 1, stride: -2, start: 8, padding: -8 },
    { kind: "window", size: 1, stride: 1, start: 2, padding: -2 },
  ]);
});

test("what the window says is what really changes the output", async () => {
  const net = new Chain();
  const y = net.conv(net.b.add("AveragePool", [net.conv(net.input, 3, 2, 1)], { kernel_shape: [2, 2], strides: [2, 2] }), 3, 1, 0);
  const [rows] = net.fieldOf(y) ?? [];
  if (rows?.kind !== "window") throw new Error("expected a window");
  const graph = net.b.build();
  const size = 40;
  const outputWith = async (row: number): Promise<readonly number[]> => {
    const image = new Array<number>(size * size).fill(0);
    for (let column = 0; column < size; column++) image[row * size + column] = 1;
    const result = (await run(graph, new Map([["input", tensorFrom("float32", [1, 1, size, size], image)]]))).get(y.name);
    const [, , height = 0, width = 0] = result?.shape ?? [];
    return Array.from({ length: height }, (_, r) => Number(result?.data[r * width]));
  };
  const seen = new Map<number, number[]>();
  for (let row = 0; row < size; row++) {
    const output = await outputWith(row);
    for (const [r, v] of output.entries()) if (v !== 0) seen.set(r, [...(seen.get(r) ?? []), row]);
  }
  for (const r of [1, 2, 3]) {
    const first = rows.start + rows.stride * r;
    expect([seen.get(r)?.[0], seen.get(r)?.at(-1)]).toEqual([first, first + rows.size - 1]);
  }
});
