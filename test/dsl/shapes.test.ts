/** The shape in a tensor's type, the shape that the graph infers, and the shape that onnxruntime returns are one. bench/types-property.ts asks for thousands. */
import { expect, test } from "vitest";
import { compiledCalls, executed, randomCalls, shapeOf } from "../support/shape-agreement.ts";

const calls = randomCalls(420, 20);

test("most random calls fit", () => {
  expect(calls.length).toBeGreaterThan(350);
});

test("onnxruntime returns the shapes that the graph infers", async () => {
  for (const one of calls) {
    const { actual, wanted } = await executed(one);
    expect(actual, `${one.call.text} on ${JSON.stringify(one.call.inputs)}`).toEqual(wanted);
  }
});

test.each(["typescript", "typescript6"])("%s: each type says the graph's sizes, or leaves them open", async (compiler) => {
  const errors = await compiledCalls(compiler, calls);
  const open = errors.filter((line) => line.startsWith("export const e"));
  expect(errors.filter((line) => !open.includes(line))).toEqual([]);
  // Where the inputs' types say all, what stays open is: slices of symbolic axes, and sums and products of two symbols (concat, flatten, view).
  const indices = open.map((line) => Number(/^export const e(\d+)/.exec(line)?.[1]));
  const unsaid = indices.flatMap((i) => (calls[i]?.call.inputs.flat().every(({ typed }) => typed) ? [calls[i]] : []));
  for (const { call, model } of unsaid) {
    expect(call.text).toMatch(/^(?:slice|concat|flatten|view)\(/);
    expect(
      shapeOf(model).some((d) => typeof d === "string" && /[a-zA-Z].*[a-zA-Z]/.test(d)),
      call.text,
    ).toBe(true);
  }
  expect(unsaid.length / calls.length).toBeLessThan(0.05);
});
