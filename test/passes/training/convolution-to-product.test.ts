import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { TensorData } from "../../../src/ir/tensor-data.ts";
import { convolutionsToProducts, differentiate } from "../../../src/passes/index.ts";
import { runGraph } from "../../support/run-graph.ts";

interface Setting {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
  readonly bias: boolean;
}
const channels = 160;
const outputs = 80;

function convolution(s: Setting): Graph {
  const b = new GraphBuilder("convolution");
  const x = b.input("x", { dtype: "float32", shape: ["N", channels, s.size, s.size] });
  const w = b.input("w", { dtype: "float32", shape: [outputs, channels, s.kernel, s.kernel] });
  const bias = s.bias ? [b.input("b", { dtype: "float32", shape: [outputs] })] : [];
  const pair = (v: number): readonly number[] => [v, v];
  const attributes = {
    kernel_shape: pair(s.kernel),
    strides: pair(s.stride),
    dilations: pair(s.dilation),
    pads: [s.begin, s.begin, s.end, s.end],
  };
  b.output(b.add("Conv", [x, w, ...bias], attributes), "y");
  return differentiate(b.build());
}
const filled = (shape: readonly number[], seed: number): TensorData => ({
  dtype: "float32",
  shape,
  data: Float32Array.from({ length: shape.reduce((a, d) => a * d, 1) }, (_, i) => Math.sin(i * 0.7 + seed)),
});
const settings = fc
  .record({
    size: fc.integer({ min: 1, max: 7 }),
    kernel: fc.integer({ min: 3, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    begin: fc.integer({ min: 0, max: 3 }),
    end: fc.integer({ min: 0, max: 3 }),
    bias: fc.boolean(),
  })
  .map((s) => ({ ...s, out: Math.floor((s.size + s.begin + s.end - (s.kernel - 1) * s.dilation - 1) / s.stride) + 1 }))
  .filter(({ out }) => out >= 1 && out <= 4);

test("a convolution and its gradients as products give what they gave before", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(settings, async (s) => {
      const graph = convolution(s);
      const result = convolutionsToProducts(graph);
      expect(result.applied.map(({ rule }) => rule)).toEqual([
        "convolution-to-product",
        "convolution-to-product",
        "convolution-to-product",
      ]);
      const feeds = {
        x: filled([2, channels, s.size, s.size], 1),
        w: filled([outputs, channels, s.kernel, s.kernel], 2),
        ...(s.bias ? { b: filled([outputs], 3) } : {}),
        "y.cotangent": filled([2, outputs, s.out, s.out], 4),
      };
      const [before, after] = [await runGraph(graph, feeds), await runGraph(result.graph, feeds)];
      expect(Object.keys(after)).toEqual(Object.keys(before));
      for (const [name, tensor] of Object.entries(before)) {
        const [old, now] = [tensor.data as Float32Array, after[name]?.data as Float32Array];
        const largest = old.reduce((m, v) => Math.max(m, Math.abs(v)), 1);
        // Sums of up to 2,560 float32 products in another order.
        expect(old.findIndex((v, i) => !(Math.abs(v - (now[i] ?? Number.NaN)) <= 1e-4 * largest))).toBe(-1);
      }
    }),
    { numRuns: 10, seed: 1 },
  );
});

test("a convolution with many positions or a small weight stays", () => {
  const b = new GraphBuilder("large");
  const x = b.input("x", { dtype: "float32", shape: ["N", 160, 32, 32] });
  const w = b.input("w", { dtype: "float32", shape: [80, 160, 3, 3] });
  b.output(b.add("Conv", [x, w], { kernel_shape: [3, 3] }), "y");
  const graph = b.build();
  expect(convolutionsToProducts(graph)).toEqual({ graph, applied: [], skipped: [] });
});
