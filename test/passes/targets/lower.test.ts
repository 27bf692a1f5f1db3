import { expect, test } from "vitest";
import { writeModel } from "../../../src/codegen/index.ts";
import { signatures } from "../../../src/ir/op-types.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { differentiate, lower } from "../../../src/passes/index.ts";
import { difference } from "../../support/compare.ts";
import { runModel } from "../../support/onnxruntime.ts";
import { feedsFor } from "../same-outputs.ts";

const net = parseGraph(`
  G(x: float32[N, 3, 8, 8], w: float32[4, 3, 3, 3]) -> (y: float32[N, 4]) {
    axes = int64[2] {2, 3}
    %conv = Conv(x, w) {pads = [1, 1, 1, 1]} : float32[N, 4, 8, 8]  # net.ts:2:5
    %gelu = Gelu(%conv) : float32[N, 4, 8, 8]  # net.ts:3:5
    %pool, %at = MaxPool "pool"(%gelu) {kernel_shape = [2, 2], strides = [2, 2]} : float32[N, 4, 4, 4], int64[N, 4, 4, 4]  # net.ts:4:5
    %swish = HardSwish(%pool) : float32[N, 4, 4, 4]  # net.ts:5:5
    %y = ReduceMean(%swish, axes) {keepdims = 0} : float32[N, 4]  # net.ts:6:5
  }`);

test("what a graph computes does not depend on the opset it is lowered for", async () => {
  const gradient = differentiate(net);
  const feeds = feedsFor(gradient, { N: 2 });
  const atOpset = (opset: number) => runModel(writeModel(lower(gradient, { opset, provider: "portable" }), { opset }), feeds);
  const expected = await atOpset(18);
  expect([...expected.keys()]).toEqual(["y", "x.grad", "w.grad"]);
  for (const opset of [13, 14, 15, 17, 19, 20, 21, 22, 24]) {
    const results = await atOpset(opset);
    // Gelu by Erf or by the kernel of opset 20 differ by roundings.
    for (const [name, tensor] of expected)
      expect(difference(`${name} at opset ${opset}`, results.get(name), tensor, { rtol: 1e-5, atol: 1e-5 })).toBeNull();
  }
});

test("nothing of the compiler's own is left, and what is new has the origin's name and line", () => {
  const lowered = lower(differentiate(net), { opset: 18, provider: "portable" });
  expect(lowered.nodes.filter((node) => signatures[node.opType].domain !== "").map((node) => node.opType)).toEqual([]);
  const fromGelu = lowered.nodes.filter((node) => node.name.startsWith("gelu"));
  expect(fromGelu.length).toBeGreaterThan(3);
  expect(new Set(fromGelu.map((node) => node.location.position?.line))).toEqual(new Set([3]));
  expect(lowered.nodes.some((node) => node.outputs[0]?.name === "gelu")).toBe(true);
});

test("a graph that the target takes as it is, is given back", () => {
  const plain = parseGraph(`
    G(x: float32[2]) -> (y: float32[2]) {
      %y = Neg(x) : float32[2]
    }`);
  expect(lower(plain, { opset: 18, provider: "portable" })).toBe(plain);
});
