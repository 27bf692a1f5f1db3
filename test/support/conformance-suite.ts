/** One vitest row per covered case of a pack, and a summary at the end. */
import { afterAll, expect, test } from "vitest";
import { exceptions } from "../conformance/exceptions.ts";
import { isWanted } from "./conformance.ts";
import { packsMissing } from "./packs.ts";

interface Row {
  readonly case: string;
  readonly ops: readonly string[] | Readonly<Record<string, number>>;
}

/** Declares the tests of a pack. `missing` says what keeps a case from being covered, `check` what is wrong with a covered one, or null. */
export function conformanceSuite<R extends Row>(
  pack: keyof typeof exceptions,
  rows: readonly R[],
  missing: (row: R) => readonly string[],
  check: (row: R) => Promise<string | null> | string | null,
): void {
  test.skipIf(packsMissing === null)(`the ${pack} pack is there (${packsMissing ?? "it is"})`, (context) => context.skip());
  const covered = rows.filter((row) => isWanted(row) && missing(row).length === 0);
  const reasons = new Map(Object.entries(exceptions[pack]).flatMap(([reason, cases]) => cases.map((name) => [name, reason] as const)));
  let passed = 0;
  for (const row of covered) {
    test(row.case, async () => {
      const problem = await check(row);
      if (problem === null) passed++;
      if (reasons.has(row.case)) expect(problem, `it passes now: take it out of exceptions.ts (${reasons.get(row.case)})`).not.toBeNull();
      else expect(problem).toBeNull();
    });
  }
  test(`every exception of the ${pack} pack is a covered case`, () => {
    const names = new Set(rows.filter((row) => missing(row).length === 0).map((row) => row.case));
    expect([...reasons.keys()].filter((name) => packsMissing === null && !names.has(name))).toEqual([]);
  });
  afterAll(() => {
    const listed = covered.filter((row) => reasons.has(row.case)).length;
    process.stdout.write(
      `${pack}: ${covered.length} of ${rows.length} cases are covered; ${passed} pass, ${listed} are listed with a reason\n`,
    );
  });
}

/** How many cases lack each part, most first: a case that lacks two counts for both. */
export function countMissing<R extends Row>(
  rows: readonly R[],
  missing: (row: R) => readonly string[],
): { readonly cases: number; readonly covered: number; readonly missing: Readonly<Record<string, number>> } {
  const counts = new Map<string, number>();
  let covered = 0;
  for (const row of rows) {
    const parts = missing(row);
    if (parts.length === 0) covered++;
    for (const part of parts) counts.set(part, (counts.get(part) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return { cases: rows.length, covered, missing: Object.fromEntries(sorted) };
}
