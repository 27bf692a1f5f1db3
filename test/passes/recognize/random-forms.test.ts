/** Operands in either order, axes counted from either end, quotients in each of their forms: whatever the form, it is found and computes the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { optimize } from "../../../src/passes/index.ts";
import { difference } from "../../support/compare.ts";
import { feedsFor, run } from "../same-outputs.ts";

const t = "float32[N, 3, 4, 5]";
/** Draws a form of each step from a list of choices. */
type Choose = (...forms: readonly string[]) => string;
const forms: Readonly<Record<string, { readonly found: string; readonly lines: (pick: Choose, axis: string) => readonly string[] }>> = {
  layerNorm: {
    found: "LayerNormalization",
    lines: (pick, axis) => [
      `%m = ReduceMean(x, ${axis}) : float32[N, 3, 4, 1]`,
      `%d = Sub(x, %m) : ${t}`,
      ...spread(pick, axis, "%d", `Mul(%n, gamma)|Mul(gamma, %n)`),
    ],
  },
  rmsNorm: { found: "RMSNormalization", lines: (pick, axis) => spread(pick, axis, "x", "Mul(%n, gamma)|Mul(gamma, %n)") },
  softmax: {
    found: "Softmax",
    lines: (pick, axis) => [
      `%m = ReduceMax(x, ${axis}) : float32[N, 3, 4, 1]`,
      `%d = Sub(x, %m) : ${t}`,
      `%e = Exp(%d) : ${t}`,
      `%s = ReduceSum(%e, ${axis}) : float32[N, 3, 4, 1]`,
      `%i = Reciprocal(%s) : float32[N, 3, 4, 1]`,
      `%y = ${pick("Div(%e, %s)", "Mul(%e, %i)", "Mul(%i, %e)")} : ${t}`,
    ],
  },
  mish: {
    found: "Mish",
    lines: (pick) => [
      `%e = Exp(x) : ${t}`,
      `%a = ${pick("Add(%e, one)", "Add(one, %e)")} : ${t}`,
      `%l = Log(%a) : ${t}`,
      `%p = ${pick("Softplus(x)", "Identity(%l)")} : ${t}`,
      `%h = Tanh(%p) : ${t}`,
      `%y = ${pick("Mul(x, %h)", "Mul(%h, x)")} : ${t}`,
    ],
  },
  hardSwish: {
    found: "HardSwish",
    lines: (pick) => [
      `%a = ${pick("Add(x, three)", "Add(three, x)", "Sub(x, minusThree)")} : ${t}`,
      `%r = Relu(%a) : ${t}`,
      `%c = ${pick("Clip(%a, zero, six)", "Min(%r, six)", "Clip(%r, zero, six)", "Min(six, %r)")} : ${t}`,
      `%f = ${pick("Mul(%c, sixth)", "Div(%c, six)", "Mul(sixth, %c)")} : ${t}`,
      `%g = ${pick("Mul(x, %f)", "Mul(%f, x)")} : ${t}`,
      `%h = ${pick("Mul(x, %c)", "Mul(%c, x)")} : ${t}`,
      `%i = ${pick("Div(%h, six)", "Mul(%h, sixth)")} : ${t}`,
      `%y = Identity(${pick("%g", "%i")}) : ${t}`,
    ],
  },
};
/** From a deviation over the root of its mean square to y. */
function spread(pick: Choose, axis: string, d: string, scaled: string): readonly string[] {
  const row = "float32[N, 3, 4, 1]";
  return [
    `%q = ${pick(`Mul(${d}, ${d})`, `Pow(${d}, two)`)} : ${t}`,
    `%v = ReduceMean(%q, ${axis}) : ${row}`,
    `%s = ${pick("Add(%v, eps)", "Add(eps, %v)")} : ${row}`,
    `%r = ${pick("Sqrt(%s)", "Pow(%s, half)")} : ${row}`,
    `%i = ${pick("Reciprocal(%r)", "Div(one, %r)", "Pow(%s, minusHalf)")} : ${row}`,
    `%n = ${pick(`Div(${d}, %r)`, `Mul(${d}, %i)`, `Mul(%i, ${d})`)} : ${t}`,
    `%y = ${pick(...scaled.split("|"))} : ${t}`,
  ];
}

test("every form is found, and computes the same", async () => {
  const draws = fc.array(fc.nat(11), { minLength: 12, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(forms)), draws, fc.constantFrom("last", "third"), async (name, numbers, axis) => {
      const form = forms[name];
      let at = 0;
      const pick: Choose = (...choices) => choices[(numbers[at++ % numbers.length] ?? 0) % choices.length] ?? "";
      const before = parseGraph(`G(x: ${t}) -> (y: ${t}) {
        last = int64[1] {-1}
        third = int64[1] {3}
        one = float32[] {1}
        two = float32[1] {2}
        half = float32[] {0.5}
        minusHalf = float32[] {-0.5}
        three = float32[1] {3}
        minusThree = float32[] {-3}
        six = float32[] {6}
        zero = float32[] {0}
        sixth = float32[] {0.16666667}
        eps = float32[] {1e-5}
        gamma = float32[5] {1, -2, 3, 0.5, 2}
        ${form?.lines(pick, axis).join("\n        ")}
      }`);
      const after = optimize(before, "all", { beforeLowering: true, opset: 24 }).graph;
      expect(after.nodes.map((n) => n.opType)).toEqual([form?.found]);
      const feeds = feedsFor(before, { N: 2 });
      const [expected, actual] = [await run(before, feeds), await run(after, feeds, 24)];
      // Some ten roundings, in another order.
      for (const [key, tensor] of expected) expect(difference(key, actual.get(key), tensor, { rtol: 1e-5, atol: 1e-5 })).toBeNull();
    }),
    { numRuns: 120, seed: 5 },
  );
});
