import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Dim } from "../../../src/ir/dim.ts";
import { schemaOf } from "../../../src/ir/ops/index.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";

const einsum = (equation: string, ...shapes: readonly (readonly Dim[])[]) => {
  const b = new GraphBuilder("g");
  return b.addNode(
    "Einsum",
    shapes.map((shape, i) => b.input(`x${i}`, { dtype: "float32", shape })),
    { equation },
  );
};
const shapeOf = (equation: string, ...shapes: readonly (readonly Dim[])[]) => einsum(equation, ...shapes).outputs[0]?.type.shape;

test("Einsum has an axis for each letter of its result", () => {
  expect(shapeOf("bhid,bhjd->bhij", ["N", 2, 5, 4], ["N", 2, 7, 4])).toEqual(["N", 2, 5, 7]);
  expect(shapeOf("ij, jk", [2, 3], [3, "K"])).toEqual([2, "K"]);
  expect(shapeOf("ba", [2, 3])).toEqual([3, 2]);
  expect(shapeOf("ij->", [2, 3])).toEqual([]);
  expect(shapeOf("ii->i", [3, 3])).toEqual([3]);
  expect(shapeOf("i,j,k->kij", [2], [3], [4])).toEqual([4, 2, 3]);
  expect(shapeOf("ij,ij->ij", ["N", 3], [5, 3])).toEqual([5, 3]);
});
test("an ellipsis stands for axes that broadcast", () => {
  expect(shapeOf("...ij,...jk->...ik", [8, 1, 2, 3], [1, "N", 3, 4])).toEqual([8, "N", 2, 4]);
  expect(shapeOf("...a->a...", ["N", 5, 3])).toEqual([3, "N", 5]);
  expect(shapeOf("a...,...b", [2, 5], [5, 4])).toEqual([5, 2, 4]);
  expect(shapeOf("...,a->a...", [], [4])).toEqual([4]);
});
test.each<readonly [string, readonly (readonly Dim[])[], string]>([
  ["ij,jk->ik", [[2, 3]], 'equation "ij,jk->ik" has 2 terms for 1 input'],
  ["ij->ji", [[2, 3, 4]], 'equation "ij->ji" has the term "ij" for input 0, which has 3 axes'],
  ["i1->i", [[2, 3]], 'equation "i1->i" has the term "i1", which is no row of letters with at most one "..."'],
  ["i...j...", [[2, 3]], 'equation "i...j..." has the term "i...j...", which is no row of letters with at most one "..."'],
  ["ij->ik", [[2, 3]], 'equation "ij->ik" has "k" in its result alone'],
  ["ij->ii", [[2, 3]], 'equation "ij->ii" has a letter twice in its result'],
  ["...i,...i->...", [[2, 3], [3]], 'equation "...i,...i->..." has a "..." of 1 and of 0 axes'],
  ["i->i->i", [[2]], 'equation "i->i->i" has more than one "->"'],
  ["ij->i,", [[2, 3]], 'equation "ij->i," has the result "i,", which is no row of letters with at most one "..."'],
  [
    "ij,jk->ik",
    [
      [2, 3],
      [4, 2],
    ],
    '"j" stands for axes of 3 and of 4',
  ],
  [
    "...,...->...",
    [
      [2, 3],
      [2, 4],
    ],
    '"..." stands for axes of 3 and of 4, which cannot be broadcast',
  ],
])("what is no equation for its inputs is refused: %s of %j", (equation, shapes, message) => {
  expect(() => einsum(equation, ...shapes)).toThrow(`Einsum: ${message}`);
});

test.each<readonly [string, readonly (readonly number[])[]]>([
  [
    "ij,jk->ik",
    [
      [2, 3],
      [3, 4],
    ],
  ],
  [
    "ij,jk->ki",
    [
      [2, 3],
      [3, 4],
    ],
  ],
  [
    "bhid,bhjd->bhij",
    [
      [2, 2, 3, 2],
      [2, 2, 4, 2],
    ],
  ],
  [
    "blhd,bmhd->bhlm",
    [
      [2, 3, 2, 2],
      [2, 4, 2, 2],
    ],
  ],
  ["i,i->", [[3], [3]]],
  ["i,j->ji", [[3], [2]]],
  [
    "ijk,jkl->il",
    [
      [2, 3, 2],
      [3, 2, 2],
    ],
  ],
  [
    "ijk,kl->ijl",
    [
      [2, 3, 2],
      [2, 4],
    ],
  ],
  ["ij->j", [[2, 3]]],
  ["ij->ji", [[2, 3]]],
  [
    "ij,ij->i",
    [
      [2, 3],
      [2, 3],
    ],
  ],
  [
    "ij,jk,kl->li",
    [
      [2, 3],
      [3, 2],
      [2, 4],
    ],
  ],
  [
    "...ij,...jk->...ik",
    [
      [2, 1, 2, 3],
      [1, 3, 3, 2],
    ],
  ],
  ["ii->i", [[3, 3]]],
  [
    "iji,ik->",
    [
      [2, 3, 2],
      [2, 4],
    ],
  ],
  ["ij,k->k", [[2, 3], [4]]],
])("Einsum %s has the gradient of central differences", async (equation, shapes) => {
  const inputs = shapes.map((shape, i) => ({ data: randomTensor(i + 1, "float64", shape) }));
  // Linear in each operand: only rounding remains.
  await expectGradient({ step: 1e-2, tolerance: 1e-9, inputs, build: (b, xs) => b.add("Einsum", xs, { equation }) });
});
test.each([
  ["nij,njk->nik", ["N", "I", 3], [2, 3, 3], ["N", 3, 4], [2, 3, 4]],
  ["nij,nij->n", ["N", "I", 3], [2, 2, 3], ["N", "I", 3], [2, 2, 3]],
  ["nia,nbi->nab", ["N", "I", 3], [2, 2, 3], ["N", 2, "I"], [2, 2, 2]],
  ["nii,ni->n", ["N", "I", "I"], [2, 3, 3], ["N", "I"], [2, 3]],
] as const)("Einsum %s has its gradient where sizes are symbols", async (equation, left, leftSizes, right, rightSizes) => {
  const inputs = [
    { data: randomTensor(1, "float64", leftSizes), shape: left },
    { data: randomTensor(2, "float64", rightSizes), shape: right },
  ];
  await expectGradient({ step: 1e-2, tolerance: 1e-9, inputs, build: (b, xs) => b.add("Einsum", xs, { equation }) });
});

test("Einsum counts the products of each pair of operands", () => {
  const work = (...call: Parameters<typeof einsum>) => {
    const { flops } = schemaOf("Einsum");
    return flops === "zero" ? null : flops(einsum(...call));
  };
  expect(work("bhid,bhjd->bhij", ["N", 2, 5, 4], ["N", 2, 7, 4])).toEqual({ macs: "280*N", other: 0 });
  // A B first, its result with C then.
  expect(work("ij,jk,kl->il", [2, 3], [3, 4], [4, 5])).toEqual({ macs: 2 * 3 * 4 + 2 * 4 * 5, other: 0 });
  expect(work("ij->i", [2, 3])).toEqual({ macs: 0, other: 6 });
  expect(work("ij->ji", [2, 3])).toEqual({ macs: 0, other: 0 });
});
test("an axis that is summed over is seen whole, another one position by position", () => {
  const { receptiveField } = schemaOf("Einsum");
  const node = einsum("...ij,...jk->...ki", [1, 2, 3], [5, 3, 4]);
  const at = (axis: number) => ({ axis, size: 1, stride: 1, start: 0 });
  expect(typeof receptiveField === "string" ? null : [0, 1].map((i) => receptiveField(node, i, 0))).toEqual([
    ["fixed", at(2), "all"],
    [at(0), "all", at(1)],
  ]);
});
