import { expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parse-text.ts";
import { printGraph } from "../../src/ir/print.ts";
import { int64s, tensorFrom } from "../../src/ir/tensor-data.ts";
import { bindInputs, freeInitializers, heldWeightsToInitializers, substituteShapes } from "../../src/passes/index.ts";

const graph = parseGraph(`
  G(x: float32[N, 4], mask: bool[N, 4], w: float32[4]) -> (y: float32[N, 4]) {
    zero = float32[] {0}
    %h = Mul(x, w) : float32[N, 4]
    %y = Where(mask, %h, zero) : float32[N, 4]
  }`);
const weight = tensorFrom("float32", [4], [1, 2, 3, 4]);

test("an input that is given contents becomes an initializer", () => {
  const bound = bindInputs(graph, new Map([["w", weight]]));
  expect(printGraph(bound)).toBe(`G(x: float32[N, 4], mask: bool[N, 4]) -> (y: float32[N, 4]) {
  w = float32[4] {1, 2, 3, 4}
  zero = float32[] {0}
  %h = Mul(x, w) : float32[N, 4]
  %y = Where(mask, %h, zero) : float32[N, 4]
}
`);
  expect(bindInputs(graph, new Map())).toBe(graph);
});

test("contents that do not fit are refused with both types", () => {
  const wrong =
    (name: string, tensor = weight): (() => unknown) =>
    () =>
      bindInputs(graph, new Map([[name, tensor]]));
  expect(wrong("v")).toThrowError('error[unknown-name]: contents for "v": the graph has no input "v"\n  help: its inputs are x, mask, w');
  expect(wrong("w", tensorFrom("float32", [5], [1, 2, 3, 4, 5]))).toThrowError(
    'error[tensor-mismatch]: "w" is float32[4], but its contents are float32[5]',
  );
  expect(wrong("w", tensorFrom("float64", [4], [1, 2, 3, 4]))).toThrowError(
    'error[tensor-mismatch]: "w" is float32[4], but its contents are float64[4]',
  );
});

test("known contents reach shape inference when they are bound", () => {
  const reshaped = parseGraph(`
    G(x: float32[N, 4], shape: int64[3]) -> (y: float32[?0, ?1, ?2]) {
      %y = Reshape(x, shape) : float32[?0, ?1, ?2]
    }`);
  const bound = bindInputs(reshaped, new Map([["shape", int64s([0, 2, 2])]]));
  expect(bound.outputs[0]?.type.shape).toEqual(["N", 2, 2]);
});

test("freeing initializers is the reverse of binding", () => {
  const bound = bindInputs(graph, new Map([["w", weight]]));
  expect(printGraph(freeInitializers(bound, new Set(["w"])))).toBe(printGraph(graph));
  expect(freeInitializers(bound).inputs.map((v) => v.name)).toEqual(["x", "mask", "w", "zero"]);
  expect(freeInitializers(bound, new Set(["nothing"]))).toBe(bound);
});

test("a symbol that one input's new shape replaces is replaced in all inputs", () => {
  const fixed = substituteShapes(graph, new Map([["x", [8, 4]]]));
  expect(fixed.inputs.map((v) => v.type.shape)).toEqual([[8, 4], [8, 4], [4]]);
  expect(fixed.outputs[0]?.type.shape).toEqual([8, 4]);
  const renamed = substituteShapes(graph, new Map([["x", ["B", 4]]]));
  expect(renamed.outputs[0]?.type.shape).toEqual(["B", 4]);
});

test("numbers can be freed, and what the nodes then refuse is an error", () => {
  const fixed = substituteShapes(graph, new Map([["x", [8, 4]]]));
  const free = substituteShapes(
    fixed,
    new Map([
      ["x", ["M", 4]],
      ["mask", ["M", 4]],
    ]),
  );
  expect(free.outputs[0]?.type.shape).toEqual(["M", 4]);
  expect(() => substituteShapes(graph, new Map([["x", ["N", 5]]]))).toThrowError(/Mul "h"/);
});

test("floating tensors that nodes hold become initializers, and other constants stay", () => {
  const held = parseGraph(`
    G(x: float32[N, 2]) -> (y: float32[N, 2]) {
      b = float32[2] {5, 6}
      %w = Constant() {value = float32[2] {3, 4}} : float32[2]
      %c = Constant() {value = float32[] {2}} : float32[]
      %h = Mul(x, %w) : float32[N, 2]
      %i = Mul(%h, %c) : float32[N, 2]
      %y = Add(%i, b) : float32[N, 2]
    }`);
  const made = heldWeightsToInitializers(held);
  expect([...made.initializers].map(([v, data]) => [v.name, ...data.data])).toEqual([
    ["b", 5, 6],
    ["w", 3, 4],
  ]);
  expect(made.nodes.map((node) => node.opType)).toEqual(["Constant", "Mul", "Mul", "Add"]);
  expect(heldWeightsToInitializers(made)).toBe(made);
});

test("shapes that cannot be meant are refused", () => {
  expect(() => substituteShapes(graph, new Map([["z", [1]]]))).toThrowError('input shapes: the graph has no input "z"');
  expect(() => substituteShapes(graph, new Map([["x", [1]]]))).toThrowError(
    'input shapes: "x" is float32[N, 4], which has 2 axes; got [1]',
  );
  expect(() =>
    substituteShapes(
      graph,
      new Map([
        ["x", [1, 4]],
        ["mask", [2, 4]],
      ]),
    ),
  ).toThrowError('input shapes: N is 1 and 2 at once (input "mask")\n  help: give N one size wherever it stands');
});
