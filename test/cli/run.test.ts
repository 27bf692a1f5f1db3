import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { striate } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-run-"));
afterAll(() => rmSync(folder, { recursive: true }));
const run = (...args: readonly string[]) => striate(folder, ...args);
writeFileSync(
  join(folder, "net.ts"),
  `import { conv2d, defineModel, adaptiveAvgPool2d, flatten } from "striate";
export default defineModel({
  name: "Net",
  inputs: { image: ["N", 3, 6, 6] },
  forward: ({ image }) => ({ logits: flatten(adaptiveAvgPool2d(conv2d(image, { outChannels: 3, kernelSize: 1, name: "conv" }), 1)) }),
});
`,
);
writeFileSync(join(folder, "labels.txt"), "cat\ndog\nowl\n");

test("a model that takes images of any size as bytes tells its likeliest classes by name", async () => {
  await sharp({ create: { width: 9, height: 7, channels: 3, background: "rgb(255, 128, 0)" } })
    .png()
    .toFile(join(folder, "orange.png"));
  const options = ["--image", "image", "--resize", "--softmax", "--top-k", "2", "--labels", "labels.txt"];
  expect(await run("compile", "net.ts", "-o", "net.onnx", ...options)).toEqual({
    code: 0,
    stderr: "",
    stdout: "net.onnx: 8 nodes, all ai.onnx 18 (9 before optimisation)\n",
  });
  const { stdout } = await run("run", "net.onnx", "--input", "orange.png", "--json");
  const [scores, classes] = JSON.parse(stdout)[0].outputs;
  expect(classes.shape).toEqual([1, 2]);
  const names = ["cat", "dog", "owl"];
  expect(scores.top).toEqual(scores.data.map((probability: number, i: number) => ({ class: names[classes.data[i]], probability })));
  expect(scores.data[0]).toBeGreaterThan(scores.data[1]);
  // The same image in the size and the numbers of the model gives the same answer.
  await run("compile", "net.ts", "-o", "plain.onnx");
  const plain = await run(
    "run",
    "plain.onnx",
    "--input",
    "orange.png",
    "--mean",
    "0,0,0",
    "--std",
    "1,1,1",
    "--labels",
    "labels.txt",
    "--json",
  );
  const [best, second] = JSON.parse(plain.stdout)[0].outputs[0].top;
  expect([best.class, second.class]).toEqual(scores.top.map((answer: { readonly class: string }) => answer.class));
  // The resizing adds a rounding.
  expect(scores.top[0].probability).toBeCloseTo(best.probability, 5);
}, 120_000);

test("what belongs to --image, and to inference, is refused without", async () => {
  expect((await run("compile", "net.ts", "-o", "x.onnx", "--resize")).stderr).toBe(
    "error: --mean, --std and --resize are those of --image\n  help: add --image INPUT\n",
  );
  expect((await run("compile", "net.ts", "-o", "x.onnx", "--mode", "training", "--top-k", "2")).stderr).toBe(
    "error: --top-k is for inference\n  help: leave out --mode training\n",
  );
}, 120_000);
