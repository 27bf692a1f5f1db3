/**
 * The shape in the type, the shape the graph infers and the shape onnxruntime returns, over thousands of random calls of layers:
 * `npx tsx bench/types-property.ts [calls] [seed]`. Exits with 1 where two of them differ. test/dsl/shapes.test.ts asks a few hundred.
 */
import { compiledCalls, executed, randomCalls } from "../test/support/shape-agreement.ts";

const [count, seed] = [Number(process.argv[2] ?? 4000), Number(process.argv[3] ?? 1)];
const calls = randomCalls(count, seed);
const wrong: string[] = [];
for (const one of calls) {
  const { actual, wanted } = await executed(one);
  if (JSON.stringify(actual) !== JSON.stringify(wanted)) {
    wrong.push(`${one.call.text} on ${JSON.stringify(one.call.inputs)}: onnxruntime returns [${actual}], the graph says [${wanted}]`);
  }
}
for (const compiler of ["typescript", "typescript6"]) {
  const lines = await compiledCalls(compiler, calls);
  const open = lines.filter((line) => line.startsWith("export const e")).length;
  const wrongTypes = lines.filter((line) => !line.startsWith("export const e"));
  wrong.push(...wrongTypes.map((line) => `${compiler}: ${line}`));
  console.log(`${compiler}: ${calls.length} calls, ${calls.length - open} exact, ${open} open in their type, ${wrongTypes.length} wrong`);
}
console.log(`onnxruntime: ${calls.length} calls, ${wrong.length} disagreements in all`);
for (const line of wrong) console.log(line);
process.exit(wrong.length === 0 ? 0 : 1);
