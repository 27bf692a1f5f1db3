/**
 * The backend and gradients packs again, with every input size forgotten: what striate then infers, writes and differentiates holds for
 * sizes it does not know. A case passes, or is refused with an error that says which size has to be known; nothing else may happen.
 */
import { afterAll, describe, expect, test } from "vitest";
import { checkBackend, checkGradient, isWanted, missingParts } from "../support/conformance.ts";
import { backendRows, gradientRows, packsMissing } from "../support/packs.ts";
import { withSymbolicSizes } from "../support/symbolic-sizes.ts";
import { exceptions } from "./exceptions.ts";

/** The codes of errors that ask for a size: "unknown-rank", "unknown-channels", "unknown-size" and so on. */
const asksForSize = /error\[unknown-/;

interface Row {
  readonly case: string;
  readonly ops: readonly string[] | Readonly<Record<string, number>>;
}
/** `most` is how many cases may be refused: the count only goes down. */
function suite<R extends Row>(
  pack: "backend" | "gradients",
  rows: readonly R[],
  most: number,
  check: (row: R) => Promise<string | null>,
): void {
  describe.skipIf(packsMissing !== null)(`${pack}, sizes forgotten`, () => {
    const listed = new Set(Object.values(exceptions[pack]).flat());
    const covered = rows.filter((row) => isWanted(row) && missingParts(row).length === 0 && !listed.has(row.case));
    const refused: string[] = [];
    for (const row of covered) {
      test(row.case, async () => {
        const problem = await check(row);
        if (problem !== null && asksForSize.test(problem)) refused.push(row.case);
        else expect(problem).toBeNull();
      });
    }
    test(`at most ${most} cases need to know a size`, () => expect(refused.length).toBeLessThanOrEqual(most));
    afterAll(() => {
      process.stdout.write(
        `${pack} with sizes forgotten: ${covered.length} cases, of which ${refused.length} are refused because a size has to be known\n`,
      );
    });
  });
}

// GatherND and ScatterND, whose rank is a size of the positions: 4 cases of the first pack, 1 of the second.
suite("backend", backendRows(), 6, (row) => checkBackend(row, withSymbolicSizes));
suite("gradients", gradientRows(), 92, (row) => checkGradient(row, withSymbolicSizes));
test.skipIf(packsMissing === null)(`the packs are there (${packsMissing ?? "they are"})`, (context) => context.skip());
