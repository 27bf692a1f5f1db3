/**
 * What types cost: `npx tsx bench/types.ts [--write]` type-checks networks with exact sizes under both compilers, and functions of a
 * hundred layers, and times the way from a keystroke to its diagnostics. Instantiations do not depend on the machine: bench/types.json holds them, `--write`
 * renews it, and test/dsl/type-cost.test.ts compares.
 */
import { writeFileSync } from "node:fs";
import { check, checkFiles } from "../test/support/check-types.ts";
import { longFunctions } from "../test/support/long-functions.ts";
import { compilers, costFile, networks, type TypeCosts } from "../test/support/type-costs.ts";
import { keystrokes } from "./keystrokes.ts";

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const costs: Record<string, Record<string, number>> = {};
console.log("compiler     network         instantiations     types  check s  memory MB");
for (const compiler of compilers) {
  for (const [name, file] of Object.entries(networks)) {
    const runs = [];
    for (let i = 0; i < 3; i++) runs.push(await checkFiles(compiler, ".", [file]));
    const [{ instantiations, types, errors } = { instantiations: 0, types: 0, errors: ["no run"] }] = runs;
    const [seconds, megabytes] = [median(runs.map((r) => r.seconds)), median(runs.map((r) => r.megabytes))];
    const row = [
      compiler.padEnd(12),
      name.padEnd(15),
      `${instantiations}`.padStart(14),
      `${types}`.padStart(9),
      seconds.toFixed(3).padStart(8),
    ];
    console.log(`${row.join(" ")} ${`${megabytes}`.padStart(10)}${errors.length === 0 ? "" : `  ${errors.join("; ")}`}`);
    costs[compiler] = { ...costs[compiler], [name]: instantiations };
  }
}
for (const { what, n, of } of longFunctions) {
  const { instantiations, seconds, errors } = await check("typescript", of(n));
  console.log(`typescript   ${n} ${what}: ${instantiations} instantiations, ${seconds} s${errors.map((error) => `  ${error}`).join("")}`);
  costs["long functions"] = { ...costs["long functions"], [what]: instantiations };
}
const times = await keystrokes(networks["resnet50"], 24);
console.log(`from keystroke to diagnostics in resnet50: first ${times[0]?.toFixed(0)} ms, median ${median(times.slice(1)).toFixed(0)} ms`);
if (process.argv.includes("--write")) writeFileSync(costFile, `${JSON.stringify(costs satisfies TypeCosts, null, 2)}\n`);
