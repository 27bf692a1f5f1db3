/** How parameters begin. */
import { createHash } from "node:crypto";
import { conv2d, defineModel, type Init, init, initialize, trace } from "striate";
import { describe, expect, test } from "vitest";
import { simpleCnn } from "../../models/simple-cnn.ts";
import { draw } from "../../src/dsl/initialize.ts";
import { bytesOf } from "../../src/ir/tensor-data.ts";
import { keyOf } from "../../src/random/philox.ts";

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex").slice(0, 16);
const values = (i: Init, shape: readonly number[], seed = 1): Float32Array => draw(i, shape, keyOf(seed, "w")).data as Float32Array;
const meanOf = (x: Float32Array): number => x.reduce((sum, v) => sum + v, 0) / x.length;
function stdOf(x: Float32Array): number {
  const mean = meanOf(x);
  return Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length);
}

describe("initialize", () => {
  const { parameters } = trace(simpleCnn({ inChannels: 3, imageSize: 32 }));

  test("the same seed gives the same bytes, on every machine", () => {
    const digests = Object.fromEntries([...initialize(parameters, 1)].map(([name, tensor]) => [name, sha(bytesOf(tensor))]));
    expect(digests).toEqual({
      "conv1.bias": "0dad1bba9ec21694",
      "conv1.weight": "3b812e2048fd74bc",
      "conv2.bias": "fc7818dd0360f314",
      "conv2.weight": "e19d7c55ef0cefea",
      "fc.bias": "827c52aba8573523",
      "fc.weight": "5c1b832b3558692b",
    });
  });

  test("each parameter depends on its name and the seed alone", () => {
    const [whole, part] = [initialize(parameters, 7), initialize(parameters.slice(3).toReversed(), 7)];
    for (const [name, tensor] of part) expect(tensor).toEqual(whole.get(name));
    expect(initialize(parameters, 8).get("fc.weight")).not.toEqual(whole.get("fc.weight"));
  });

  test("convolutions and linear layers begin within 1 / sqrt(fan in), as PyTorch's do", () => {
    const state = initialize(parameters, 3);
    const bound = (name: string): number => Math.max(...Array.from((state.get(name)?.data ?? []) as Float32Array, Math.abs));
    for (const [layer, fanIn] of [
      ["conv1", 27],
      ["conv2", 144],
      ["fc", 2048],
    ] as const) {
      expect(bound(`${layer}.weight`)).toBeLessThanOrEqual(Math.fround(1 / Math.sqrt(fanIn)));
      expect(bound(`${layer}.weight`)).toBeGreaterThan(0.95 / Math.sqrt(fanIn));
      expect(bound(`${layer}.bias`)).toBeLessThanOrEqual(Math.fround(1 / Math.sqrt(fanIn)));
    }
  });

  test("a layer takes other distributions", () => {
    const model = defineModel({
      name: "m",
      inputs: { x: ["N", 3, 8, 8] },
      forward: ({ x }) => conv2d(x, { outChannels: 4, kernelSize: 8, init: { weight: init.constant(0.5), bias: init.zeros() }, name: "c" }),
    });
    const state = initialize(trace(model).parameters, 0);
    expect(new Set(state.get("c.weight")?.data as Float32Array)).toEqual(new Set([0.5]));
    expect(state.get("c.bias")?.data).toEqual(new Float32Array(4));
  });

  test("a seed that is no natural number is refused", () => {
    expect(() => initialize(parameters, -1)).toThrow("the seed is -1, but must be an integer from 0 to 2^53 - 1");
  });
});

describe("distributions", () => {
  // 100,000 draws: a mean within 5 deviations of its own, sqrt(n) times smaller; a deviation within 1 %.
  const shape = [1000, 100];
  test.each([
    ["uniform", init.uniform(-1, 3), 1, 4 / Math.sqrt(12)],
    ["normal", init.normal({ mean: 2, std: 0.5 }), 2, 0.5],
    ["kaimingUniform", init.kaimingUniform({ nonlinearity: "relu" }), 0, Math.sqrt(2 / 100)],
    ["kaimingNormal, fan out", init.kaimingNormal({ mode: "fanOut", nonlinearity: "relu" }), 0, Math.sqrt(2 / 1000)],
    ["xavierUniform", init.xavierUniform(), 0, Math.sqrt(2 / 1100)],
    ["xavierNormal", init.xavierNormal(5 / 3), 0, (5 / 3) * Math.sqrt(2 / 1100)],
    // The deviation of a normal variable cut at two deviations is 0.879626.
    ["truncNormal", init.truncNormal({ std: 0.02, low: -0.04, high: 0.04 }), 0, 0.02 * 0.879626],
  ] as const)("%s has its mean and deviation", (_, distribution, mean, std) => {
    const x = values(distribution, shape);
    expect(Math.abs(meanOf(x) - mean)).toBeLessThan((5 * std) / Math.sqrt(x.length));
    expect(Math.abs(stdOf(x) / std - 1)).toBeLessThan(0.01);
  });

  test("truncNormal stays within its bounds, far from the mean too", () => {
    const x = values(init.truncNormal({ low: 5, high: 6 }), [1000]);
    expect(Math.min(...x)).toBeGreaterThanOrEqual(5);
    expect(Math.max(...x)).toBeLessThanOrEqual(6);
    // The mean of a normal variable above 5 is phi(5) / (1 - Phi(5)) = 5.18650.
    expect(Math.abs(meanOf(x) - 5.1865)).toBeLessThan(0.03);
  });

  test.each([[[20, 50]], [[50, 20]], [[16, 3, 3, 3]]])("orthogonal of %j has orthonormal rows or columns", (dims) => {
    const [rows = 1, columns] = [dims[0], dims.slice(1).reduce((n, d) => n * d, 1)];
    const q = values(init.orthogonal(2), dims);
    const at = (i: number, j: number): number => q[rows <= columns ? i * columns + j : j * columns + i] ?? 0;
    const [count, length] = rows <= columns ? [rows, columns] : [columns, rows];
    for (let a = 0; a < count; a++) {
      for (let b = 0; b <= a; b++) {
        let product = 0;
        for (let j = 0; j < length; j++) product += at(a, j) * at(b, j);
        // The gain is 2; sums of float32 roundings stay below 1e-6.
        expect(Math.abs(product - (a === b ? 4 : 0))).toBeLessThan(1e-6);
      }
    }
  });
});
