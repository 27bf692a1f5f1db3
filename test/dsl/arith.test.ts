import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generateArith } from "../../src/codegen/schemas/generate-arith.ts";

test("src/dsl/arith.generated.ts is what its generator writes", () => {
  expect(readFileSync(new URL("../../src/dsl/arith.generated.ts", import.meta.url), "utf8")).toBe(generateArith());
});
