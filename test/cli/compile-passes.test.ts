import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { striate } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-passes-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(
  join(folder, "net.ts"),
  `import { batchNorm2d, conv2d, defineModel, flatten, linear, relu } from "striate";

export default defineModel({
  name: "Net",
  inputs: { image: ["N", 1, 6, 6] },
  forward({ image }) {
    const x = relu(batchNorm2d(conv2d(image, { outChannels: 4, kernelSize: 3, name: "conv1" }), { name: "bn1" }));
    return { logits: linear(flatten(batchNorm2d(x, { name: "bn2" })), { outFeatures: 3, name: "fc" }) };
  },
});
`,
);
/** A NumPy file of float32 zeros. */
function npy(shape: readonly number[]): Uint8Array {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`.padEnd(117).concat("\n");
  const magic = Uint8Array.of(0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0);
  return Buffer.concat([magic, Buffer.from(header), new Uint8Array(4 * shape.reduce((n, d) => n * d, 1))]);
}
const compile = (output: string, ...args: readonly string[]) => striate(folder, "compile", "net.ts", "-o", output, ...args);

describe.concurrent("passes on the command line", () => {
  test("--explain tells what each pass did, and --verify that the outputs stayed", async () => {
    const { stdout, stderr, code } = await compile("explained.onnx", "--explain", "--verify");
    expect([code, stderr]).toEqual([0, ""]);
    const lines = stdout.split("\n");
    expect(lines[0]).toBe("explained.onnx: 5 nodes, all ai.onnx 18 (6 before optimisation)");
    // A weight of 36 numbers and a bias of 4 for those of the convolution and four statistics of 4.
    expect(lines).toContain("  fuse-batch-norm                   1 applied, -1 nodes, -64 B");
    expect(stdout).toMatch(/ {2}fuse-batch-norm +same: largest relative error \d\.\de-\d+ \(1 changes\)\n/);
    expect(lines).toContain(`  verified at N=1; N=2; N=3; ${["1", "2", "3"].map((n) => `N=${n}, image[2]=7, image[3]=7`).join("; ")}`);
  });

  test("--until and --without leave passes out, and --print-after shows the graph", async () => {
    const { stdout, stderr } = await compile("until.onnx", "--until", "identity-removal", "--print-after", "fuse-batch-norm");
    expect([stdout, stderr]).toEqual(["until.onnx: 6 nodes, all ai.onnx 18\n", ""]);
    const without = await compile("without.onnx", "--without", "fuse-batch-norm", "--json");
    const passes = JSON.parse(without.stdout).passes.map(({ pass }: { readonly pass: string }) => pass);
    expect(passes).toContain("identity-removal");
    expect(passes).not.toContain("fuse-batch-norm");
    const printed = await compile("printed.onnx", "--print-after", "fuse-batch-norm");
    expect(printed.stderr).toMatch(/^after fuse-batch-norm:\nNet\(image: float32\[N, 1, 6, 6\]\) -> /);
    expect(printed.stderr).toContain('%bn1 = Conv "conv1"(image, conv1.weight.folded, conv1.bias.folded)');
  });

  test("a training graph is explained and verified too", async () => {
    const { stdout, code } = await compile("net.train.onnx", "--mode", "training", "--explain", "--verify");
    expect(code).toBe(0);
    expect(stdout).toMatch(/ {2}common-subexpression-elimination +\d+ applied, -\d+ nodes/);
    expect(stdout).toMatch(/ {2}verified at N=1; N=2; N=3; N=1, image\[2\]=7, image\[3\]=7; /);
  });

  test("a memory budget is met, or the least that can be is told", async () => {
    const training = (output: string, ...args: readonly string[]) => compile(output, "--mode", "training", "--memory-budget", ...args);
    const met = await training("met.onnx", "1MB", "--assume", "N=8");
    expect([met.code, met.stderr]).toEqual([0, ""]);
    expect(met.stdout).toMatch(/\n {2}needs \d+(\.\d+)? kB at a time, batch and state included; the budget is 1.0 MB\n$/);
    const missed = await training("missed.onnx", "10kB", "--shape", "image=8,1,6,6");
    expect(missed.stderr).toMatch(
      / the step needs at least 0\.\d MB, .*\n {2}help: raise the budget to \d+ bytes, or make the batch smaller\n$/,
    );
    expect([missed.code, existsSync(join(folder, "missed.onnx"))]).toEqual([1, false]);
  });

  test("--float16 converts all but what is kept, and is verified", async () => {
    const { stdout, stderr, code } = await compile("half.onnx", "--float16", "--keep-float32", "fc", "--explain", "--verify");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/ {2}to-float16 +4 applied, \+2 nodes, -\d+ B, 1 refused\n +fc: it is on the list of what stays in float32/);
    expect(stdout).toMatch(/ {2}to-float16 +same: largest relative error \d\.\de-[3-5] \(4 changes\)\n/);
    const training = await compile("half.train.onnx", "--float16", "--mode", "training");
    expect([training.code, training.stderr]).toEqual([2, "error: --float16 is for inference\n  help: leave out --mode training\n"]);
  });

  test("--bfloat16 says what stays in float32 and how to mend it", async () => {
    const here = await compile("short.onnx", "--bfloat16");
    expect([here.code, here.stderr]).toEqual([0, ""]);
    expect(here.stdout.split("\n").slice(1, 4)).toEqual([
      "  bfloat16 in 0 of 4 nodes",
      "    1 in float32: Conv takes bfloat16 from opset 22 on: compile with --opset 22",
      "    1 in float32: onnxruntime's CPU provider has no bfloat16 kernel of Relu: compile with --target onnxruntime-cuda, and run it there",
    ]);
    const both = await compile("both.onnx", "--bfloat16", "--float16");
    expect([both.code, both.stderr]).toEqual([2, "error: --float16 and --bfloat16 exclude each other\n  help: leave out one of them\n"]);
  });

  test("a model in bfloat16 is verified, and refused by the CPU with the user's line and a way out", async () => {
    const args = ["--bfloat16", "--keep-float32", "fc", "--opset", "22", "--target", "onnxruntime-cuda", "--verify"];
    const made = await compile("device.onnx", ...args);
    expect([made.code, made.stderr]).toEqual([0, ""]);
    // Eight bits in each of four layers.
    expect(made.stdout).toMatch(/ {2}to-bfloat16 +same: largest relative error \d\.\de-[23] \(4 changes\)\n/);
    writeFileSync(join(folder, "image.npy"), npy([1, 1, 6, 6]));
    const { code, stderr } = await striate(folder, "run", "device.onnx", "--input", "image.npy");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^net\.ts:7:\d+ error\[bfloat16-kernel\]: onnxruntime's cpu provider has no bfloat16 kernel of Conv, which "conv1" is\n/,
    );
    expect(stderr).toContain("help: run the model on cuda, or compile it without --bfloat16\n");
  });

  test("--image takes bytes, and the normalisation goes into the first convolution", async () => {
    const { stdout, code } = await compile("bytes.onnx", "--image", "image", "--mean", "0.5", "--std", "0.25", "--verify", "--json");
    expect(code).toBe(0);
    const { inputs, nodes, passes } = JSON.parse(stdout);
    expect([inputs, nodes]).toEqual([[{ name: "image", dtype: "uint8", shape: ["N", 6, 6, 1] }], 7]);
    expect(passes.find(({ pass }: { readonly pass: string }) => pass === "fold-input-norm").applied).toMatchObject([{ node: "conv1" }]);
    const alone = await compile("mean.onnx", "--mean", "0.5");
    expect([alone.code, alone.stderr]).toEqual([2, "error: --mean, --std and --resize are those of --image\n  help: add --image INPUT\n"]);
  });

  test("a pass that is not there is refused before anything is written", async () => {
    const { code, stderr } = await compile("none.onnx", "--without", "magic");
    expect(code).toBe(2);
    expect(stderr).toContain("error: --without takes split-fused, recognize-ops, shorten-sizes, dead-code-elimination, ");
    expect(existsSync(join(folder, "none.onnx"))).toBe(false);
  });
});
