import { expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { parseGraph } from "../../src/ir/parse-text.ts";
import { printGraph } from "../../src/ir/print.ts";
import { copyGraph, copyOutputs } from "../../src/passes/index.ts";

const graph = parseGraph(`
  G(x: float32[N, 8], m: int64[2]) -> (y: float32[4, 2*N], n: float32[?0, ?1]) {
    four = int64[2] {4, -1}
    %t = Reshape(x, four) : float32[4, 2*N]
    %s = Shape(%t) : int64[2]
    %y = Reshape(%t, %s) : float32[4, 2*N]
    %n = Reshape(x, m) : float32[?0, ?1]
  }`);

test("a copy says what the original says, also of sizes that nobody knows", () => {
  const b = new GraphBuilder(graph.name);
  copyOutputs(b, graph, copyGraph(b, graph));
  const copy = b.build();
  expect(printGraph(copy)).toBe(printGraph(graph));
  // What is known is shared with the original; the nodes are the copy's own.
  expect(copy.nodes[0]?.outputs[0]?.type).toBe(graph.nodes[0]?.outputs[0]?.type);
  expect(copy.nodes[1]?.outputs[0]?.elements).toEqual([4, "2*N"]);
  expect(copy.nodes[1]?.outputs[0]?.producer).toBe(copy.nodes[1]);
});

test("with an input of another shape what follows from it is inferred anew", () => {
  const b = new GraphBuilder(graph.name);
  const [x] = graph.inputs;
  const other = b.input("x", { dtype: "float32", shape: [3, 8] });
  if (x === undefined) throw new Error("the graph has no input");
  copyOutputs(b, graph, copyGraph(b, graph, { replace: new Map([[x, other]]) }));
  expect(b.build().nodes.map(({ outputs: [y] }) => [y?.type.shape.length, y?.type.shape[1], y?.elements])).toEqual([
    [2, 6, null],
    [1, undefined, [4, 6]],
    [2, 6, null],
    [2, expect.stringMatching(/^\?\d+$/), null],
  ]);
});
