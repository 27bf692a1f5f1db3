/**
 * What the packs hold that striate does not cover yet, counted by reason. The counts only go down: an op that is added takes its rows out
 * of uncovered.json (UPDATE_UNCOVERED=1 writes the file).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { missingParts, missingShapeParts } from "../support/conformance.ts";
import { countMissing } from "../support/conformance-suite.ts";
import { backendRows, gradientRows, packsMissing, shapeRows } from "../support/packs.ts";

const file = new URL("./uncovered.json", import.meta.url);

test.skipIf(packsMissing !== null)("the cases that are not covered are those of uncovered.json", () => {
  const counted = {
    backend: countMissing(backendRows(), missingParts),
    gradients: countMissing(gradientRows(), missingParts),
    "shape-inference": countMissing(shapeRows(), missingShapeParts),
  };
  if (process.env["UPDATE_UNCOVERED"] !== undefined) writeFileSync(file, `${JSON.stringify(counted, null, 2)}\n`);
  for (const [pack, { cases, covered, missing }] of Object.entries(counted)) {
    const [most] = Object.entries(missing);
    process.stdout.write(`${pack}: ${cases - covered} of ${cases} cases are not covered; most lack ${most?.join(" ") ?? "nothing"}\n`);
  }
  expect(counted).toEqual(JSON.parse(readFileSync(file, "utf8")));
});
