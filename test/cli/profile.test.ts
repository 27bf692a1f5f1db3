import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { striate } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-profile-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(
  join(folder, "net.ts"),
  `import { conv2d, defineModel, flatten, linear, maxPool2d, relu } from "striate";

export default defineModel({
  name: "Net",
  inputs: { image: ["N", 1, 12, 12] },
  forward: ({ image }) => {
    const x = maxPool2d(relu(conv2d(image, { outChannels: 8, kernelSize: 3, name: "stem.conv" })), { kernelSize: 2 });
    return linear(flatten(x), { outFeatures: 3, name: "fc" });
  },
});
export const open = defineModel({ name: "Open", inputs: { image: ["N", 1, "H", 12] }, forward: ({ image }) => relu(image) });
`,
);
const run = (...args: readonly string[]) => striate(folder, ...args);
interface Kernel {
  readonly layer: string;
  readonly op: string;
  readonly nodes: readonly string[];
  readonly location: string | null;
  readonly microseconds: number;
  readonly share: number;
  readonly flops: number;
  readonly bytes: number;
  readonly roof: object | null;
}

describe("profile", () => {
  test("--json has each node once, the user's lines, exact work, and shares that sum to one", async () => {
    const { code, stdout, stderr } = await run("profile", "net.ts", "--batch", "2", "--runs", "2", "--warmup", "1", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({
      name: "Net",
      mode: "inference",
      inputs: [{ name: "image", dtype: "float32", shape: [2, 1, 12, 12] }],
      runs: [expect.any(Number), expect.any(Number)],
      machine: { flops: expect.any(Number), bandwidth: expect.any(Number) },
    });
    const kernels: readonly Kernel[] = found.kernels;
    const names = [...kernels.flatMap((kernel) => kernel.nodes), ...found.folded];
    expect(names.toSorted()).toEqual(["fc", "flatten", "maxPool2d", "relu", "stem.conv"]);
    const conv = kernels.find((kernel) => kernel.nodes.includes("stem.conv"));
    // 2 x 8 x 10 x 10 outputs of 9 multiply-adds and a bias, and as many activations.
    expect(conv).toMatchObject({ layer: "stem.conv", op: "Conv+Relu", location: "net.ts:7:30", flops: 1600 * (2 * 9 + 1 + 1) });
    expect(conv?.bytes).toBe(4 * (288 + 72 + 8 + 1600));
    const shares = (rows: readonly { readonly share: number }[]): number => rows.reduce((sum, { share }) => sum + share, 0);
    // Sums of floats.
    expect(shares(found.rows)).toBeCloseTo(1, 9);
    expect(shares(kernels) + (found.betweenKernels + found.tensorsInAndOut) / found.microseconds).toBeCloseTo(1, 9);
    for (const { roof, microseconds } of kernels) {
      if (microseconds > 0)
        expect(roof).toEqual({
          intensity: expect.any(Number),
          bound: expect.stringMatching(/^(compute|memory)$/),
          reached: expect.any(Number),
        });
    }
  });

  test("the table groups by scope, with what is around the kernels in rows of its own", async () => {
    const { code, stdout } = await run("profile", "net.ts", "--runs", "1", "--depth", "1", "--no-roofline");
    expect(code).toBe(0);
    const rows = stdout.split("\n").map((line) => line.split(/ {2,}/)[0]);
    expect(rows.filter((row) => row !== "changes of layout").slice(0, 9)).toEqual([
      "Net, inference, image float32[1, 1, 12, 12]",
      "layer",
      "stem",
      "maxPool2d",
      "flatten",
      "fc",
      "between kernels",
      "tensors in and out",
      expect.stringMatching(/^total [\d.]+ ms in \d kernels, the mean of 1 runs$/),
    ]);
    expect(stdout).toContain("net.ts:7:30");
    expect(stdout).not.toContain("bound");
  });

  test("a training step has forward, backward and update of each layer; the page loads nothing", async () => {
    const { code, stdout, stderr } = await run(
      "profile",
      "net.ts",
      "--mode",
      "training",
      "--runs",
      "1",
      "--no-roofline",
      "--html",
      "flame.html",
      "--json",
    );
    expect([code, stderr]).toEqual([0, ""]);
    const labels: readonly string[] = JSON.parse(stdout).rows.map((row: { readonly label: string }) => row.label);
    for (const label of ["stem.conv", "stem.conv (backward)", "stem.conv.weight (update)", "fc (backward)"])
      expect(labels).toContain(label);
    const page = readFileSync(join(folder, "flame.html"), "utf8");
    expect(page).toContain("default-src &#39;none&#39;");
    expect(page.replaceAll("http://www.w3.org/", "")).not.toMatch(/https?:\/\//);
    for (const phase of ["forward", "backward", "update"]) expect(page).toContain(`>${phase}</button>`);
  });

  test.each([
    [["profile", "net.ts", "--loss", "mse"], 2, "error: --loss is for training\n  help: add --mode training\n"],
    [
      ["profile", "net.ts#open"],
      1,
      'error[unknown-size]: input "image" is float32[N, 1, H, 12], which leaves H open\n  help: give its size with --shape image=1,1,64,12\n',
    ],
  ])("%s fails", async (args, code, stderr) => {
    expect(await run(...args)).toEqual({ code, stdout: "", stderr });
  });
});

describe("memory", () => {
  test("tells the bound, the plan and what was measured, and lists the tensors with their lines", async () => {
    const { code, stdout, stderr } = await run("memory", "net.ts", "--batch", "4", "--measure", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const found = JSON.parse(stdout);
    // The convolution's output and the activation's, 4 x 8 x 10 x 10 floats each.
    expect(found.liveness).toMatchObject({ bytes: 2 * 12_800, node: "relu" });
    expect(found.liveness.alive).toMatchObject([
      { name: "stem.conv", dtype: "float32", shape: [4, 8, 10, 10], bytes: 12_800, location: "net.ts:7:30", lastReadBy: "relu" },
      { name: "relu", bytes: 12_800, location: "net.ts:7:25", lastReadBy: "maxPool2d" },
    ]);
    // Fused, the activation is written once, and the pool's output stands beside it.
    expect(found.onnxruntime).toMatchObject({ bytes: 12_800 + 4 * 4 * 8 * 25, unknownSizes: 0 });
    expect(found.measured).toBe(found.onnxruntime.bytes);
  });

  test("for training, what backward keeps is listed", async () => {
    const { code, stdout } = await run("memory", "net.ts", "--mode", "training", "--top", "2");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Net, training, image float32\[1, 1, 12, 12\], target int64\[1\]/);
    expect(stdout).toMatch(/^kept for backward +[\d.]+ k?B +\d+ values$/m);
    expect(stdout).toContain("alive at the peak of liveness");
  });
});
