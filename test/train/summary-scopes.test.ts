/** A summary's figures by layer and by scope. */
import { parse, type SummaryPart, scopesOf, sourceOf, summarize } from "striate";
import { expect, test } from "vitest";
import { resnet50 } from "../../models/resnet.ts";

const labels = (parts: readonly SummaryPart[]): readonly unknown[] =>
  parts.map((part) => (part.kind === "layer" ? part.label : [part.scope.label, labels(part.scope.parts)]));

test("layers nest as their names say, and a scope costs what its layers do", () => {
  const summary = summarize(sourceOf(resnet50()));
  const parts = scopesOf(summary);
  const scopes = parts.flatMap((part) => (part.kind === "scope" ? [part.scope] : []));
  expect(labels(parts.filter((part) => part.kind === "layer"))).toEqual([
    "conv1",
    "bn1",
    "relu",
    "maxPool2d",
    "adaptiveAvgPool2d",
    "flatten",
    "fc",
  ]);
  expect(scopes.map(({ name, parts: blocks }) => [name, labels(blocks).length])).toEqual([
    ["layer1", 3],
    ["layer2", 4],
    ["layer3", 6],
    ["layer4", 3],
  ]);
  // Parameters of torchvision's resnet50 by stage, as torchinfo lists them.
  expect(scopes.map(({ cost }) => cost.parameters)).toEqual([215_808, 1_219_584, 7_098_368, 14_964_736]);
  const stage = scopes[0]?.cost.macs;
  // layer1 at 56x56: (64 + 4 * 64) * 64 + 9 * 64^2 in the first block, and the shortcut; 2 * 256 * 64 + 9 * 64^2 in the two others.
  const first = 64 * 64 + 9 * 64 * 64 + 64 * 256 + 64 * 256;
  expect(stage).toBe(56 * 56 * (first + 2 * (2 * 256 * 64 + 9 * 64 * 64)));
  expect(scopes.at(-1)?.last.name).toBe("layer4.2.relu_2");
});

test("totals are the sums of the layers, and 2 FLOPs are a multiply-add", () => {
  const s = summarize(sourceOf(resnet50()));
  const sum = (pick: (row: (typeof s.rows)[number]) => unknown): number => s.rows.reduce((n, row) => n + Number(pick(row)), 0);
  expect([sum((r) => r.parameters), sum((r) => r.macs), sum((r) => r.other), sum((r) => r.outputBytes)]).toEqual([
    s.parameters,
    s.macs,
    s.other,
    s.outputBytes,
  ]);
  expect([s.parameters, s.macs, s.flops]).toEqual([25_557_032, 4_089_184_256, 2 * 4_089_184_256 + Number(s.other)]);
  expect([...s.otherByKind.values()].reduce<number>((n, dim) => n + Number(dim), 0)).toBe(s.other);
  // 25,557,032 parameters and 53,120 running statistics of four bytes each.
  expect([s.parameterBytes, s.weightBytes, sum((r) => r.weightBytes)]).toEqual([102_228_128, 102_440_608, 102_440_608]);
  expect(s.formulas.macs).toBe("4089184256*N");
});

test("other operations are told by kind", () => {
  const graph = parse(`
    G(x: float32[N, 4, 6, 6]) -> (y: float32[N, 4, 3, 3]) {
      scale = float32[4] {1, 1, 1, 1}
      mean = float32[4] {1, 1, 1, 1}
      %n = BatchNormalization "norm"(x, scale, scale, mean, mean) : float32[N, 4, 6, 6]
      %r = Relu "relu"(%n) : float32[N, 4, 6, 6]
      %p = MaxPool "pool"(%r) {kernel_shape = [2, 2], strides = [2, 2]} : float32[N, 4, 3, 3]
      %s = Softmax "soft"(%p) {axis = 1} : float32[N, 4, 3, 3]
      %y = Add "sum"(%s, %p) : float32[N, 4, 3, 3]
    }`);
  const s = summarize(sourceOf(graph));
  // Per element of 144: a product and a sum; one comparison; four taps of 36; five for a softmax.
  expect([...s.otherByKind]).toEqual([
    ["pooling", 144],
    ["normalization", 288],
    ["softmax", 180],
    ["activation", 144],
    ["elementwise", 36],
  ]);
  // Running statistics of an imported file are no parameters.
  expect([s.parameters, s.weightBytes]).toEqual([4, 32]);
});

test("the names of PyTorch's exporter nest without what they repeat", () => {
  const graph = parse(`
    G(x: float32[N, 1, 4, 4]) -> (y: float32[N, 1, 4, 4]) {
      w = float32[1, 1, 1, 1] {1}
      %a = Conv "/layer1/layer1.0/conv1/Conv"(x, w) : float32[N, 1, 4, 4]
      %b = Relu "/layer1/layer1.0/relu/Relu"(%a) : float32[N, 1, 4, 4]
      %c = Conv "/layer1/layer1.1/conv1/Conv"(%b, w) : float32[N, 1, 4, 4]
      %d = Add "/layer1/layer1.1/Add"(%c, %b) : float32[N, 1, 4, 4]
      %y = Add "/Add"(%d, x) : float32[N, 1, 4, 4]
    }`);
  expect(labels(scopesOf(summarize(sourceOf(graph))))).toEqual([
    [
      "layer1",
      [
        ["0", ["conv1", "relu"]],
        ["1", ["conv1", "Add"]],
      ],
    ],
    "Add",
  ]);
});
