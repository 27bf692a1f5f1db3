import { expect, test } from "vitest";
import { expectRecognized, recognitionRefusals } from "./expect-recognized.ts";

const exact = { rtol: 0, atol: 0 };
type Place = readonly [number, number];
const rows: readonly Place[] = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const columns: readonly Place[] = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
];
interface Form {
  readonly x: string;
  readonly piece: string;
  readonly y: string;
  readonly axes: readonly [number, number];
  readonly axis: number;
  readonly steps?: readonly [number, number];
}
/** Slices with steps from each place, joined. */
const graph = (places: readonly Place[], { x, piece, y, axes, axis, steps = [2, 2] }: Form): string =>
  `G(x: float32[${x}]) -> (y: float32[${y}]) {
    axes = int64[2] {${axes.join(", ")}}
    ends = int64[2] {9223372036854775807, 9223372036854775807}
    steps = int64[2] {${steps.join(", ")}}
    ${places.map((place, i) => `s${i} = int64[2] {${place.join(", ")}}`).join("\n    ")}
    ${places.map((_, i) => `%p${i} = Slice(x, s${i}, ends, axes, steps) : float32[${piece}]`).join("\n    ")}
    %y = Concat(${places.map((_, i) => `%p${i}`).join(", ")}) {axis = ${axis}} : float32[${y}]
  }`;
const image: Form = { x: "N, 3, 4, 6", piece: "N, 3, 2, 3", y: "N, 12, 2, 3", axes: [2, 3], axis: 1 };
const tokens: Form = { x: "N, 4, 6, 3", piece: "N, 2, 3, 3", y: "N, 2, 3, 12", axes: [1, 2], axis: -1 };

test.each<readonly [string, string, readonly string[]]>([
  ["pixels row by row", graph(rows, image), ["%y = SpaceToDepth(x) {blocksize = 2} : float32[N, 12, 2, 3]"]],
  [
    "pixels column by column, as YOLOv5 has them",
    graph(columns, image),
    [
      "%y/SpaceToDepth = SpaceToDepth(x) {blocksize = 2} : float32[N, 12, 2, 3]",
      "%y = Gather(%y/SpaceToDepth, const) {axis = 1} : float32[N, 12, 2, 3]",
    ],
  ],
  [
    "blocks of three, with the axes the other way round",
    graph(
      Array.from({ length: 9 }, (_, i) => [i % 3, Math.floor(i / 3)] as const),
      { x: "N, 2, 3, 6", piece: "N, 2, 1, 2", y: "N, 18, 1, 2", axes: [3, 2], axis: 1, steps: [3, 3] },
    ),
    ["%y = SpaceToDepth(x) {blocksize = 3} : float32[N, 18, 1, 2]"],
  ],
  [
    "patches column by column, as Swin merges them",
    graph(columns, tokens),
    [
      "%y/Reshape = Reshape(x, const) : float32[N, 2, 2, 3, 2, 3]",
      "%y/Transpose = Transpose(%y/Reshape) {perm = [0, 1, 3, 4, 2, 5]} : float32[N, 2, 3, 2, 2, 3]",
      "%y = Reshape(%y/Transpose, const_1) : float32[N, 2, 3, 12]",
    ],
  ],
  [
    "patches row by row",
    graph(rows, tokens),
    [
      "%y/Reshape = Reshape(x, const) : float32[N, 2, 2, 3, 2, 3]",
      "%y/Transpose = Transpose(%y/Reshape) {perm = [0, 1, 3, 2, 4, 5]} : float32[N, 2, 3, 2, 2, 3]",
      "%y = Reshape(%y/Transpose, const_1) : float32[N, 2, 3, 12]",
    ],
  ],
])("slices of %s are one rearrangement", async (_, text, nodes) => {
  await expectRecognized(18, text, nodes, exact);
});

test.each<readonly [string, string, readonly string[]]>([
  [
    "one place comes twice",
    graph(
      [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 0],
      ],
      image,
    ),
    [],
  ],

  [
    "patches follow each other in neither order",
    graph(
      [
        [1, 1],
        [1, 0],
        [0, 1],
        [0, 0],
      ],
      tokens,
    ),
    [],
  ],
  ["the sizes are odd", graph(rows.slice(0, 1), { ...image, x: "N, 3, 5, 6", piece: "N, 3, 3, 3", y: "N, 3, 3, 3" }), []],
  ["the steps differ", graph(rows, { ...image, x: "N, 3, 4, 12", steps: [2, 4] }), []],
  ["they are joined along an axis that is cut", graph(rows, { ...image, y: "N, 3, 8, 3", axis: 2 }), []],
  [
    "a slice is read elsewhere",
    graph(rows, image).replace("(y: float32[N, 12, 2, 3])", "(y: float32[N, 12, 2, 3], p2: float32[N, 3, 2, 3])"),
    ['y: the output of Slice "p2" is an output of the graph'],
  ],
])("slices stay where %s", (_, text, reasons) => {
  expect(recognitionRefusals(18, text)).toEqual(reasons);
});
