/** Verification at other sizes of images than those that the model was compiled for. */
import { type Compilable, type InputShapes, sourceOf } from "../../compile/index.ts";
import { isFloat } from "../../ir/dtype.ts";
import { staticShape } from "../../ir/shape.ts";
import type { Verdict, Verification } from "./verify-passes.ts";

/**
 * Shapes in which every spatial axis of an image input has the next odd size; null where no input has fixed ones. Sizes that are open
 * already vary by themselves.
 */
export function oddShapes(model: Compilable, shapes: InputShapes): InputShapes | null {
  const odd = sourceOf(model, shapes).inputs.flatMap(({ name, type: { dtype, shape } }) => {
    const space = staticShape(shape.slice(2));
    if (!isFloat(dtype) || shape.length < 4 || space === null) return [];
    return [[name, [...shape.slice(0, 2), ...space.map((d) => d + 1 + (d % 2))]] as const];
  });
  return odd.length === 0 ? null : { ...shapes, ...Object.fromEntries(odd) };
}

/** What both verifications found: the larger error of each run of a pass, and the sizes of all runs. */
export function joinVerifications(first: Verification, second: Verification, shapes: InputShapes): Verification {
  const space = new Map(
    Object.entries(shapes).flatMap(([name, shape]) =>
      shape.slice(2).flatMap((d, i) => (typeof d === "number" ? [[`${name}[${i + 2}]`, d] as const] : [])),
    ),
  );
  const named = new Map(
    [...second.sizes, ...second.skipped.map(({ sizes }) => sizes)].map((sizes) => [sizes, new Map([...sizes, ...space])]),
  );
  const later = second.verdicts.map((verdict): Verdict => {
    const { worst } = verdict;
    return worst === null ? verdict : { ...verdict, worst: { ...worst, sizes: named.get(worst.sizes) ?? worst.sizes } };
  });
  // The same passes in the same order, but for those that find their subject at some sizes only.
  const taken = new Set<Verdict>();
  const verdicts = first.verdicts.map((verdict) => {
    const other = later.find((candidate) => candidate.pass === verdict.pass && !taken.has(candidate));
    if (other === undefined) return verdict;
    taken.add(other);
    return other.error > verdict.error ? { ...other, changes: verdict.changes } : verdict;
  });
  return {
    verdicts: [...verdicts, ...later.filter((verdict) => !taken.has(verdict))],
    sizes: [...first.sizes, ...second.sizes.map((sizes) => named.get(sizes) ?? sizes)],
    skipped: [...first.skipped, ...second.skipped.map((entry) => ({ ...entry, sizes: named.get(entry.sizes) ?? entry.sizes }))],
  };
}
