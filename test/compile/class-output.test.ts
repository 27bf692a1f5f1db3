import { expect, test } from "vitest";
import { buildInference, type ClassOutput } from "../../src/compile/index.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";
import { run } from "../passes/same-outputs.ts";
import { difference } from "../support/compare.ts";

function classifier(): Graph {
  const b = new GraphBuilder("G");
  const x = b.input("x", { dtype: "float32", shape: ["N", 4] });
  b.output(b.add("Neg", [x]), "logits");
  b.output(b.add("Relu", [x]), "features");
  return b.build();
}
const feeds = new Map([["x", tensorFrom("float32", [2, 4], [-1, -3, 0, -2, 5, 4, 6, 7])]]);
const built = (classes: ClassOutput): Graph => buildInference(classifier(), { classes: { logits: classes } }).graph;
/** e^x / sum(e^x) of the logits 1, 3, 0, 2 and -5, -4, -6, -7: the same numbers, in another order. */
const probabilities = [0.08714432, 0.64391426, 0.0320586, 0.23688282, 0.23688282, 0.64391426, 0.08714432, 0.0320586];
// The numbers above are rounded to eight digits.
const rounded = { rtol: 1e-6, atol: 1e-7 };

test("softmax gives probabilities under a name of their own, and leaves the other outputs", async () => {
  const graph = built({ softmax: true });
  expect(graph.outputs.map((v) => v.name)).toEqual(["logits.probabilities", "features"]);
  const outputs = await run(graph, feeds);
  expect(difference("p", outputs.get("logits.probabilities"), tensorFrom("float32", [2, 4], probabilities), rounded)).toBeNull();
});

test("the likeliest classes come with their scores, the first one first", async () => {
  const graph = built({ softmax: true, topK: 2 });
  expect(graph.outputs.map(({ name, type }) => [name, type])).toEqual([
    ["logits.scores", { dtype: "float32", shape: ["N", 2] }],
    ["logits.classes", { dtype: "int64", shape: ["N", 2] }],
    ["features", { dtype: "float32", shape: ["N", 4] }],
  ]);
  const outputs = await run(graph, feeds);
  const scores = [0.64391426, 0.23688282, 0.64391426, 0.23688282];
  expect(difference("scores", outputs.get("logits.scores"), tensorFrom("float32", [2, 2], scores), rounded)).toBeNull();
  expect(outputs.get("logits.classes")).toEqual(tensorFrom("int64", [2, 2], [1, 3, 1, 0]));
  const logits = await run(built({ topK: 1 }), feeds);
  expect(logits.get("logits.scores")).toEqual(tensorFrom("float32", [2, 1], [3, -4]));
});

test("outputs that are not there, and more classes than there are, are refused", () => {
  expect(() => buildInference(classifier(), { classes: { logit: {} } })).toThrow(
    'class output: the graph has no output "logit"\n  help: its outputs are logits, features',
  );
  expect(() => built({ topK: 5 })).toThrow('class output: the 5 likeliest of the 4 classes of "logits" are asked for');
});
