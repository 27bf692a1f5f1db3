/**
 * How long the language server takes from an edit of ResNet-50 to its answers, as a client over standard input and output sees it:
 * each edit changes the size of the images and so every shape, and every other one breaks a layer.
 * Run: npx tsx bench/editor.ts
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { startEditor } from "../test/editor/client.ts";

const rounds = 24;
const file = resolve(import.meta.dirname, "../models/resnet.ts");
// The size of the images stands in the file's last line, so that an edit of the benchmark's does not depend on how the model reads it.
const text = readFileSync(file, "utf8").replace(/export default \w+;/, "export default () => resnet50({ imageSize: 224 });");
const sound = "{ outFeatures: numClasses";
const faulty = "{ inFeatures: 7, outFeatures: numClasses";
if (!text.includes("imageSize: 224 }") || !text.includes(sound))
  throw new Error("models/resnet.ts has changed: the benchmark finds no place for its edits");
const start = performance.now();
const editor = await startEditor();
const buffer = editor.open(file, text);
await buffer.diagnostics(() => true);
const first = performance.now() - start;

const times: { readonly hints: number; readonly diagnostics: number }[] = [];
for (let i = 1; i <= rounds; i++) {
  const broken = i % 2 === 1;
  const size = 224 + 32 * (i % 5);
  const last = buffer.text.lastIndexOf("imageSize: ") + "imageSize: ".length;
  buffer.edit(last, last + 3, String(size));
  const [from, to] = broken ? [sound, faulty] : [faulty, sound];
  const bottleneck = buffer.text.lastIndexOf(from);
  const begin = performance.now();
  buffer.edit(bottleneck, bottleneck + from.length, to);
  const hints = editor
    .until(async () => ((await buffer.hints()).some((h) => h.label.includes(`, ${size / 32}, ${size / 32}]`)) ? true : null))
    .then(() => performance.now() - begin);
  // The broken layer is one that the type checker reports too, so that both answers have to be there before anything can be said.
  await buffer.diagnostics(() => true);
  times.push({ hints: await hints, diagnostics: performance.now() - begin });
}
await editor.quit();

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const shown = (label: string, values: readonly number[]): string =>
  `${label.padEnd(36)}best ${Math.min(...values).toFixed(0)} ms, median ${median(values).toFixed(0)} ms, worst ${Math.max(...values).toFixed(0)} ms`;
console.log(`start of the server to the first answer: ${first.toFixed(0)} ms`);
console.log(
  shown(
    "edit to shapes (hints)",
    times.map((t) => t.hints),
  ),
);
console.log(
  shown(
    "edit to diagnostics, types included",
    times.map((t) => t.diagnostics),
  ),
);
