import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createSession, GraphBuilder, parseModel, parseTrainingManifest, readSafetensors, writeModel } from "../../src/index.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";
import { striate } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
writeFileSync(
  at("net.ts"),
  `import { conv2d, defineModel, flatten, linear, relu } from "striate";
import { kernelSize } from "./sizes.ts";

export default function net({ channels = 4, classes = 3 }: { channels?: number; classes?: number } = {}) {
  return defineModel({
    name: "Net",
    inputs: { image: ["N", 1, 6, 6] },
    forward: ({ image }) => linear(flatten(relu(conv2d(image, { outChannels: channels, kernelSize, name: "conv1" }))), { outFeatures: classes, name: "fc" }),
  });
}
`,
);
writeFileSync(at("sizes.ts"), "export const kernelSize: number = 3;\n");
const run = (...args: readonly string[]) => striate(folder, ...args);

describe.concurrent("commands", () => {
  test("summary lists layers with shapes, parameters, MACs and receptive fields", async () => {
    expect(await run("summary", "net.ts", "--set", "channels=2")).toEqual({
      code: 0,
      stderr: "",
      stdout: `layer    op       output               parameters  MACs  receptive field
image             float32[N, 1, 6, 6]
conv1    Conv     float32[N, 2, 4, 4]          20   288  3x3, stride 1
relu     Relu     float32[N, 2, 4, 4]                    3x3, stride 1
flatten  Flatten  float32[N, 32]                         whole input
fc       Gemm     float32[N, 3]                99    96  whole input
total 119 parameters (476 B), 384 MACs and 67 other operations per image
272 B of activations at the peak
other operations: 35 bias, 32 activation
MACs: multiply-adds of convolutions and matrix products, attention's two included; 835 FLOPs at 2 for each MAC and 1 for every other operation
`,
    });
  });

  test("summary --json has the same numbers", async () => {
    const { stdout } = await run("summary", "net.ts", "--json");
    const { total, layers } = JSON.parse(stdout);
    expect(total).toMatchObject({ parameters: 40 + 195, macs: 576 + 192, perImage: true });
    expect(layers[0]).toMatchObject({ name: "conv1", op: "Conv", receptiveField: [{ kind: "window", size: 3, stride: 1, start: 0 }, {}] });
  });

  test("receptive-field answers for one value", async () => {
    const { stdout } = await run("receptive-field", "net.ts", "--value", "relu", "--json");
    const window = { kind: "window", size: 3, stride: 1, start: 0, padding: 0 };
    expect(JSON.parse(stdout)).toEqual([
      { value: "relu", type: { dtype: "float32", shape: ["N", 4, 4, 4] }, input: "image", axes: [window, window] },
    ]);
  });

  test("print shows the graph, as text and as JSON", async () => {
    const [text, json] = await Promise.all([run("print", "net.ts"), run("print", "net.ts", "--json", "--shape", "image=2,1,6,6")]);
    expect(text.stdout).toContain("%conv1 = Conv(image, conv1.weight, conv1.bias)");
    const graph = JSON.parse(json.stdout);
    expect(graph.nodes.map((node: { opType: string }) => node.opType)).toEqual(["Conv", "Relu", "Flatten", "Gemm"]);
    expect(graph.nodes[0].location).toEqual({ file: at("net.ts"), line: 8, column: 49 });
    expect(graph.values).toContainEqual({ name: "conv1", dtype: "float32", shape: [2, 4, 4, 4] });
  });

  test("compile writes an inference model that onnxruntime runs, in the opset and with the shape asked for", async () => {
    const made = await run("compile", "net.ts", "-o", "net.onnx", "--opset", "17", "--shape", "image=1,1,6,6", "--seed", "3");
    expect(made).toEqual({ code: 0, stderr: "", stdout: "net.onnx: 4 nodes, all ai.onnx 17\n" });
    const parsed = parseModel(readFileSync(at("net.onnx")));
    expect([parsed.opset, parsed.graph.inputs[0]?.type.shape]).toEqual([17, [1, 1, 6, 6]]);
    const session = await createSession(at("net.onnx"));
    const outputs = await session.run({ image: tensorFrom("float32", [1, 1, 6, 6], Array<number>(36).fill(0.5)) });
    expect(Object.values(outputs)[0]?.shape).toEqual([1, 3]);
    await session.dispose();
  });

  test("a file of a newer opset than the default one stays in it: its ops may need it", async () => {
    const b = new GraphBuilder("newer");
    b.output(b.add("Gelu", [b.input("x", { dtype: "float32", shape: ["N", 3] })]), "y");
    writeFileSync(at("newer.onnx"), writeModel(b.build(), { opset: 20 }));
    const opsetAndOps = (file: string) => {
      const { opset, graph } = parseModel(readFileSync(at(file)));
      return [opset, ...graph.nodes.map((node) => node.opType)];
    };
    for (const [command, ...options] of [["compile"], ["compile", "--opset", "18"], ["grad"]]) {
      const { code, stderr } = await run(command ?? "", "newer.onnx", "-o", `${command}${options.length}.onnx`, ...options);
      expect([code, stderr]).toEqual([0, ""]);
    }
    expect(opsetAndOps("compile0.onnx")).toEqual([20, "Gelu"]);
    expect(opsetAndOps("compile2.onnx")).toEqual([18, "Mul", "Erf", "Add", "Mul", "Mul"]);
    expect(opsetAndOps("grad0.onnx")[0]).toBe(20);
  });

  test("compile --mode training writes a graph with its manifest, and the initial state beside it", async () => {
    const options = [
      "--mode",
      "training",
      "--optimizer",
      "sgd",
      "--momentum",
      "0.9",
      "--label-smoothing",
      "0.1",
      "--freeze",
      "conv1.*",
      "--emit-gradients",
    ];
    const { code, stdout } = await run("compile", "net.ts", "-o", "net.train.onnx", ...options);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^net\.train\.onnx: \d+ nodes, all ai\.onnx 18; reads a batch, targets, learning_rate(, step)?, 6 state tensors; initial state in net\.train\.safetensors\n$/,
    );
    const { graph, metadata } = parseModel(readFileSync(at("net.train.onnx")));
    const manifest = parseTrainingManifest(metadata.get("striate.training") ?? "");
    const { tensors } = await readSafetensors(at("net.train.safetensors"));
    expect([...tensors.keys()].sort()).toEqual(manifest.state.map((row) => row.name).sort());
    const outputs = graph.outputs.map((value) => value.name);
    expect(outputs).toContain("fc.weight.grad");
    expect(outputs).not.toContain("conv1.weight.grad");
  });

  test("weights go from a file into a model, and those that do not fit are listed together", async () => {
    await run("compile", "net.ts", "-o", "w.onnx", "--mode", "training", "--optimizer", "adam", "--seed", "9");
    // The optimizer's tensors in the file are not weights.
    const good = await run("compile", "net.ts", "-o", "good.onnx", "--weights", "w.safetensors");
    expect(good.code).toBe(0);
    const bad = await run("compile", "net.ts", "-o", "bad.onnx", "--weights", "w.safetensors", "--set", "classes=5");
    expect(bad.code).toBe(1);
    expect(bad.stderr).toMatch(/fc\.weight is float32\[3, 64\], wanted float32\[5, 64\]/);
    expect(bad.stderr).toMatch(/fc\.bias is float32\[3\], wanted float32\[5\]/);
  });

  test("grad adds cotangents and gradients to a file", async () => {
    await run("compile", "net.ts", "-o", "forward.onnx");
    const { code, stdout } = await run("grad", "forward.onnx", "-o", "backward.onnx", "--wrt", "image,fc.bias", "--json");
    expect(code).toBe(0);
    const { inputs, outputs } = JSON.parse(stdout);
    expect(inputs.map((v: { name: string }) => v.name)).toEqual(["image", "output.cotangent"]);
    expect(outputs.map((v: { name: string }) => v.name)).toEqual(["output", "image.grad", "fc.bias.grad"]);
    const session = await createSession(at("backward.onnx"));
    const cotangent = tensorFrom("float32", [1, 3], [1, 2, 3]);
    const gradients = await session.run({
      image: tensorFrom("float32", [1, 1, 6, 6], Array<number>(36).fill(1)),
      "output.cotangent": cotangent,
    });
    expect(gradients["fc.bias.grad"]?.data).toEqual(Float32Array.of(1, 2, 3));
    await session.dispose();
  });

  test("doctor tries the CPU and passes", async () => {
    const { code, stdout } = await run("doctor", "--json");
    expect(code).toBe(0);
    const { providers, works } = JSON.parse(stdout);
    expect(works).toBe(true);
    expect(providers[0]).toMatchObject({ name: "cpu", inference: { works: true }, training: { works: true } });
  });
});
