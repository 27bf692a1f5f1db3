import { expect, test } from "vitest";
import { explanation, verificationText } from "../../../src/cli/output/explain-passes.ts";
import { relativeError, verifyPasses } from "../../../src/cli/running/verify-passes.ts";
import { locationAt } from "../../../src/ir/location.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { optimize, type Pass, type PassRun, removeIdentities, rewrite, rewriteRule } from "../../../src/passes/index.ts";

const target = { opset: 18, provider: "portable" } as const;
const graph = parseGraph(`
  G(x: float32[N, 3, H, 5]) -> (y: float32[N, 3, H, 5]) {
    %a = Relu(x) : float32[N, 3, H, 5]  # net.ts:1:1
    %b = Relu(%a) : float32[N, 3, H, 5]  # net.ts:2:1
    %c = Abs(%b) : float32[N, 3, H, 5]  # net.ts:3:1
    %d = Neg(x) : float32[N, 3, H, 5]  # net.ts:4:1
    %e = Abs(%d) : float32[N, 3, H, 5]  # net.ts:5:1
    %y = Add(%c, %e) : float32[N, 3, H, 5]  # net.ts:6:1
  }`);
/** Right about what Relu gives, wrong about what Neg gives. */
const careless: Pass = (before, control) =>
  rewrite(
    before,
    [
      rewriteRule("absolute", ["Abs"], (node, context) => (b) => [
        b.add("Identity", [context.value(node.inputs[0] ?? before.inputs[0] ?? never())]),
      ]),
    ],
    control,
  );
const never = (): never => {
  throw new Error("the graph has an input");
};
const runOf = (name: string, pass: Pass): PassRun => ({ name, pass, before: graph, result: pass(graph) });

test("a pass that keeps its promise is verified at several batches and odd sizes", async () => {
  const verification = await verifyPasses([runOf("identity-removal", removeIdentities)], target, 0);
  expect(verificationText(verification)).toBe(`  identity-removal  same: largest relative error 0.0e+0 (1 changes)
  verified at N=1, H=64; N=2, H=65; N=3, H=97
`);
});

test("a graph without symbols is verified at the sizes it has", async () => {
  const verification = await verifyPasses([runOf("identity-removal", removeIdentities)], target, 0);
  expect(verificationText({ ...verification, sizes: [new Map()] })).toMatch(/\n {2}verified at the sizes it has\n$/);
});

test("the change that broke a graph is named, with the user's line", async () => {
  const { verdicts } = await verifyPasses([runOf("careless", careless)], target, 0);
  expect(verdicts).toEqual([
    {
      pass: "careless",
      changes: 2,
      error: expect.closeTo(1, 1),
      tolerance: 1e-4,
      worst: { output: "y", sizes: expect.any(Map) },
      culprit: { rule: "absolute", node: "e", location: locationAt("net.ts", 5, 1) },
    },
  ]);
});

test("an error is a part of the largest element, and infinite where types or what is not finite differ", () => {
  const of = (...values: readonly number[]) => tensorFrom("float32", [values.length], values);
  expect(relativeError(of(1, 2, 4), of(1, 2, 4))).toBe(0);
  expect(relativeError(of(1, 2, 5), of(1, 2, 4))).toBe(0.25);
  expect(relativeError(of(Number.NaN), of(Number.NaN))).toBe(0);
  expect(relativeError(of(Number.NaN), of(1))).toBe(Number.POSITIVE_INFINITY);
  expect(relativeError(of(1), of(1, 2))).toBe(Number.POSITIVE_INFINITY);
});

test("an explanation tells changes of nodes, MACs and bytes, and each refusal with its line", () => {
  const { report } = optimize(
    parseGraph(`
      G(x: float32[N, 2, 4, 4]) -> (y: float32[N, 1, 5, 5]) {
        w = float32[1, 2, 1, 1] {1, 2}
        p = int64[8] {0, 0, 1, 0, 0, 0, 0, 1}
        c = float32[] {3}
        %d = Dropout(x) : float32[N, 2, 4, 4]  # net.ts:2:1
        %a = Pad(%d, p) {mode = "edge"} : float32[N, 2, 5, 5]  # net.ts:3:1
        %b = Conv(%a, w) : float32[N, 1, 5, 5]  # net.ts:4:1
        %y = Mul(%b, c) : float32[N, 1, 5, 5]  # net.ts:5:1
      }`),
  );
  expect(
    explanation(report.filter(({ applied, skipped }) => applied.length + skipped.length > 0)),
  ).toBe(`  identity-removal  1 applied, -1 nodes
  fuse-pad          0 applied, 1 refused
                      b: pad mode "edge" is not zero padding (net.ts:4:1)
  fuse-batch-norm   1 applied, -1 nodes
`);
});
