import { expect, test } from "vitest";
import { expectRecognized, recognitionRefusals } from "./expect-recognized.ts";

const exact = { rtol: 0, atol: 0 };
const graph = (from: string, split: readonly (number | string)[], perm: readonly number[], to: string): string => {
  const sizes = split.map((d) => (d === "N" ? -1 : d));
  const moved = perm.map((axis) => split[axis]);
  return `G(x: ${from}) -> (y: ${to}) {
    cut = int64[6] {${sizes.join(", ")}}
    joined = int64[4] {${to.slice(to.indexOf("[") + 1, -1).replace("N", "-1")}}
    %a = Reshape(x, cut) : float32[${split.join(", ")}]
    %b = Transpose(%a) {perm = [${perm.join(", ")}]} : float32[${moved.join(", ")}]
    %y = Reshape(%b, joined) : ${to}
  }`;
};

test.each<readonly [string, string, string]>([
  [
    "PyTorch's pixel shuffle",
    graph("float32[N, 8, 3, 5]", ["N", 2, 2, 2, 3, 5], [0, 1, 4, 2, 5, 3], "float32[N, 2, 6, 10]"),
    '%y = DepthToSpace(x) {blocksize = 2, mode = "CRD"} : float32[N, 2, 6, 10]',
  ],
  [
    "TensorFlow's depth to space",
    graph("float32[N, 18, 3, 2]", ["N", 3, 3, 2, 3, 2], [0, 3, 4, 1, 5, 2], "float32[N, 2, 9, 6]"),
    "%y = DepthToSpace(x) {blocksize = 3} : float32[N, 2, 9, 6]",
  ],
  [
    "space to depth",
    graph("float32[N, 3, 4, 6]", ["N", 3, 2, 2, 3, 2], [0, 3, 5, 1, 2, 4], "float32[N, 12, 2, 3]"),
    "%y = SpaceToDepth(x) {blocksize = 2} : float32[N, 12, 2, 3]",
  ],
])("%s is one op", async (_, text, node) => {
  await expectRecognized(18, text, [node], exact);
});

test("PyTorch's pixel unshuffle is space to depth with its channels in another order", async () => {
  const text = graph("float32[N, 3, 4, 6]", ["N", 3, 2, 2, 3, 2], [0, 1, 3, 5, 2, 4], "float32[N, 12, 2, 3]");
  const nodes = [
    "%y/SpaceToDepth = SpaceToDepth(x) {blocksize = 2} : float32[N, 12, 2, 3]",
    "%y = Gather(%y/SpaceToDepth, const) {axis = 1} : float32[N, 12, 2, 3]",
  ];
  await expectRecognized(18, text, nodes, exact);
});
test("of one channel, in the same order", async () => {
  const text = graph("float32[N, 1, 6, 9]", ["N", 1, 2, 3, 3, 3], [0, 1, 3, 5, 2, 4], "float32[N, 9, 2, 3]");
  await expectRecognized(18, text, ["%y = SpaceToDepth(x) {blocksize = 3} : float32[N, 9, 2, 3]"], exact);
});

test.each<readonly [string, string]>([
  ["blocks that are not square", graph("float32[N, 8, 3, 5]", ["N", 2, 1, 4, 3, 5], [0, 1, 4, 2, 5, 3], "float32[N, 2, 3, 20]")],
  ["axes that are joined otherwise", graph("float32[N, 8, 3, 5]", ["N", 2, 2, 2, 3, 5], [0, 1, 4, 2, 5, 3], "float32[N, 2, 12, 5]")],
  ["pixels in another order", graph("float32[N, 3, 4, 6]", ["N", 3, 2, 2, 3, 2], [0, 1, 5, 3, 2, 4], "float32[N, 12, 2, 3]")],
  ["another order", graph("float32[N, 8, 3, 5]", ["N", 2, 2, 2, 3, 5], [0, 1, 4, 3, 5, 2], "float32[N, 2, 6, 10]")],
])("what only looks like it stays: %s", (_, text) => {
  expect(recognitionRefusals(18, text)).toEqual([]);
});

test("other types than float32 and float64 have no kernel", () => {
  const text = graph("float32[N, 8, 3, 5]", ["N", 2, 2, 2, 3, 5], [0, 1, 4, 2, 5, 3], "float32[N, 2, 6, 10]").replaceAll(
    "float32",
    "float16",
  );
  expect(recognitionRefusals(18, text)).toEqual(["y: DepthToSpace is not made for float16"]);
});
