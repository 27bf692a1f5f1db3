import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { mergeMovement } from "../../../src/passes/index.ts";
import { exact, expectRewrite, refusals } from "../expect-rewrite.ts";

test.each<readonly [string, string, readonly string[]]>([
  [
    "two Transposes become one",
    `G(x: float32[N, 3, 4]) -> (y: float32[4, N, 3]) {
      %a = Transpose(x) {perm = [0, 2, 1]} : float32[N, 4, 3]
      %y = Transpose(%a) {perm = [1, 0, 2]} : float32[4, N, 3]
    }`,
    ["%y = Transpose(x) {perm = [2, 0, 1]} : float32[4, N, 3]"],
  ],
  [
    "Transposes that undo each other go, with the elementwise ops between them on the tensor as it was",
    `G(x: float32[N, 3, 2, 2]) -> (z: float32[N, 3, 2, 2]) {
      c = float32[3] {1, 2, 3}
      k = float32[1, 1, 1, 3] {1, 2, 3}
      half = float32[] {0.5}
      %a = Transpose(x) {perm = [0, 2, 3, 1]} : float32[N, 2, 2, 3]
      %r = Relu(%a) : float32[N, 2, 2, 3]
      %m = Mul(k, %r) : float32[N, 2, 2, 3]
      %s = Sub(%m, half) : float32[N, 2, 2, 3]
      %b = Transpose(%s) {perm = [0, 3, 1, 2]} : float32[N, 3, 2, 2]
      %z = Neg(%b) : float32[N, 3, 2, 2]
    }`,
    [
      "%b/Relu = Relu(x) : float32[N, 3, 2, 2]",
      "%b/Mul = Mul(b/Transpose, %b/Relu) : float32[N, 3, 2, 2]",
      '%b = Sub "b/Sub"(%b/Mul, half) : float32[N, 3, 2, 2]',
      "%z = Neg(%b) : float32[N, 3, 2, 2]",
    ],
  ],
  [
    "a sum of two tensors that were transposed alike",
    `G(x: float32[N, 3, 2], w: float32[N, 3, 2]) -> (y: float32[N, 3, 2]) {
      %a = Transpose(x) {perm = [0, 2, 1]} : float32[N, 2, 3]
      %b = Transpose(w) {perm = [0, 2, 1]} : float32[N, 2, 3]
      %s = Add(%a, %b) : float32[N, 2, 3]
      %q = Mul(%s, %s) : float32[N, 2, 3]
      %y = Transpose(%q) {perm = [0, 2, 1]} : float32[N, 3, 2]
    }`,
    ["%y/Add = Add(x, w) : float32[N, 3, 2]", '%y = Mul "y/Mul"(%y/Add, %y/Add) : float32[N, 3, 2]'],
  ],
  [
    "an Unsqueeze and the Squeeze that undoes it",
    `G(x: float32[N, 3]) -> (y: float32[N, 3]) {
      one = int64[1] {1}
      %a = Unsqueeze(x, one) : float32[N, 1, 3]
      %b = Squeeze(%a, one) : float32[N, 3]
      %y = Abs(%b) : float32[N, 3]
    }`,
    ["%y = Abs(x) : float32[N, 3]"],
  ],
  [
    "Squeezes in a row",
    `G(x: float32[1, N, 1, 3, 1]) -> (y: float32[N, 3]) {
      p = int64[2] {-1, 0}
      q = int64[1] {1}
      %a = Squeeze(x, p) : float32[N, 1, 3]
      %y = Squeeze(%a, q) : float32[N, 3]
    }`,
    ["%y = Squeeze(x, const) : float32[N, 3]"],
  ],
  [
    "Unsqueezes in a row",
    `G(x: float32[N, 3]) -> (y: float32[1, N, 1, 3, 1]) {
      p = int64[2] {0, 2}
      q = int64[1] {-1}
      %a = Unsqueeze(x, p) : float32[1, N, 1, 3]
      %y = Unsqueeze(%a, q) : float32[1, N, 1, 3, 1]
    }`,
    ["%y = Unsqueeze(x, const) : float32[1, N, 1, 3, 1]"],
  ],
  [
    "a Flatten of a Reshape",
    `G(x: float32[N, 3, 4]) -> (y: float32[N, 12]) {
      p = int64[4] {0, 3, 2, 2}
      %a = Reshape(x, p) : float32[N, 3, 2, 2]
      %y = Flatten(%a) : float32[N, 12]
    }`,
    ["%y = Reshape(x, const) : float32[N, 12]"],
  ],
  [
    "a target computed from sizes is a constant where one size follows from the others",
    `G(x: float32[N, 3, 4]) -> (y: float32[N, 12]) {
      i = int64[1] {0}
      rest = int64[1] {-1}
      %s = Shape(x) : int64[3]
      %n = Gather(%s, i) : int64[1]
      %t = Concat(%n, rest) {axis = 0} : int64[2]
      %y = Reshape(x, %t) : float32[N, 12]
    }`,
    ["%y = Reshape(x, const) : float32[N, 12]"],
  ],
  [
    "Slices of different axes, and of the same one",
    `G(x: float32[N, 9, 8]) -> (y: float32[N, 3, 6]) {
      a1 = int64[1] {1}
      a2 = int64[2] {2, 1}
      s1 = int64[1] {1}
      e1 = int64[1] {-1}
      s2 = int64[2] {2, 0}
      e2 = int64[2] {9223372036854775807, -1}
      d2 = int64[2] {1, 2}
      %a = Slice(x, s1, e1, a1) : float32[N, 7, 8]
      %y = Slice(%a, s2, e2, a2, d2) : float32[N, 3, 6]
    }`,
    ["%y = Slice(x, const, const_1, const, const_2) : float32[N, 3, 6]"],
  ],
  [
    "Pads with the same value",
    `G(x: float32[N, 3]) -> (y: float32[N, 8]) {
      p = int64[4] {0, 1, 0, 0}
      q = int64[2] {1, 3}
      v = float32[] {7}
      last = int64[1] {-1}
      %a = Pad(x, p, v) : float32[N, 4]
      %y = Pad(%a, q, v, last) : float32[N, 8]
    }`,
    ["%y = Pad(x, const, v) : float32[N, 8]"],
  ],
  [
    "Casts through a type that holds everything",
    `G(x: float32[N]) -> (y: float32[N], z: float16[N]) {
      %a = Cast(x) {to = 11} : float64[N]
      %b = Cast(%a) {to = 1} : float32[N]
      %y = Neg(%b) : float32[N]
      %z = Cast(%a) {to = 10} : float16[N]
    }`,
    ["%y = Neg(x) : float32[N]", "%z = Cast(x) {to = 10} : float16[N]"],
  ],
  [
    "Concats along one axis",
    `G(x: float32[N, 3], w: float32[N, 2]) -> (y: float32[N, 10]) {
      %a = Concat(x, w) {axis = 1} : float32[N, 5]
      %b = Concat(w, x) {axis = -1} : float32[N, 5]
      %y = Concat(%a, %b) {axis = -1} : float32[N, 10]
    }`,
    ["%y = Concat(x, w, w, x) {axis = 1} : float32[N, 10]"],
  ],
  [
    "what was cut and joined again",
    `G(x: float32[N, 5]) -> (y: float32[N, 5]) {
      sizes = int64[2] {2, 3}
      %a, %b = Split "s"(x, sizes) {axis = 1} : float32[N, 2], float32[N, 3]
      %c = Concat(%a, %b) {axis = -1} : float32[N, 5]
      %y = Abs(%c) : float32[N, 5]
    }`,
    ["%y = Abs(x) : float32[N, 5]"],
  ],
  [
    "what was joined and cut where it meets",
    `G(x: float32[N, 2], w: float32[N, 3]) -> (y: float32[N, 2], z: float32[N, 3]) {
      sizes = int64[2] {2, 3}
      %c = Concat(x, w) {axis = 1} : float32[N, 5]
      %a, %b = Split "s"(%c, sizes) {axis = 1} : float32[N, 2], float32[N, 3]
      %y = Abs(%a) : float32[N, 2]
      %z = Neg(%b) : float32[N, 3]
    }`,
    ["%y = Abs(x) : float32[N, 2]", "%z = Neg(w) : float32[N, 3]"],
  ],
  [
    "a reduction whose axes are put back",
    `G(x: float32[N, 3, 4]) -> (y: float32[N, 1, 4]) {
      axis = int64[1] {1}
      %a = ReduceMax(x, axis) {keepdims = 0} : float32[N, 4]
      %y = Unsqueeze(%a, axis) : float32[N, 1, 4]
    }`,
    ["%y = ReduceMax(x, axis) : float32[N, 1, 4]"],
  ],
  [
    "a Reshape that splits axes of a transposed tensor is one with the Reshape before",
    `G(x: float32[5, N, 6]) -> (y: float32[N, 2, 5, 3]) {
      joined = int64[3] {5, -1, 3}
      split = int64[4] {-1, 2, 5, 3}
      %r = Reshape(x, joined) : float32[5, 2*N, 3]
      %t = Transpose(%r) {perm = [1, 0, 2]} : float32[2*N, 5, 3]
      %y = Reshape(%t, split) : float32[N, 2, 5, 3]
    }`,
    ["%y/Reshape = Reshape(x, const) : float32[5, N, 2, 3]", "%y = Transpose(%y/Reshape) {perm = [1, 2, 0, 3]} : float32[N, 2, 5, 3]"],
  ],
  [
    "an axis of size 1 that a Transpose moved and a Squeeze takes out never was there",
    `G(x: float32[N, 6]) -> (y: float32[3, N, 2]) {
      form = int64[4] {1, -1, 3, 2}
      axis = int64[1] {-2}
      %r = Reshape(x, form) : float32[1, N, 3, 2]
      %t = Transpose(%r) {perm = [2, 1, 0, 3]} : float32[3, N, 1, 2]
      %y = Squeeze(%t, axis) : float32[3, N, 2]
    }`,
    ["%y/Reshape = Reshape(x, const) : float32[N, 3, 2]", "%y = Transpose(%y/Reshape) {perm = [1, 0, 2]} : float32[3, N, 2]"],
  ],
  [
    "a Transpose that moves axes of size 1 alone before a Reshape",
    `G(x: float32[N, 4, 1, 1]) -> (y: float32[N, 4]) {
      %t = Transpose(x) {perm = [0, 2, 3, 1]} : float32[N, 1, 1, 4]
      %y = Flatten(%t) : float32[N, 4]
    }`,
    ["%y = Reshape(x, const) : float32[N, 4]"],
  ],
  [
    "a Transpose that moves axes of size 1 alone before an Unsqueeze",
    `G(x: float32[N, 1, 8]) -> (y: float32[N, 8, 1, 1]) {
      last = int64[1] {-1}
      %t = Transpose(x) {perm = [0, 2, 1]} : float32[N, 8, 1]
      %y = Unsqueeze(%t, last) : float32[N, 8, 1, 1]
    }`,
    ["%y = Reshape(x, const) : float32[N, 8, 1, 1]"],
  ],
  [
    "a Reshape that puts reduced axes back, and one that takes them out",
    `G(x: float32[N, 3, 4, 5]) -> (y: float32[N, 3, 1, 1], z: float32[N, 3]) {
      axes = int64[2] {2, 3}
      back = int64[4] {-1, 3, 1, 1}
      out = int64[2] {-1, 3}
      %a = ReduceMean(x, axes) {keepdims = 0} : float32[N, 3]
      %y = Reshape(%a, back) : float32[N, 3, 1, 1]
      %b = ReduceMax(x, axes) : float32[N, 3, 1, 1]
      %z = Reshape(%b, out) : float32[N, 3]
    }`,
    ["%y = ReduceMean(x, axes) : float32[N, 3, 1, 1]", "%z = ReduceMax(x, axes) {keepdims = 0} : float32[N, 3]"],
  ],
  [
    "a Transpose that moves axes of size 1 alone behind a Reshape",
    `G(x: float32[N, 4]) -> (y: float32[1, N, 4, 1]) {
      axes = int64[2] {1, 2}
      %r = Unsqueeze(x, axes) : float32[N, 1, 1, 4]
      %y = Transpose(%r) {perm = [1, 0, 3, 2]} : float32[1, N, 4, 1]
    }`,
    ["%y = Reshape(x, const) : float32[1, N, 4, 1]"],
  ],
])("%s", async (_, text, nodes) => {
  await expectRewrite(mergeMovement, text, nodes, exact);
});

test.each<readonly [string, string]>([
  [
    "joins axes",
    `G(x: float32[N, 12]) -> (y: float32[3, 4*N]) {
      form = int64[3] {-1, 4, 3}
      flat = int64[2] {3, -1}
      %r = Reshape(x, form) : float32[N, 4, 3]
      %t = Transpose(%r) {perm = [2, 0, 1]} : float32[3, N, 4]
      %y = Reshape(%t, flat) : float32[3, 4*N]
    }`,
  ],
  [
    "puts an axis beside the one that was reduced",
    `G(x: float32[N, 3, 4]) -> (y: float32[N, 4, 1]) {
      axis = int64[1] {1}
      other = int64[3] {-1, 4, 1}
      %r = ReduceSum(x, axis) {keepdims = 0} : float32[N, 4]
      %y = Reshape(%r, other) : float32[N, 4, 1]
    }`,
  ],
  [
    "splits across axes",
    `G(x: float32[N, 8]) -> (y: float32[2, 4, N]) {
      form = int64[3] {-1, 4, 2}
      other = int64[3] {2, 4, -1}
      %r = Reshape(x, form) : float32[N, 4, 2]
      %t = Transpose(%r) {perm = [1, 2, 0]} : float32[4, 2, N]
      %y = Reshape(%t, other) : float32[2, 4, N]
    }`,
  ],
  [
    "splits what others read unsplit",
    `G(x: float32[N, 12]) -> (y: float32[4, N, 1, 3], z: float32[4, N, 3]) {
      form = int64[3] {-1, 4, 3}
      split = int64[4] {4, -1, 1, 3}
      %r = Reshape(x, form) : float32[N, 4, 3]
      %z = Transpose(%r) {perm = [1, 0, 2]} : float32[4, N, 3]
      %y = Reshape(%z, split) : float32[4, N, 1, 3]
    }`,
  ],
])("a Reshape stays where it %s", (_, text) => {
  expect(refusals(mergeMovement, text)).toEqual([]);
});

test.each<readonly [string, string, readonly string[]]>([
  [
    "pads of different modes do not add up",
    `G(x: float32[3]) -> (y: float32[6]) {
      p = int64[2] {1, 0}
      q = int64[2] {1, 1}
      %a = Pad(x, p) : float32[4]
      %y = Pad(%a, q) {mode = "reflect"} : float32[6]
    }`,
    ['y: pads of modes "constant" and "reflect" do not add up'],
  ],
  [
    "a pad that crops may crop what another one added",
    `G(x: float32[3]) -> (y: float32[3]) {
      p = int64[2] {1, 0}
      q = int64[2] {-1, 0}
      %a = Pad(x, p) : float32[4]
      %y = Pad(%a, q) : float32[3]
    }`,
    ["y: what one of them crops, the other may have added"],
  ],
  [
    "a cast through a narrower type rounds",
    `G(x: float32[3]) -> (y: float32[3]) {
      %a = Cast(x) {to = 10} : float16[3]
      %y = Cast(%a) {to = 1} : float32[3]
    }`,
    ["y: float16 does not hold every float32"],
  ],
  [
    "a slice of a slice whose places are not known",
    `G(x: float32[N]) -> (y: float32[min(2,min(3,N))]) {
      s = int64[1] {-3}
      t = int64[1] {-2}
      e = int64[1] {9223372036854775807}
      %a = Slice(x, s, e) : float32[min(3,N)]
      %y = Slice(%a, t, e) : float32[min(2,min(3,N))]
    }`,
    ['y: what remains of "x" depends on sizes that are not known'],
  ],
  [
    "a reduction that is used with and without its axes",
    `G(x: float32[3, 4]) -> (y: float32[3, 1], a: float32[3]) {
      axis = int64[1] {1}
      %a = ReduceSum(x, axis) {keepdims = 0} : float32[3]
      %y = Unsqueeze(%a, axis) : float32[3, 1]
    }`,
    ['y: the output of ReduceSum "a" is an output of the graph'],
  ],
])("%s", (_, text, reasons) => {
  expect(refusals(mergeMovement, text)).toEqual(reasons);
});

const inOrder = (change: (text: string) => string): string =>
  change(`G(x: float32[N, 6], v: float32[6*N]) -> (y: float32[N, 6]) {
    zero = int64[] {0}
    one = int64[] {1}
    six = int64[] {6}
    axes = int64[1] {1}
    within = int64[1, 6] {0, 1, 2, 3, 4, 5}
    %s = Shape(x) {end = 1} : int64[1]
    %n = Squeeze(%s) : int64[]
    %r = Range(zero, %n, one) : int64[N]
    %m = Mul(%r, six) : int64[N]
    %u = Unsqueeze(%m, axes) : int64[N, 1]
    %i = Add(%u, within) : int64[N, 6]
    %y = Gather(v, %i) : float32[N, 6]
  }`);
test("a Gather of all elements in their order, however their places are computed, is a Reshape", async () => {
  await expectRewrite(
    mergeMovement,
    inOrder((text) => text),
    ["%y = Reshape(v, const) : float32[N, 6]"],
    exact,
    { N: 3 },
  );
});
test.each<readonly [string, (text: string) => string]>([
  ["the places in a row are in another order", (text) => text.replace("{0, 1, 2", "{1, 0, 2")],
  ["the rows overlap", (text) => text.replace("{6}", "{5}")],
  [
    "the rows begin elsewhere",
    (text) =>
      text
        .replace("zero = int64[] {0}", "zero = int64[] {-1}")
        .replaceAll(": int64[N]", ": int64[N + 1]")
        .replace("int64[N, 1]", "int64[N + 1, 1]")
        .replace("int64[N, 6]", "int64[N + 1, 6]")
        .replaceAll("float32[N, 6] {", "float32[N + 1, 6] {")
        .replace(") : float32[N, 6]", ") : float32[N + 1, 6]")
        .replace("y: float32[N, 6]", "y: float32[N + 1, 6]"),
  ],
  ["the vector is longer", (text) => text.replace("v: float32[6*N]", "v: float32[7*N]")],
])("a Gather stays where %s", (_, change) => {
  const before = parseGraph(inOrder(change));
  expect(mergeMovement(before).graph.nodes.at(-1)?.opType).toBe("Gather");
});
