import fc from "fast-check";
import { expect, test } from "vitest";
import { simpleCnn } from "../../../models/simple-cnn.ts";
import { compileTraining, crossEntropy, sgd } from "../../../src/index.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { dtypes } from "../../../src/ir/dtype.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import { locationAt } from "../../../src/ir/location.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { activationMemory, keptForBackward } from "../../../src/passes/index.ts";

const bytesOf = ({ type }: Value): number => type.shape.reduce<number>((n, d) => n * Number(d), dtypes[type.dtype].size);

/** What is in memory while each node runs, by going through the graph and dropping what nobody will read. */
function simulated(graph: Graph): { readonly peak: number; readonly node: string | null; readonly alive: ReadonlySet<string> } {
  const held = new Set<Value>(graph.inputs);
  let [peak, node] = [0, null as string | null];
  let alive: ReadonlySet<string> = new Set();
  const note = (name: string | null): void => {
    const bytes = [...held].reduce((sum, value) => sum + bytesOf(value), 0);
    if (bytes <= peak) return;
    [peak, node, alive] = [bytes, name, new Set([...held].map((value) => value.name))];
  };
  note(null);
  graph.nodes.forEach((current, t) => {
    // An input that nobody reads is dropped before the first node.
    for (const value of [...held]) {
      const isRead = graph.nodes.slice(t).some((later) => later.inputs.includes(value)) || graph.outputs.includes(value);
      if (!isRead) held.delete(value);
    }
    for (const value of current.outputs) if (value !== null) held.add(value);
    note(current.name);
  });
  return { peak, node, alive };
}

/** Small graphs of elementwise ops, joins, and reductions to other sizes. */
const graphs = fc
  .array(fc.tuple(fc.nat(4), fc.nat(100), fc.nat(100)), { minLength: 1, maxLength: 14 })
  .chain((steps) => fc.tuple(fc.constant(steps), fc.array(fc.nat(100), { minLength: 1, maxLength: 3 })))
  .map(([steps, outputs]) => {
    const b = new GraphBuilder("random");
    const values: Value[] = [b.input("x", { dtype: "float32", shape: [6, 4] }), b.input("z", { dtype: "float32", shape: [6, 4] })];
    const pick = (i: number): Value => values[i % values.length] ?? b.constant("float32", 0);
    for (const [kind, i, j] of steps) {
      const [x, y] = [pick(i), pick(j)];
      const fits = x.type.shape.join() === y.type.shape.join();
      if (kind === 0) values.push(b.add("Relu", [x]));
      else if (kind === 1) values.push(fits ? b.add("Add", [x, y]) : b.add("Neg", [x]));
      else if (kind === 2) values.push(b.add("Concat", [x, x], { axis: 0 }));
      else if (kind === 3) values.push(b.add("Cast", [x], { to: 10 }), b.add("Abs", [x]));
      else values.push(b.add("ReduceSum", [x, b.constant("int64", [0])], { keepdims: 1 }));
      // Everything stays a float32 of four columns.
      for (const [at, value] of values.entries()) if (value.type.dtype !== "float32") values.splice(at, 1);
    }
    new Set(outputs.map((i) => values[2 + (i % Math.max(1, values.length - 2))] ?? pick(i))).forEach((value) => {
      b.output(value);
    });
    return b.build();
  });

test("the peak, its node and the values are those of a simulation that drops what nobody will read", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const { bytes, node, alive } = activationMemory(graph);
      const expected = simulated(graph);
      expect([bytes, node?.name ?? null]).toEqual([expected.peak, expected.node]);
      expect(new Set(alive.map(({ value }) => value.name))).toEqual(expected.alive);
      expect(alive.reduce((sum, a) => sum + a.bytes, 0)).toBe(bytes);
      for (const { value, bytes: own, until } of alive) {
        expect(own).toBe(bytesOf(value));
        const last = graph.nodes.findLast(({ inputs }) => inputs.includes(value));
        expect(until).toBe(graph.outputs.includes(value) ? null : (last ?? value.producer));
      }
    }),
    { numRuns: 200 },
  );
});

test("values at the peak come with their sizes, lines and last readers, the largest first", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: [8] });
  const wide = b.add("Concat", [x, x], { axis: 0 }, { name: "wide", location: locationAt("net.ts", 3, 7) });
  b.output(b.add("Relu", [wide], {}, { name: "relu" }), "y");
  const { bytes, alive } = activationMemory(b.build());
  expect(bytes).toBe(128);
  expect(
    alive.map(({ value, bytes: own, until }) => [value.name, own, value.producer?.location.position?.line ?? null, until?.name ?? null]),
  ).toEqual([
    ["wide", 64, 3, "relu"],
    ["y", 64, null, null],
  ]);
});

test("what the backward pass reads of the forward pass is kept, inputs included, weights not", () => {
  const graph = parseGraph(`
    G(x: float32[2, 3], w: float32[3, 4]) -> (loss: float32[], dw: float32[3, 4]) {
      %h = MatMul(x, w) : float32[2, 4]
      %a = Relu(%h) : float32[2, 4]
      %e = Exp(%a) : float32[2, 4]
      %loss = ReduceSum(%e) {keepdims=0} : float32[]
      %g = Mul(%e, %a) : float32[2, 4]
      %t = Transpose(x) {perm=[1, 0]} : float32[3, 2]
      %dw = MatMul(%t, %g) : float32[3, 4]
    }`);
  const [loss] = graph.outputs;
  const kept = keptForBackward(graph, loss ?? graph.inputs[0] ?? expect.fail("no loss"), { isActivation: (v) => v.name === "x" });
  expect(kept.values.map(({ value, bytes, until }) => [value.name, bytes, until?.name])).toEqual([
    ["e", 32, "g"],
    ["a", 32, "g"],
    ["x", 24, "t"],
  ]);
  expect(kept.bytes).toBe(88);
});

test("a training step keeps the inputs of its convolutions and of its linear layer", () => {
  const { graph, manifest } = compileTraining(simpleCnn(), {
    shapes: { input: [4, 1, 28, 28] },
    loss: crossEntropy(),
    optimizer: sgd({ lr: 0.1 }),
  });
  const state = new Set(manifest.state.map((row) => row.input));
  const loss = graph.outputs.find((v) => v.name === manifest.loss) ?? expect.fail("no loss");
  const { values, bytes } = keptForBackward(graph, loss, { isActivation: (v) => !state.has(v.name) });
  const sizes = values.map(({ value }) => value.type.shape.join("x"));
  // The input of conv1, of conv2, and of the linear layer.
  for (const size of ["4x1x28x28", "4x16x14x14", "4x1568"]) expect(sizes).toContain(size);
  expect(bytes).toBeLessThanOrEqual(activationMemory(graph, { isActivation: (v) => !state.has(v.name) }).bytes);
});
