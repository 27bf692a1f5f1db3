import { expect, test } from "vitest";
import { writeModel } from "../../src/codegen/index.ts";
import { parseGraph } from "../../src/ir/parse-text.ts";
import { lower } from "../../src/passes/index.ts";
import { difference } from "../support/compare.ts";
import { runModel } from "../support/onnxruntime.ts";
import { feedsFor } from "./same-outputs.ts";

const image = "float32[N, 4, 4, 6]";
const constants = `
    s = float32[4] {1, -2, 0.5, 3}
    t = float32[4] {0, 1, 2, -1}
    r = float32[6] {1, -2, 0.5, 3, 2, 1}`;
const of = (call: string, y = image): string => `G(x: ${image}) -> (y: ${y}) {${constants}\n %y = ${call} : ${y}\n}`;

/** Whole ops, each with the first opset in which onnxruntime's kernels or function bodies take it as it is. */
test.each<readonly [string, string, number]>([
  ["Mish", of("Mish(x)"), 18],
  ["Swish", of("Swish(x) {alpha = 1.702}"), 24],
  ["Gelu", of("Gelu(x)"), 20],
  ["Gelu by a tanh", of('Gelu(x) {approximate = "tanh"}'), 20],
  ["HardSwish", of("HardSwish(x)"), 14],
  ["LayerNormalization", of("LayerNormalization(x, r, r)"), 17],
  ["RMSNormalization", of("RMSNormalization(x, r)"), 23],
  ["InstanceNormalization", of("InstanceNormalization(x, s, t)"), 13],
  ["GroupNormalization", of("GroupNormalization(x, s, t) {num_groups = 2}"), 24],
  ["LpNormalization", of("LpNormalization(x) {axis = 1}"), 13],
  ["DepthToSpace", of('DepthToSpace(x) {blocksize = 2, mode = "CRD"}', "float32[N, 1, 8, 12]"), 13],
  ["SpaceToDepth", of("SpaceToDepth(x) {blocksize = 2}", "float32[N, 16, 2, 3]"), 13],
  ["Attention", of("Attention(x, x, x) {is_causal = 1, softcap = 2}"), 23],
])("%s computes the same at every opset that it is lowered for", async (_, text, since) => {
  const graph = parseGraph(text);
  const feeds = feedsFor(graph, { N: 2 });
  const at = (opset: number) => runModel(writeModel(lower(graph, { opset, provider: "portable" }), { opset }), feeds);
  const expected = (await at(since)).get("y");
  expect(expected?.data.length).toBe(2 * 4 * 4 * 6);
  for (const opset of [13, 14, 17, 18, 20, 22, 23, 24].filter((n) => n !== since)) {
    const actual = (await at(opset)).get("y");
    // A kernel and its parts round some ten times, in another order.
    if (expected !== undefined) expect(difference(`opset ${opset}`, actual, expected, { rtol: 1e-5, atol: 1e-5 })).toBeNull();
  }
});

test.each<readonly [string, string, number, readonly string[]]>([
  ["Mish", of("Mish(x)"), 17, ["Softplus", "Tanh", "Mul"]],
  ["Swish", of("Swish(x)"), 18, ["Sigmoid", "Mul"]],
  ["RMSNormalization", of("RMSNormalization(x, r)"), 18, ["Mul", "ReduceMean", "Add", "Sqrt", "Div", "Mul"]],
  [
    "GroupNormalization",
    of("GroupNormalization(x, s, t) {num_groups = 2}"),
    24,
    ["Reshape", "InstanceNormalization", "Reshape", "Reshape", "Mul", "Reshape", "Add"],
  ],
  ["Attention", of("Attention(x, x, x)"), 18, ["Mul", "Transpose", "MatMul", "Softmax", "MatMul"]],
])("%s has no more parts than it needs", (_, text, opset, parts) => {
  expect(lower(parseGraph(text), { opset, provider: "portable" }).nodes.map((n) => n.opType)).toEqual(parts);
});
