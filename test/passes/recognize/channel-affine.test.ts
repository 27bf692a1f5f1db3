import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { recognizeOps } from "../../../src/passes/index.ts";
import { expectRecognized, recognitionRefusals } from "./expect-recognized.ts";

/** The factors are multiplied before they are rounded. */
const rounding = { rtol: 1e-5, atol: 1e-6 };
const t = "float32[N, 3, 4, 5]";
const graph = (...nodes: readonly string[]): string =>
  `G(x: ${t}) -> (y: ${t}) {
    mean = float32[1, 3, 1, 1] {1, 2, 3}
    deviation = float32[1, 3, 1, 1] {2, 4, 5}
    scale = float32[3, 1, 1] {1, -1, 0.5}
    bias = float32[3, 1, 1] {0, 1, 2}
    three = float32[3] {1, 2, 3}
    two = float32[] {2}
    wide = float32[5] {1, 2, 3, 4, 5}
    ${nodes.map((node) => `${node} : ${t}`).join("\n    ")}
  }`;

test.each<readonly [string, readonly string[], string]>([
  [
    "a normalisation with given statistics",
    ["%a = Sub(x, mean)", "%b = Div(%a, deviation)", "%c = Mul(%b, scale)", "%y = Add(%c, bias)"],
    "BatchNormalization(x, %s, %s, %s, %s) {epsilon = 0}",
  ],
  ["a factor and a shift, the constants first", ["%c = Mul(scale, x)", "%y = Add(bias, %c)"], "BatchNormalization"],
  ["a number for all channels besides", ["%c = Mul(x, two)", "%d = Sub(%c, mean)", "%y = Div(%d, deviation)"], "BatchNormalization"],
  [
    "two batch normalisations",
    ["%a = BatchNormalization(x, three, three, three, three)", "%y = BatchNormalization(%a, three, three, three, three)"],
    "BatchNormalization",
  ],
  ["two factors", ["%c = Mul(x, scale)", "%y = Div(%c, deviation)"], "Mul"],
  ["two shifts", ["%c = Add(x, bias)", "%y = Sub(%c, mean)"], "Add"],
])("%s: one op", async (_, nodes, call) => {
  const text = graph(...nodes);
  const [op = ""] = call.split("(");
  expect(
    recognizeOps(parseGraph(text))
      .graph.nodes.map((n) => n.opType)
      .at(-1),
  ).toBe(op);
  const last = recognizeOps(parseGraph(text)).graph.nodes.at(-1);
  const inputs = last?.inputs.map((v) => v?.name).join(", ") ?? "";
  await expectRecognized(18, text, [`%y = ${op}(${inputs})${op === "BatchNormalization" ? " {epsilon = 0}" : ""} : ${t}`], rounding);
});

test.each<readonly [string, readonly string[]]>([
  ["numbers for all channels alone", ["%c = Mul(x, two)", "%y = Add(%c, two)"]],
  ["a constant along another axis", ["%c = Mul(x, wide)", "%y = Add(%c, wide)"]],
  ["one step", ["%y = Mul(x, scale)"]],
  ["a value that something else reads", ["%c = Mul(x, scale)", "%d = Add(%c, bias)", "%y = Mul(%c, %d)"]],
])("what stays: %s", (_, nodes) => {
  expect(recognitionRefusals(18, graph(...nodes))).toEqual([]);
});
