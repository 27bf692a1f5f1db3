/** A pack again, through every optimising pass: the expected outputs and gradients still come out. */
import { describe, expect, test } from "vitest";
import { parseModel, writeModel } from "../../src/codegen/index.ts";
import { lower, optimize } from "../../src/passes/index.ts";
import { exceptions } from "../conformance/exceptions.ts";
import { isWanted, missingParts } from "./conformance.ts";
import { packsMissing } from "./packs.ts";
import { withSymbolicSizes } from "./symbolic-sizes.ts";

/** The model after all passes; the bytes as they are where no pass finds anything to do. */
const optimized =
  (opset: number) =>
  (bytes: Uint8Array): Uint8Array => {
    const { graph } = parseModel(bytes);
    const { graph: after } = optimize(graph, "all", { beforeLowering: true });
    const target = { opset: Math.min(24, Math.max(18, opset)), provider: "portable" } as const;
    return after === graph ? bytes : writeModel(optimize(lower(after, target)).graph, { opset: target.opset });
  };
/** Errors that ask for a size that has been forgotten. */
const asksForSize = /error\[unknown-/;

interface Row {
  readonly case: string;
  readonly ops: readonly string[] | Readonly<Record<string, number>>;
  readonly opset: number;
}
/** Declares the tests of a pack, with the sizes as they are and with every input size forgotten. */
export function optimizedSuite<R extends Row>(
  pack: "backend" | "gradients",
  rows: readonly R[],
  check: (row: R, change: (model: Uint8Array) => Uint8Array) => Promise<string | null>,
): void {
  describe.skipIf(packsMissing !== null)(`${pack}, optimised`, () => {
    const listed = new Set(Object.values(exceptions[pack]).flat());
    const covered = rows.filter((row) => isWanted(row) && missingParts(row).length === 0 && !listed.has(row.case));
    test.each(covered.map((row) => [row.case, row] as const))("%s", async (_, row) => {
      expect(await check(row, optimized(row.opset))).toBeNull();
    });
    test.each(covered.map((row) => [row.case, row] as const))("%s, sizes forgotten", async (_, row) => {
      const problem = await check(row, (model) => optimized(row.opset)(withSymbolicSizes(model)));
      if (problem === null || !asksForSize.test(problem)) expect(problem).toBeNull();
    });
  });
}
