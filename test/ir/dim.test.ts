import { existsSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addDims,
  broadcastDim,
  ceilDiv,
  type Dim,
  exactDiv,
  floorDiv,
  isUnknown,
  maxDims,
  minDims,
  mulDims,
  neverEqual,
  parseDim,
  productOf,
  subDims,
  substitute,
  symbolsOf,
  totalOf,
} from "../../src/ir/index.ts";

test.each<[string, Dim, string | number]>([
  ["a sum of a symbol and a number", addDims("H", 2), "H+2"],
  ["a difference that ends in a number", subDims(addDims("H", 2), "H"), 2],
  ["numbers behind symbols", addDims(1, "N"), "N+1"],
  ["higher degrees before lower ones, in the order of the alphabet", totalOf(["B", mulDims("W", "H"), "A", 3]), "H*W+A+B+3"],
  ["coefficients", mulDims(16, "H"), "16*H"],
  ["a negative coefficient", subDims(3, mulDims(2, "N")), "-2*N+3"],
  ["an expanded product", mulDims(addDims("H", 1), subDims("H", 1)), "H*H-1"],
  ["the size of a convolution's output", addDims(floorDiv(subDims("H", 1), 2), 1), "floor((H+1)/2)"],
  ["nested floors as one", floorDiv(floorDiv("H", 2), 3), "floor(H/6)"],
  ["nested floors with constants as one", floorDiv(addDims(floorDiv(addDims("H", 1), 2), 1), 2), "floor((H+3)/4)"],
  ["a quotient without its whole part", floorDiv(addDims(mulDims(4, "H"), 5), 4), "H+1"],
  ["a reduced fraction", floorDiv(addDims(mulDims(2, "H"), 3), 4), "floor((H+1)/2)"],
  ["a ceiling", ceilDiv("H", 2), "floor((H+1)/2)"],
  ["a maximum that depends", maxDims("N", "M"), "max(M,N)"],
  ["a maximum that does not", maxDims(addDims("N", 2), "N"), "N+2"],
  ["a minimum with zero", minDims("N", 0), 0],
  ["a product of nothing", productOf([]), 1],
])("%s is canonical", (_, dim, wanted) => {
  expect(dim).toBe(wanted);
});

test.each([
  ["2 * (H + 1) - 2", "2*H"],
  ["(H - 1) / 2 + 1", "floor((H+1)/2)"],
  ["floor((H+1)/2)", "floor((H+1)/2)"],
  ["W*H", "H*W"],
  ["-N", "-N"],
  ["7 / 2", "3"],
  ["min(B, A)", "min(A,B)"],
  ["max(N, N)", "N"],
  ["x.1*2", "2*x.1"],
  ["?3", "?3"],
  ["min(floor(H/2), max(A, 2))*3", "3*min(floor(H/2),max(2,A))"],
])("the text %j is read as %s", (text, wanted) => {
  expect(String(parseDim(text))).toBe(wanted);
});

test.each(["", "2N", "H+", "(H", "H)", "N/0", "N/M", "N/-2", "a b", "floor", "min(A)", "f(A)", "1.5", "N*", "é", "min(A,B,C)"])(
  "the text %j is no dimension",
  (text) => {
    expect(() => parseDim(text)).toThrow(RangeError);
  },
);

/** An expression twice: as a dim, and as a function of the sizes of its symbols. */
interface Twin {
  readonly dim: Dim;
  value(sizes: Sizes): number;
}
type Sizes = Readonly<Record<"A" | "B" | "C", number>>;
const leaf: fc.Arbitrary<Twin> = fc.oneof(
  fc.constantFrom("A" as const, "B" as const, "C" as const).map((name): Twin => ({ dim: name, value: (sizes) => sizes[name] })),
  fc.integer({ min: -9, max: 20 }).map((n): Twin => ({ dim: n, value: () => n })),
);
const pair = (of: fc.Arbitrary<Twin>, dims: (a: Dim, b: Dim) => Dim, numbers: (a: number, b: number) => number): fc.Arbitrary<Twin> =>
  fc.tuple(of, of).map(([a, b]): Twin => ({ dim: dims(a.dim, b.dim), value: (sizes) => numbers(a.value(sizes), b.value(sizes)) }));
const { expression } = fc.letrec<{ expression: Twin }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    leaf,
    pair(tie("expression"), addDims, (a, b) => a + b),
    pair(tie("expression"), subDims, (a, b) => a - b),
    pair(tie("expression"), mulDims, (a, b) => a * b),
    pair(tie("expression"), minDims, Math.min),
    pair(tie("expression"), maxDims, Math.max),
    fc
      .tuple(tie("expression"), fc.integer({ min: 1, max: 6 }))
      .map(([a, k]): Twin => ({ dim: floorDiv(a.dim, k), value: (sizes) => Math.floor(a.value(sizes) / k) })),
  ),
}));
const sizes: fc.Arbitrary<Sizes> = fc.record({ A: fc.nat(30), B: fc.nat(30), C: fc.nat(30) });
const at = (dim: Dim, s: Sizes): Dim => substitute(dim, new Map(Object.entries(s)));
const runs = { numRuns: 2000 };

test("dims compute what numbers compute", () => {
  fc.assert(
    fc.property(expression, sizes, (e, s) => void expect(at(e.dim, s)).toBe(e.value(s) + 0)),
    runs,
  );
});

test("a dim's text is read as that dim", () => {
  fc.assert(
    fc.property(expression, ({ dim }) => void expect(parseDim(String(dim))).toBe(dim)),
    runs,
  );
});

test("two dims that are never equal are not, and equal texts are equal functions", () => {
  fc.assert(
    fc.property(expression, expression, sizes, (a, b, s) => {
      if (neverEqual(a.dim, b.dim)) expect(a.value(s)).not.toBe(b.value(s));
      // + 0 turns the -0 of plain numbers into 0.
      if (a.dim === b.dim) expect(a.value(s) + 0).toBe(b.value(s) + 0);
    }),
    runs,
  );
});

test("a quotient times its divisor is the dividend", () => {
  fc.assert(
    fc.property(expression, expression, (a, b) => {
      const product = mulDims(a.dim, b.dim);
      const quotient = exactDiv(product, b.dim);
      if (quotient !== null && !isUnknown(product)) expect(mulDims(quotient, b.dim)).toBe(product);
    }),
    runs,
  );
});

test("a substitution in two steps is one", () => {
  const half = new Map<string, Dim>([["A", addDims(mulDims(2, "B"), 1)]]);
  fc.assert(
    fc.property(expression, sizes, (e, s) => void expect(at(substitute(e.dim, half), s)).toBe(e.value({ ...s, A: 2 * s.B + 1 }) + 0)),
    runs,
  );
});

test("symbols are found wherever they are", () => {
  expect([...symbolsOf("min(floor((H+1)/2),x.1)*N+?3")]).toEqual(["H", "x.1", "N", "?3"]);
  expect([...symbolsOf(7)]).toEqual([]);
});

test("an expression that grows too large is a size of its own, equal to itself alone", () => {
  const grown = (a: Dim): Dim => Array.from({ length: 8 }).reduce<Dim>((d) => mulDims(d, d), addDims(a, 1));
  expect(isUnknown(grown(addDims("A", "B")))).toBe(true);
  expect(grown(addDims("A", "B"))).toBe(grown(addDims("B", "A")));
  expect(grown(addDims("A", "B"))).not.toBe(grown(addDims("A", "C")));
  expect(neverEqual(grown("A"), grown("B"))).toBe(false);
  // A coefficient that is no exact integer would compute wrong sizes.
  expect(isUnknown(mulDims("N", 2 ** 60))).toBe(true);
  expect(isUnknown(mulDims("N", 0.5))).toBe(true);
});

test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("division by %d is an error", (k) => {
  expect(() => floorDiv("N", k)).toThrow(new RangeError(`a dimension cannot be divided by ${k}`));
});

test.each<[Dim, Dim, Dim | null]>([
  ["N", "N", "N"],
  ["N", 1, "N"],
  [1, 7, 7],
  [7, 7, 7],
  [7, 5, null],
  ["N", 5, 5],
  ["N", "M", "unknown"],
  ["N+1", "N", null],
  ["?1", "?1", "?1"],
  ["?1", 4, 4],
])("%s and %s broadcast to %s", (a, b, wanted) => {
  expect(broadcastDim(a, b)).toBe(wanted);
  expect(broadcastDim(b, a)).toBe(wanted);
});

const prototype = resolve(import.meta.dirname, "../../../shared/types-prototype/src/dim.ts");
test.skipIf(!existsSync(prototype) && process.env["CI"] === undefined)(
  "one symbol's forms are those that the DSL's types compute (skipped where the types prototype is absent)",
  async () => {
    const twin = (await import(prototype)) as Readonly<Record<"addDim" | "mulDim" | "floorDivDim", (dim: Dim, k: number) => Dim>>;
    const step = fc.oneof(
      fc.record({ op: fc.constant("addDim" as const), k: fc.integer({ min: -20, max: 20 }) }),
      fc.record({ op: fc.constant("mulDim" as const), k: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ op: fc.constant("floorDivDim" as const), k: fc.integer({ min: 1, max: 9 }) }),
    );
    const ours = { addDim: addDims, mulDim: mulDims, floorDivDim: floorDiv };
    let compared = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        let [mine, theirs]: [Dim, Dim] = ["H", "H"];
        for (const { op, k } of steps) {
          mine = ours[op](mine, k);
          theirs = twin[op](theirs, k);
          // NaN is the prototype's word for what it does not know.
          if (Number.isNaN(theirs)) return;
          expect(mine).toBe(theirs);
          compared++;
        }
      }),
      runs,
    );
    expect(compared).toBeGreaterThan(1000);
  },
);
