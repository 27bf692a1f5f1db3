/** The package as its users' compilers see it. */
import { expect, test } from "vitest";
import { packageErrors } from "./support/check-types.ts";
import { compilers } from "./support/type-costs.ts";

test.each(compilers)("%s: the declarations need no types but ECMAScript's: neither the DOM's nor Node's", async (compiler) => {
  expect(await packageErrors(compiler)).toBe("");
});
