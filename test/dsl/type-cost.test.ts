/** What types cost, in instantiations, which do not depend on the machine, and how long a generic function may get. */
import { expect, test } from "vitest";
import { check, checkFiles } from "../support/check-types.ts";
import { longFunctions } from "../support/long-functions.ts";
import { compilers, networks, recordedCosts } from "../support/type-costs.ts";

const recorded = recordedCosts();

test.each(compilers)("%s: the networks cost what bench/types.json records", async (compiler) => {
  // TypeScript 6 takes seconds a file: two of them stand for all.
  const chosen = Object.entries(networks).filter(([name]) => compiler === "typescript" || name === "resnet50" || name === "inception-v3");
  for (const [name, file] of chosen) {
    const { errors, instantiations } = await checkFiles(compiler, ".", [file]);
    expect(errors, name).toEqual([]);
    expectCost(instantiations, recorded[compiler]?.[name], name);
  }
});
/** A tenth more than recorded is a regression; a fifth less asks for a new record (bench/types.ts --write). */
function expectCost(instantiations: number, known = Number.NaN, name = ""): void {
  expect(instantiations, name).toBeLessThan(1.1 * known);
  expect(instantiations, name).toBeGreaterThan(0.8 * known);
}

test.each(Object.entries(networks))("%s compiles with plain strict, as in a user's project", async (_, file) => {
  expect((await checkFiles("typescript", ".", [file], { plain: true })).errors).toEqual([]);
});

const long = longFunctions.map(({ what, n, of }) => [`${n} ${what}`, what, of(n)] as const);
test.each(long)("%s pass, their shape is exact, and they cost what is recorded", async (title, what, text) => {
  // TypeScript 6 takes seconds a check: the longest chain and the sum stand for all.
  for (const compiler of /^(?:120 conv|40 res)/.test(title) ? compilers : (["typescript"] as const)) {
    const { errors, instantiations } = await check(compiler, text);
    expect(errors).toEqual([]);
    if (compiler !== "typescript") continue;
    expectCost(instantiations, recorded["long functions"]?.[what], what);
    const wrong = text.replace(/\["N", (\d+), 56, 56\]\);$/, '["N", 63, 56, 56]);');
    expect((await check(compiler, wrong)).errors.join()).toContain("expectShape: the shape is [N, ");
  }
});
