/**
 * What a function of many layers costs as it grows, and where the checker gives up (TS2589, "excessively deep"):
 * `npx tsx bench/types-limits.ts [typescript6] [CONSTRUCT]`. Each construct grows from half of what has to pass to twice as much; one
 * that fails on the way is told with the longest that passes.
 */
import { type Checked, check } from "../test/support/check-types.ts";
import { longFunctions } from "../test/support/long-functions.ts";

const compiler = process.argv[2] ?? "typescript";
const only = process.argv[3] ?? "";
const passes = ({ errors }: Checked): boolean => errors.length === 0;

for (const { what, n, of } of longFunctions) {
  if (!what.includes(only)) continue;
  const costs: string[] = [];
  let [good, bad] = [0, Number.POSITIVE_INFINITY];
  for (const length of [n / 2, n, 2 * n]) {
    const checked = await check(compiler, of(length));
    if (!passes(checked)) {
      bad = length;
      break;
    }
    good = length;
    costs.push(`${length}: ${checked.instantiations} in ${checked.seconds.toFixed(2)} s`);
  }
  while (bad < Number.POSITIVE_INFINITY && bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (passes(await check(compiler, of(middle)))) good = middle;
    else bad = middle;
  }
  console.log(
    `${compiler}: ${what}: ${good}${bad === Number.POSITIVE_INFINITY ? " or more" : ""} pass; instantiations ${costs.join(", ")}`,
  );
}
