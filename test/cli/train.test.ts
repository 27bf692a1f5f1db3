import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSafetensors } from "../../src/index.ts";
import { striate } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-train-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const run = (...args: readonly string[]) => striate(folder, ...args);

/** Noisy images of three colours, in folders of train/ and val/. */
const colours = { blue: [20, 40, 220], green: [30, 200, 40], red: [220, 30, 30] } as const;
beforeAll(async () => {
  for (const [part, count] of [
    ["train", 12],
    ["val", 4],
  ] as const) {
    for (const [name, colour] of Object.entries(colours)) {
      mkdirSync(at(`data/${part}/${name}`), { recursive: true });
      for (let i = 0; i < count; i++) {
        const pixels = Uint8Array.from({ length: 10 * 8 * 3 }, (_, k) => (colour[k % 3] ?? 0) + ((k * 7919 + i * 104729) % 31));
        await sharp(pixels, { raw: { width: 10, height: 8, channels: 3 } })
          .png()
          .toFile(at(`data/${part}/${name}/${i}.png`));
      }
    }
  }
  writeFileSync(
    at("net.ts"),
    `import { conv2d, defineModel, dropout, flatten, linear, maxPool2d, relu } from "striate";
export default ({ classes = 3, size = 8 } = {}) => defineModel({
  name: "Colours",
  inputs: { image: ["N", 3, size, size] },
  forward({ image }) {
    const x = maxPool2d(relu(conv2d(image, { outChannels: 4, kernelSize: 3, name: "conv1" })), { kernelSize: 2 });
    return { logits: linear(dropout(flatten(x), 0.1), { outFeatures: classes, name: "fc" }) };
  },
});
`,
  );
});
const options = ["net.ts", "--data", "data", "--batch-size", "8", "--lr", "0.02", "--schedule", "cosine", "--seed", "4"];

test("a run trains on folders of images, and leaves a model that knows its classes, and a report", async () => {
  const { code, stdout, stderr } = await run("train", ...options, "--epochs", "3", "--run", "whole", "--json");
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(
    /^training Colours on data\/train: 36 images, on cpu\nepoch 1\/3 {2}loss \S+ {2}accuracy \S+ % {2}validation loss /,
  );
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ model: "whole/model.onnx", report: "whole/report.html", accuracy: 1 });
  expect(result.history).toHaveLength(3);
  const answer = await run("run", result.model, "--input", "data/val/red/1.png", "--input", "data/val/blue/0.png", "--json");
  const top = JSON.parse(answer.stdout).map((r: { outputs: [{ top: [{ class: string }] }] }) => r.outputs[0].top[0].class);
  expect(top).toEqual(["red", "blue"]);
  const page = readFileSync(at(result.report), "utf8");
  expect(page).toContain("<h1>Colours</h1>");
  expect(page).toContain("conv1");
});

test("a run that is made longer ends where one of that length from the beginning does", async () => {
  // A constant rate: a schedule stretches over the length of the run.
  const constant = [...options.slice(0, 7), "--seed", "4"];
  expect((await run("train", ...constant, "--epochs", "1", "--run", "short")).code).toBe(0);
  const [longer, whole] = await Promise.all([
    run("train", "--resume", "short", "--epochs", "2"),
    run("train", ...constant, "--epochs", "2", "--run", "two"),
  ]);
  expect([longer.code, whole.code], longer.stderr + whole.stderr).toEqual([0, 0]);
  const [a, b] = await Promise.all([
    readSafetensors(at("short/checkpoint.safetensors")),
    readSafetensors(at("two/checkpoint.safetensors")),
  ]);
  expect(a.tensors).toEqual(b.tensors);
  // The checkpoint is also a file of weights.
  expect((await run("compile", "net.ts", "--weights", "two/checkpoint.safetensors", "-o", "again.onnx")).code).toBe(0);
});

test("data that do not fit the model, and a run's folder that is in use, are the user's errors", async () => {
  mkdirSync(at("used"), { recursive: true });
  writeFileSync(at("used/checkpoint.safetensors"), "");
  const runs = await Promise.all([
    run("train", ...options, "--set", "classes=2"),
    run("train", "net.ts", "--data", "mnist", "--set", "size=28"),
    run("train", ...options, "--run", "used"),
    run("train", "--resume", "nowhere"),
    run("train", "net.ts"),
  ]);
  expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual([
    [
      1,
      `error[data]: data/train has 3 classes, the model's output "logits" has 2\n  help: make the model for 3 classes, as in --set numClasses=3\n`,
    ],
    [
      1,
      `error[data]: MNIST train has images 1x28x28, the model's input "image" wants 3x28x28\n  help: set the model's size with --set or --shape\n`,
    ],
    [1, "error[run-folder]: used holds another run already\n  help: give another --run, or go on with it: striate train --resume used\n"],
    [1, "error[run-file]: nowhere: there is no run in it\n  help: a run's folder has a file run.json\n"],
    [2, "error: --data is missing\n  help: give mnist, or a folder with one folder of images per class\n"],
  ]);
});
