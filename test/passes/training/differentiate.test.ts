import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { formulas } from "../../../src/ir/formulas.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { printGraph } from "../../../src/ir/print.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { differentiate } from "../../../src/passes/index.ts";
import { feedsFor, run } from "../same-outputs.ts";

const numbers = (tensor: TensorData | undefined): readonly number[] => (tensor === undefined ? [] : (numbersOf(tensor) ?? []));

test("the graph gains a cotangent per output and a gradient per input, behind what it had", async () => {
  const graph = parseGraph(`
    G(x: float32[N, 2], w: float32[2]) -> (y: float32[N, 2]) {
      %y = Mul(x, w) : float32[N, 2]  # net.ts:2:3
    }`);
  const gradient = differentiate(graph);
  expect(printGraph(gradient).split("\n")[0]).toBe(
    "G(x: float32[N, 2], w: float32[2], y.cotangent: float32[N, 2]) -> (y: float32[N, 2], x.grad: float32[N, 2], w.grad: float32[2]) {",
  );
  expect(new Set(gradient.nodes.slice(1).map((node) => node.location.position?.line))).toEqual(new Set([2]));
  const results = await run(
    gradient,
    new Map([
      ["x", tensorFrom("float32", [2, 2], [1, 2, 3, 4])],
      ["w", tensorFrom("float32", [2], [10, 20])],
      ["y.cotangent", tensorFrom("float32", [2, 2], [1, 1, 0.5, 2])],
    ]),
  );
  expect(numbers(results.get("x.grad"))).toEqual([10, 20, 5, 40]);
  expect(numbers(results.get("w.grad"))).toEqual([2.5, 10]);
});

test("a value that is used three times has the sum of three cotangents", async () => {
  const graph = parseGraph(`
    G(x: float32[2]) -> (y: float32[2]) {
      %a = Mul(x, x) : float32[2]
      %y = Add(%a, x) : float32[2]
    }`);
  const results = await run(
    differentiate(graph),
    new Map([
      ["x", tensorFrom("float32", [2], [3, -1])],
      ["y.cotangent", tensorFrom("float32", [2], [1, 10])],
    ]),
  );
  // d(x^2 + x)/dx = 2 x + 1
  expect(numbers(results.get("x.grad"))).toEqual([7, -10]);
});

test("an output on the way to another adds its own cotangent", async () => {
  const graph = parseGraph(`
    G(x: float32[1]) -> (a: float32[1], y: float32[1]) {
      %a = Neg(x) : float32[1]
      %y = Mul(%a, %a) : float32[1]
    }`);
  const one = (v: number): TensorData => tensorFrom("float32", [1], [v]);
  const results = await run(
    differentiate(graph),
    new Map([
      ["x", one(3)],
      ["a.cotangent", one(5)],
      ["y.cotangent", one(1)],
    ]),
  );
  // -(5 + 2 a) with a = -3
  expect(numbers(results.get("x.grad"))).toEqual([1]);
});

test("what has no influence has a gradient of zeros, and integers have none", async () => {
  const graph = parseGraph(`
    G(x: float32[N, 2], idle: float32[N, 3], k: int64[1]) -> (y: float32[N, 1], n: int64[2]) {
      %y = Gather(x, k) {axis = 1} : float32[N, 1]
      %n = Shape(idle) : int64[2]
    }`);
  const gradient = differentiate(graph);
  expect(gradient.outputs.map((v) => v.name)).toEqual(["y", "n", "x.grad", "idle.grad"]);
  expect(gradient.inputs.map((v) => v.name)).toEqual(["x", "idle", "k", "y.cotangent"]);
  const feeds = new Map([...feedsFor(graph, { N: 2 }), ["y.cotangent", tensorFrom("float32", [2, 1], [7, 8])]]);
  const results = await run(gradient, feeds);
  expect(results.get("idle.grad")?.shape).toEqual([2, 3]);
  expect(numbers(results.get("idle.grad"))).toEqual([0, 0, 0, 0, 0, 0]);
  expect(numbers(results.get("x.grad"))).toEqual([7, 0, 8, 0]);
});

test("nothing is computed for what is not asked for", () => {
  const graph = parseGraph(`
    G(x: float32[1, 3, 8, 8], w1: float32[4, 3, 3, 3], w2: float32[4, 4, 3, 3]) -> (y: float32[1, 4, 4, 4]) {
      %h = Conv(x, w1) {kernel_shape = [3, 3]} : float32[1, 4, 6, 6]
      %y = Conv(%h, w2) {kernel_shape = [3, 3]} : float32[1, 4, 4, 4]
    }`);
  const counts = (wrt: readonly string[]): readonly string[] =>
    differentiate(graph, { wrt })
      .nodes.slice(2)
      .map((node) => node.opType);
  expect(counts(["w2"])).toEqual(["ConvWeightGrad"]);
  expect(counts(["w1"])).toEqual(["ConvInputGrad", "ConvWeightGrad"]);
  expect([...counts(["w1", "w2"])].sort()).toEqual(["ConvInputGrad", "ConvWeightGrad", "ConvWeightGrad"]);
});

test("a value that reaches the output through an op without a derivative alone is an error that names the path", () => {
  const graph = parseGraph(`
    G(x: float32[2, 3]) -> (loss: float32[]) {
      %head = ArgMax(x) {axis = 1, keepdims = 0} : int64[2]  # net.ts:4:9
      %cast = Cast(%head) {to = 1} : float32[2]  # net.ts:5:9
      %loss = ReduceMean "mean"(%cast) {keepdims = 0} : float32[]  # net.ts:6:9
    }`);
  expect(() => differentiate(graph)).toThrowError(
    `net.ts:4:9 error[no-gradient]: loss <- ReduceMean "mean" <- Cast "cast" <- ArgMax "head": ArgMax has no gradient
  note: net.ts:5:9 its result reaches the output through Cast "cast"
  note: net.ts:6:9 its result reaches the output through ReduceMean "mean"
  help: do not ask for the gradient of what lies before it, or replace the op by one with a derivative`,
  );
});

test("a mask made by a comparison stands in nobody's way, and rounding has a derivative of zero", async () => {
  const graph = parseGraph(`
    G(x: float32[3], r: float32[3]) -> (y: float32[3]) {
      zero = float32[] {0}
      %mask = Greater(x, zero) : bool[3]
      %hinge = Where(%mask, x, zero) : float32[3]
      %floor = Floor(r) : float32[3]
      %y = Add(%hinge, %floor) : float32[3]
    }`);
  const results = await run(
    differentiate(graph, { wrt: ["x", "r"] }),
    new Map([
      ["x", tensorFrom("float32", [3], [1, -1, 2])],
      ["r", tensorFrom("float32", [3], [1.5, -1.5, 2.5])],
      ["y.cotangent", tensorFrom("float32", [3], [1, 2, 3])],
    ]),
  );
  expect(numbers(results.get("x.grad"))).toEqual([1, 0, 3]);
  expect(numbers(results.get("r.grad"))).toEqual([0, 0, 0]);
});

test("a gradient that depends on sizes nobody knows is an error at the user's line", () => {
  const graph = parseGraph(`
    G(x: float32[N, 3], w: float32[M, 3]) -> (y: float32[?0, 3]) {
      %y = Add(x, w) : float32[?0, 3]  # net.ts:7:3
    }`);
  expect(() => differentiate(graph)).toThrowError(/^net.ts:7:3 error\[unknown-broadcast\]: gradient of Add "y": whether /);
});

test("names that the graph does not have are listed against those that it has", () => {
  const graph = parseGraph(`
    G(x: float32[2], k: int64[1]) -> (y: float32[2]) {
      %y = Neg(x) : float32[2]
    }`);
  expect(() => differentiate(graph, { wrt: ["z"] })).toThrowError(
    'error[unknown-name]: gradient: "z" is not an input or initializer of the graph\n  help: floating point are x',
  );
  expect(() => differentiate(graph, { wrt: ["k"] })).toThrowError(
    'error[no-gradient]: gradient: "k" is int64[1], and only floating point has a gradient\n  help: floating point are x',
  );
  expect(() => differentiate(graph, { outputs: ["x"] })).toThrowError('"x" is not an output of the graph');
});

/** A random graph of smooth ops with branches: each step takes values that exist already. */
const program = fc.array(
  fc.record({ op: fc.constantFrom("add", "mul", "sub", "tanh", "sigmoid", "matmul", "transpose", "scale"), a: fc.nat(), b: fc.nat() }),
  { minLength: 2, maxLength: 9 },
);

test("gradients through random branching graphs agree with central differences", async () => {
  await fc.assert(
    fc.asyncProperty(program, fc.nat(1000), async (steps, seed) => {
      const b = new GraphBuilder("G");
      const f = formulas(b);
      const x = b.input("x", { dtype: "float32", shape: [3, 3] });
      const values: Value[] = [x, b.input("w", { dtype: "float32", shape: [3] })];
      const pick = (i: number): Value => values[i % values.length] ?? x;
      for (const { op, a, b: second } of steps) {
        const [p, q] = [pick(a), pick(second)];
        const square = (v: Value): Value => (v.type.shape.length === 2 ? v : f.mul(v, pick(0)));
        values.push(
          op === "add"
            ? f.add(p, q)
            : op === "mul"
              ? f.mul(p, q)
              : op === "sub"
                ? f.sub(p, q)
                : op === "tanh"
                  ? b.add("Tanh", [p])
                  : op === "sigmoid"
                    ? b.add("Sigmoid", [p])
                    : op === "matmul"
                      ? f.matmul(square(p), square(q))
                      : op === "transpose"
                        ? f.transpose(square(p), [1, 0])
                        : f.mul(p, 0.5),
        );
      }
      b.output(f.reduceSum(b.add("Tanh", [values.at(-1) ?? pick(0)])), "y");
      const graph = b.build();
      await expectDifferences(graph, seed);
    }),
    { numRuns: 40, seed: 3 },
  );
});

/** In float32 a difference over 2e-2 is right to about 1e-4, and the curvature adds as much. */
async function expectDifferences(graph: Graph, seed: number): Promise<void> {
  const feeds = feedsFor(graph, {}, seed);
  const analytic = await run(differentiate(graph), new Map([...feeds, ["y.cotangent", tensorFrom("float32", [], [1])]]));
  for (const [name, data] of feeds) {
    const start = numbers(data);
    for (const i of [0, start.length - 1]) {
      const at = async (by: number): Promise<number> => {
        const moved = tensorFrom(
          "float32",
          data.shape,
          start.map((v, k) => (k === i ? v + by : v)),
        );
        return numbers((await run(graph, new Map([...feeds, [name, moved]]))).get("y"))[0] ?? Number.NaN;
      };
      const difference = ((await at(0.01)) - (await at(-0.01))) / 0.02;
      expect(Math.abs((numbers(analytic.get(`${name}.grad`))[i] ?? Number.NaN) - difference)).toBeLessThan(2e-3);
    }
  }
}
