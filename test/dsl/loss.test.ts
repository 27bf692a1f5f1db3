import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { crossEntropy, lossTable } from "../../src/dsl/loss/index.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { TensorData } from "../../src/ir/tensor-data.ts";
import { differentiate } from "../../src/passes/index.ts";
import { runGraph } from "../support/run-graph.ts";

interface Recorded {
  readonly loss: string;
  readonly options: Readonly<Record<string, number | string | readonly number[]>>;
  readonly x: readonly number[];
  readonly xShape: readonly number[];
  readonly y: readonly number[];
  readonly yShape: readonly number[];
  readonly yType: "int64" | "float32";
  readonly value: number;
  readonly grad: readonly number[];
}
const recorded = JSON.parse(readFileSync(new URL("../fixtures/torch.json", import.meta.url), "utf8")) as {
  readonly losses: readonly Recorded[];
};

describe("losses are PyTorch's, value and gradient", () => {
  test.each(recorded.losses.map((r) => [`${r.loss} ${JSON.stringify(r.options)}`, r] as const))("%s", async (_name, r) => {
    const loss = lossTable[r.loss]?.create(r.options);
    if (loss === undefined) throw new Error(`no loss ${r.loss}`);
    const b = new GraphBuilder("loss");
    const [, ...rest] = r.xShape;
    const x = b.input("x", { dtype: "float32", shape: ["N", ...rest] });
    const target = b.input("target", loss.target(x.type));
    b.output(loss.build(b, x, target).loss, "loss");
    const y: TensorData = {
      dtype: r.yType,
      shape: r.yShape,
      data: r.yType === "int64" ? BigInt64Array.from(r.y, BigInt) : Float32Array.from(r.y),
    };
    const results = await runGraph(differentiate(b.build(), { wrt: ["x"] }), {
      x: { dtype: "float32", shape: r.xShape, data: Float32Array.from(r.x) },
      target: y,
      "loss.cotangent": { dtype: "float32", shape: [], data: Float32Array.of(1) },
    });
    const value = (results["loss"]?.data as Float32Array | undefined)?.[0];
    // float32 on both sides: 1e-5 relative leaves room for another order of summation.
    expect(Math.abs((value ?? Number.NaN) - r.value)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(r.value)));
    const gradient = results["x.grad"]?.data as Float32Array | undefined;
    r.grad.forEach((wanted, i) => {
      expect(Math.abs((gradient?.[i] ?? Number.NaN) - wanted), `gradient ${i}: ${gradient?.[i]} against ${wanted}`).toBeLessThanOrEqual(
        1e-5 * Math.max(1, Math.abs(wanted)),
      );
    });
  });
});

test("cross-entropy counts the right answers that are not ignored", async () => {
  const loss = crossEntropy();
  const b = new GraphBuilder("loss");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3] });
  const target = b.input("target", loss.target(x.type));
  const { correct } = loss.build(b, x, target).metrics;
  if (correct === undefined) throw new Error("no count");
  b.output(correct, "correct");
  const results = await runGraph(b.build(), {
    x: { dtype: "float32", shape: [4, 3], data: Float32Array.of(5, 0, 0, 0, 5, 0, 0, 0, 5, 5, 0, 0) },
    target: { dtype: "int64", shape: [4], data: BigInt64Array.of(0n, 2n, 2n, -100n) },
  });
  expect(results["correct"]?.data).toEqual(BigInt64Array.of(2n));
});
