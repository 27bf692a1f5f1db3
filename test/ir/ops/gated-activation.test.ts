import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { numbersOf, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

// Third derivatives are below 1: differences over 2^-5 are off by 2e-4, and float32 sums of 12 by as much.
const smooth = { step: 2 ** -5, tolerance: 2e-3 } as const;

test.each<readonly [string, "Mish" | "Swish", Readonly<Record<string, number>>, readonly number[]]>([
  ["Mish", "Mish", {}, [13, 18]],
  ["Swish", "Swish", {}, [18, 24]],
  ["Swish with another slope", "Swish", { alpha: 1.702 }, [18, 24]],
])("%s has the gradient of differences, whole and in parts", async (_, opType, attributes, opsets) => {
  for (const opset of opsets) {
    await expectGradient({
      ...smooth,
      opset,
      inputs: [{ data: randomTensor(3, "float32", [3, 4]) }],
      build: (b, [x]) => b.add(opType, [x ?? null], attributes),
    });
  }
});

test.each<readonly [string, "Mish" | "Swish", readonly [number, number], readonly number[]]>([
  // x tanh(ln(1 + e^x)) and x / (1 + e^-x), to seven digits by hand.
  ["Mish", "Mish", [17, 22], [-0.2525015, 0, 0.8650984, 100]],
  ["Swish", "Swish", [23, 24], [-0.2384058, 0, 0.7310586, 100]],
])("%s gives the published function on both sides of its opset", async (_, opType, opsets, expected) => {
  const x = tensorFrom("float32", [4], [-2, 0, 1, 100]);
  for (const opset of opsets) {
    const b = new GraphBuilder("g");
    b.output(b.add(opType, [b.input("x", x)]), "y");
    const values = numbersOf((await runGraph(b.build(), { x }, opset))["y"] ?? x) ?? [];
    // One rounding for each of four operations.
    expected.forEach((v, i) => {
      expect(Math.abs((values[i] ?? Number.NaN) - v)).toBeLessThan(1e-6 * Math.max(1, Math.abs(v)));
    });
  }
});
