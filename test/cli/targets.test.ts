import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { decodeModel } from "../../src/codegen/index.ts";
import { striate } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-targets-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(
  join(folder, "net.ts"),
  `import { batchNorm2d, conv2d, defineModel, flatten, linear, logSoftmax, relu } from "striate";

export default defineModel({
  name: "Net",
  inputs: { image: ["N", 1, 6, 6] },
  forward({ image }) {
    const x = relu(batchNorm2d(conv2d(image, { outChannels: 4, kernelSize: 3, name: "conv1" }), { name: "bn1" }));
    return { logits: logSoftmax(linear(flatten(x), { outFeatures: 3, name: "fc" }), 1) };
  },
});
`,
);
const shape = "(1, 1, 6, 6)";
const header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117).concat("\n");
writeFileSync(
  join(folder, "image.npy"),
  Buffer.concat([Uint8Array.of(0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0), Buffer.from(header), new Uint8Array(144)]),
);
const compile = (output: string, ...args: readonly string[]) => striate(folder, "compile", "net.ts", "-o", output, ...args);

describe.concurrent("--target", () => {
  test("the files of onnxruntime-cpu are verified, run and summarised like others", async () => {
    const { stdout, stderr } = await compile("cpu.onnx", "--target", "onnxruntime-cpu", "--verify");
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^cpu\.onnx: 4 nodes, 1 of com\.microsoft 1 and the others ai\.onnx 18 \(6 before optimisation\)\n/);
    expect(stdout).toMatch(/ {2}fuse-for-target +same: largest relative error \d\.\de[+-]\d+ \(1 changes\)\n/);
    const { graph, opsetImport } = decodeModel(readFileSync(join(folder, "cpu.onnx")));
    expect(opsetImport?.map(({ domain, version }) => [domain ?? "", Number(version)])).toEqual([
      ["", 18],
      ["com.microsoft", 1],
    ]);
    expect(graph?.node?.[0]).toMatchObject({ opType: "FusedConv", domain: "com.microsoft" });
    const [summary, run] = await Promise.all([
      striate(folder, "summary", "cpu.onnx", "--json"),
      striate(folder, "run", "cpu.onnx", "--input", "image=image.npy", "--json"),
    ]);
    // 4 * 4 * 4 positions of 9 taps, and 64 * 3.
    expect(JSON.parse(summary.stdout).total.formulas.macs).toBe("768*N");
    expect([run.code, run.stderr]).toEqual([0, ""]);
  });

  test("what a target has no kernel of is told with the user's line", async () => {
    const { stdout } = await compile("half.onnx", "--target", "onnxruntime-cpu", "--float16", "--explain");
    expect(stdout).toContain("onnxruntime-cpu has no FusedConv of float16 (net.ts:7:15)");
  });

  test("an opset that the target does not take is refused with the one that it takes", async () => {
    const { code, stderr } = await compile("late.onnx", "--target", "browser", "--opset", "22");
    expect([code, stderr]).toEqual([
      1,
      "error[target-opset]: the target browser takes opset 21 at most, not 22\n  help: leave the opset out, or write 21 or less\n",
    ]);
  });

  test("another name is refused with the names there are", async () => {
    const { code, stderr } = await compile("none.onnx", "--target", "cuda");
    expect(code).toBe(2);
    expect(stderr).toContain('error: --target takes portable, onnxruntime-cpu, onnxruntime-cuda, browser, not "cuda"');
  });
});
