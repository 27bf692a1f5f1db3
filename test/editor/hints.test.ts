/** Hints where types do not say the shape: the default of an editor whose TypeScript shows the types themselves. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Editor, startEditor } from "./client.ts";

let editor: Editor;
const elsewhere = mkdtempSync(join(tmpdir(), "striate-hints-"));
beforeAll(async () => {
  editor = await startEditor({ initializationOptions: { trusted: true, timeLimit: 20_000 } });
});
afterAll(async () => {
  await editor.quit();
  rmSync(elsewhere, { recursive: true });
});

const text = `import { conv2d, defineModel, flatten, linear, maxPool2d, relu, type Tensor } from "striate";

const config: { readonly head: number } = { head: 40 };
function block<S>(x: Tensor<S>) {
  return relu(conv2d(x, { outChannels: 16, kernelSize: 3, padding: 1 }));
}
export default defineModel({
  name: "Small",
  inputs: { input: ["N", 3, 32, 32] },
  forward({ input }) {
    const stem = block(input);
    let x: Tensor<(number | string)[]> = stem;
    for (const c of [32, 64, 64]) {
      x = maxPool2d(conv2d(x, { outChannels: c, kernelSize: 3, padding: 1 }), { kernelSize: 2 });
    }
    const wide = conv2d(stem, { outChannels: config.head, kernelSize: 1 });
    return { logits: linear(flatten(stem), { outFeatures: 10 }), wide, x };
  },
});
`;
const lines = async (buffer: ReturnType<Editor["open"]>): Promise<readonly string[]> =>
  (await Promise.all(buffer.text.split("\n").map((_, i) => buffer.line(i))))
    .filter((line) => line.includes("«"))
    .map((line) => line.trim());

test("lines that run several times, generic functions and open sizes have hints; what a type says has none", async () => {
  // A buffer that was never saved, in the checkout, where the type checker finds the package.
  const buffer = editor.open(join(import.meta.dirname, "unsaved-net.ts"), text);
  const found = await editor.until(async () => {
    const all = await lines(buffer);
    return all.some((line) => line.startsWith("const wide")) ? all : null;
  });
  expect(found).toEqual([
    "return relu(conv2d(x, { outChannels: 16, kernelSize: 3, padding: 1 }))« [N, 16, 32, 32]»;",
    "x«: 32x32x32 -> 32x16x16 | 64x16x16 -> 64x8x8 | 64x8x8 -> 64x4x4» = maxPool2d(conv2d(x, { outChannels: c, kernelSize: 3, padding: 1 })« 16x32x32 -> 32x32x32 | 32x16x16 -> 64x16x16 | 64x8x8 -> 64x8x8», { kernelSize: 2 });",
    "const wide«: [N, 40, 32, 32]» = conv2d(stem, { outChannels: config.head, kernelSize: 1 });",
  ]);
});

test("where the type checker cannot be asked, every shape is shown", async () => {
  const other = await startEditor({ folder: elsewhere, initializationOptions: { trusted: true, timeLimit: 20_000, typeErrors: "none" } });
  const buffer = other.open(join(elsewhere, "net.ts"), text);
  const found = await other.until(async () => {
    const all = await lines(buffer);
    return all.length > 3 ? all : null;
  });
  await other.quit();
  expect(found).toContain("const stem«: [N, 16, 32, 32]» = block(input);");
});
