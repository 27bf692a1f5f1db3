import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { cost } from "../../../src/passes/index.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { difference } from "../../support/compare.ts";
import { runGraph } from "../../support/run-graph.ts";

// Third derivatives are of order 1: differences over 2^-5 are off by 2e-4.
const smooth = { step: 2 ** -5, tolerance: 3e-3 } as const;
const heads = (seed: number, length: number, depth = 2, count = 2) => ({
  data: randomTensor(seed, "float32", [1, count, length, depth]),
  shape: ["N", count, length, depth],
});

test.each<readonly [string, Readonly<Record<string, number>>, number]>([
  ["plain", {}, 2],
  ["causal", { is_causal: 1 }, 2],
  ["of capped scores and another scale", { softcap: 1.5, scale: 0.7 }, 2],
  ["whose heads share keys", {}, 1],
])("%s attention has the gradient of differences, through its parts and beside the kernel", async (_, attributes, kvHeads) => {
  for (const opset of [18, 23]) {
    await expectGradient({
      ...smooth,
      opset,
      inputs: [heads(1, 3), heads(2, 3, 2, kvHeads), heads(3, 3, 3, kvHeads)],
      build: (b, values) => b.add("Attention", values, attributes),
    });
  }
});

test("a mask has a gradient, and the kernel of opset 23 gives what the parts give", async () => {
  const mask = { data: randomTensor(4, "float32", [3, 4]) };
  await expectGradient({
    ...smooth,
    inputs: [heads(1, 3), heads(2, 4), heads(3, 4), mask],
    build: (b, values) => b.add("Attention", values),
  });
  const feeds = { q: heads(1, 3).data, k: heads(2, 4).data, v: heads(3, 4).data, mask: mask.data };
  const b = new GraphBuilder("g");
  b.output(
    b.add(
      "Attention",
      Object.entries(feeds).map(([name, data]) => b.input(name, data)),
    ),
    "y",
  );
  const [parts, whole] = [await runGraph(b.build(), feeds, 22), await runGraph(b.build(), feeds, 23)];
  // Sums of a few products in another order.
  expect(difference("y", parts["y"], whole["y"] ?? tensorFrom("float32", [0], []), { rtol: 1e-5, atol: 1e-6 })).toBeNull();
});

test("inputs of three axes are split into heads, and the two products are counted", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 197, 768] });
  const y = b.add("Attention", [x, x, x], { q_num_heads: 12, kv_num_heads: 12 });
  expect(y.type.shape).toEqual(["N", 197, 768]);
  b.output(y, "y");
  // 12 heads of 197 x 197 scores, of 64 products for each score and 64 for each value.
  expect(cost(b.build()).macs).toBe(`${12 * 197 * 197 * 128}*N`);
});

test("sizes that do not fit are refused with the reason", () => {
  const b = new GraphBuilder("g");
  const of = (name: string, ...shape: readonly (number | string)[]) => b.input(name, { dtype: "float32", shape });
  const [q, k, flat] = [of("q", "N", 4, 5, 8), of("k", "N", 3, 7, 8), of("flat", "N", 5, 32)];
  expect(() => b.add("Attention", [q, k, k])).toThrow("error[attention-heads]: Attention: 4 heads of Q cannot share 3 of K and V");
  expect(() => b.add("Attention", [flat, flat, flat])).toThrow(
    "error[op-attribute]: Attention: inputs of 3 axes need q_num_heads and kv_num_heads",
  );
  expect(() => b.add("Attention", [q, of("k6", "N", 4, 7, 6), q])).toThrow(
    "error[attention-size]: Attention: the heads of Q have 8 elements, and those of K 6",
  );
  expect(() => b.add("Attention", [q, q, of("v", "N", 4, 6, 8)])).toThrow(
    "error[attention-size]: Attention: there are 5 keys and 6 values",
  );
});
