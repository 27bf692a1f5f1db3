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
const compile = (output: string, ...args: readonly string[]) => striate(folder, "compile", "net.ts", "-o", output, ...args);

describe.concurrent("passes on the command line", () => {
  test("--explain tells what each pass did, and --verify that the outputs stayed", async () => {
    const { stdout, stderr, code } = await compile("explained.onnx", "--explain", "--verify");
    expect([code, stderr]).toEqual([0, ""]);
    const lines = stdout.split("\n");
    expect(lines[0]).toBe("explained.onnx: 5 nodes, all ai.onnx 18 (6 before optimisation)");
    // A weight of 36 numbers and a bias of 4.
    expect(lines).toContain("  fuse-batch-norm                   1 applied, -1 nodes, +160 B");
    expect(stdout).toMatch(/ {2}fuse-batch-norm +same: largest relative error \d\.\de-\d+ \(1 changes\)\n/);
    expect(lines).toContain("  verified at N=1; N=2; N=3");
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
    expect(stdout).toMatch(/verified at N=1; N=2; N=3\n$/);
  });

  test("a pass that is not there is refused before anything is written", async () => {
    const { code, stderr } = await compile("none.onnx", "--without", "magic");
    expect(code).toBe(2);
    expect(stderr).toContain("error: --without takes dead-code-elimination, ");
    expect(existsSync(join(folder, "none.onnx"))).toBe(false);
  });
});
