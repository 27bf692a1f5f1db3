import { expect, test } from "vitest";
import { reduceStrength } from "../../../src/passes/index.ts";
import { expectRewrite, refusals } from "../expect-rewrite.ts";

/** Sums of three products, in another order. */
const rounding = { rtol: 1e-6, atol: 1e-6 };
const graph = (order: string, extra = "", weight = "w"): string =>
  `G(x: float32[N, 3, 5, 4], v: float32[2, 3, 1, 1]) -> (y: float32[N, 2, 5, 4]${extra}) {
    w = float32[2, 3, 1, 1] {1, 2, 3, 4, 5, -6}
    b = float32[2] {1, 2}
    order = int64[3] {${order}}
    %g = Gather(x, order) {axis = 1} : float32[N, 3, 5, 4]
    %y = Conv(%g, ${weight}, b) : float32[N, 2, 5, 4]
  }`;

test.each(["2, 0, 1", "-1, 1, 0"])("channels %s of a convolution's input are those of its weight", async (order) => {
  await expectRewrite(reduceStrength, graph(order), ["%y = Conv(x, y/Gather, b) : float32[N, 2, 5, 4]"], rounding, { N: 3 });
});

test.each<readonly [string, string, readonly string[]]>([
  ["one channel comes twice", graph("2, 0, 2"), []],
  [
    "another axis is put in order",
    graph("2, 0, 1")
      .replace("{axis = 1}", "{axis = 0}")
      .replace("float32[N, 3, 5, 4], v", "float32[3, 3, 5, 4], v")
      .replaceAll("N, ", "3, "),
    [],
  ],
  ["the weight is no constant", graph("2, 0, 1", "", "v"), ['y: the weight of Conv "y" is not constant']],
  [
    "others read the channels in order",
    graph("2, 0, 1", ", g: float32[N, 3, 5, 4]"),
    ['y: the output of Gather "g" is an output of the graph'],
  ],
])("the order stays where %s", (_, text, reasons) => {
  expect(refusals(reduceStrength, text)).toEqual(reasons);
});

test("the order stays in front of groups", () => {
  const text = `G(x: float32[N, 2, 5]) -> (y: float32[N, 2, 5]) {
    w = float32[2, 1, 1] {1, 2}
    order = int64[2] {1, 0}
    %g = Gather(x, order) {axis = 1} : float32[N, 2, 5]
    %y = Conv(%g, w) {group = 2} : float32[N, 2, 5]
  }`;
  expect(refusals(reduceStrength, text)).toEqual(["y: the channels of 2 groups may not change places"]);
});
