/** The language server as an editor meets it: the real process, real model files, over standard input and output. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Editor, startEditor } from "./client.ts";

let editor: Editor;
const folder = mkdtempSync(join(tmpdir(), "striate-editor-"));
beforeAll(async () => {
  editor = await startEditor();
});
afterAll(async () => {
  await editor.quit();
  rmSync(folder, { recursive: true });
});

/** A small model whose `forward` has the given lines. */
const model = (
  body: string,
  names = "conv2d, flatten, linear, maxPool2d, relu",
): string => `import { ${names}, defineModel } from "striate";

export default defineModel({
  name: "Small",
  inputs: { input: ["N", 3, 32, 32] },
  forward({ input }) {
${body}
  },
});
`;
/** Waits for the first hints of a buffer, and gives the lines that have one. */
const hinted = async (
  buffer: ReturnType<Editor["open"]>,
  fits: (lines: readonly string[]) => boolean = () => true,
): Promise<readonly string[]> =>
  editor.until(async () => {
    const lines = await Promise.all(buffer.text.split("\n").map((_, i) => buffer.line(i)));
    const found = lines.filter((line) => line.includes("«")).map((line) => line.trim());
    return found.length > 0 && fits(found) ? found : null;
  });

test("hints in ResNet tell every shape, and the sequence of shapes where a line runs often", async () => {
  const resnet = editor.open("models/resnet.ts");
  await hinted(resnet);
  const hints = await resnet.hints();
  const behind = (text: string): readonly string[] => {
    const end = resnet.find(text).character + text.length;
    return hints.filter(({ position }) => position.line === resnet.find(text).line && position.character === end).map((h) => h.label);
  };
  expect(behind("const x4")).toEqual([": [N, 512, 7, 7]"]);
  expect(hints.map((h) => h.label)).toContain(" 64x56x56 -> 128x28x28 | 128x28x28 -> 256x14x14 | 256x14x14 -> 512x7x7");
  expect(hints.find((h) => h.label.endsWith("and 3 more"))?.tooltip).toBe(
    [
      "[N, 64, 56, 56] -> [N, 64, 56, 56] x4",
      "[N, 64, 56, 56] -> [N, 128, 28, 28]",
      "[N, 128, 28, 28] -> [N, 128, 28, 28] x3",
      "[N, 128, 28, 28] -> [N, 256, 14, 14]",
      "[N, 256, 14, 14] -> [N, 256, 14, 14] x3",
      "[N, 256, 14, 14] -> [N, 512, 7, 7]",
      "[N, 512, 7, 7] -> [N, 512, 7, 7] x3",
    ].join("\n"),
  );
});

test("hover tells the sum behind the size, parameters, MACs, receptive field and the ONNX op", async () => {
  const resnet = editor.open("models/resnet.ts");
  await hinted(resnet);
  const at = resnet.find("conv2d(", "function stem");
  const text = await editor.until(async () => {
    const found = await resnet.hover(at);
    return found?.includes("receptive field") === true ? found : null;
  });
  expect(text.split("\n").slice(0, 9)).toEqual([
    "**conv2d** `conv1`",
    "",
    "`[N, 3, 224, 224] -> [N, 64, 112, 112]`",
    "",
    "- `112 = floor((224 + 2*3 - 7) / 2) + 1`",
    "- parameters: 9 408",
    "- MACs: 118 013 952",
    "- receptive field: 7x7, stride 2",
    "- ONNX: Conv",
  ]);
});

test("a lens above each model has its figures, and a click gives its page", async () => {
  const resnet = editor.open("models/resnet.ts");
  const lenses = await editor.until(async () => {
    const found = await resnet.lenses();
    return found.length > 0 ? found : null;
  });
  const fifty = lenses.find((lens) => resnet.text.split("\n")[lens.range.start.line]?.includes("const resnet50 ="));
  // 25,557,032 parameters and 4,089,184,256 multiply-adds, as torchvision publishes them; 427 pixels as Araujo et al. (2019) would count
  // with the stride on the 3x3 convolution.
  expect(fifty?.command.title).toBe(
    "25.6 M parameters | 4.09 G MACs | 9.63 MB of activations for one image | receptive field 427x427, stride 32",
  );
  const first = lenses.find((lens) => lens.command.arguments[1] === "resnet18");
  const page = String(await editor.execute("striate.summary", first?.command.arguments ?? []));
  expect(page).toContain("# ResNet-18\n");
  expect(page).toContain("| conv1 | Conv | [N, 64, 112, 112] | 9408 | 118013952 | 7x7, stride 2 |");
});

test("what the type checker says already is not said again, and its quick fix is there", async () => {
  const buffer = editor.open("test/mistakes/simple-cnn.ts");
  expect(await buffer.diagnostics(() => true)).toEqual([]);
  const at = buffer.find("inFeatures");
  const actions = await buffer.actions({ start: at, end: at });
  expect(actions.map((a) => a.title)).toEqual(["Set inFeatures to 2048", "Remove inFeatures: it is inferred"]);
  const [set] = actions;
  if (set !== undefined) buffer.apply(set);
  expect(buffer.text).toContain("{ inFeatures: 2048, outFeatures: 10");
  await hinted(buffer, (lines) => lines.some((l) => l.includes("[N, 10]")));
});

test("a fault in a generic block whose result is thrown away, which types pass, is shown at its argument and goes when it is mended", async () => {
  const text = model("    block(input, 32);\n    return relu(input);", "add, conv2d, relu, type Tensor").replace(
    "export default",
    "function block<S>(x: Tensor<S>, channels: number) {\n  return add(conv2d(x, { outChannels: channels, kernelSize: 3, padding: 1 }), x);\n}\n\nexport default",
  );
  const buffer = editor.open(join(folder, "thrown-away.ts"), text);
  const [found] = await buffer.diagnostics((all) => all.some((d) => d.severity === 1));
  expect(found?.message).toBe(
    "add: axis 1: 32 and 3 differ\nhelp: the shapes are [N, 32, 32, 32] and [N, 3, 32, 32]: sizes must be equal, or one of them 1",
  );
  if (found === undefined) return;
  expect(buffer.at(found.range)).toBe("x");
  expect(found.relatedInformation?.map((r) => r.message)).toEqual([
    "input 1 comes from conv2d, float32[N, 32, 32, 32]",
    'input 2 comes from the model\'s input "input", float32[N, 3, 32, 32]',
  ]);
  const actions = await buffer.actions(found.range);
  expect(actions.map((a) => a.title)).toEqual(["Insert a 1x1 convolution to 32 channels"]);
  const [insert] = actions;
  if (insert !== undefined) buffer.apply(insert);
  expect(buffer.text).toContain("padding: 1 }), conv2d(x, { outChannels: 32, kernelSize: 1 }));");
  await buffer.diagnostics((all) => all.every((d) => d.severity !== 1));
});

test("a syntax error leaves the last good shapes in place and says so", async () => {
  const buffer = editor.open(
    join(folder, "syntax.ts"),
    model("    const x = conv2d(input, { outChannels: 16, kernelSize: 3 });\n    return flatten(x);"),
  );
  await hinted(buffer);
  buffer.replace("    const x", "    // A line more.\n    const x");
  buffer.replace("outChannels: 16,", "outChannels: : 16,");
  const [found] = await buffer.diagnostics((all) => all.length > 0);
  expect(found).toMatchObject({
    code: "last-good-run",
    message: 'the shapes shown are those of the last good run: Unexpected ":"',
    range: { start: { line: 7, character: 43 } },
  });
  expect((await buffer.line(7)).trim()).toBe("const x«: [N, 16, 30, 30]» = conv2d(input, { outChannels: : 16, kernelSize: 3 });");
  expect(await buffer.hover(buffer.find("conv2d(", "const x"))).toMatch(/\*of the last good run: Unexpected ":"\*$/);
  buffer.replace(": : 16", ": 8");
  await hinted(buffer, (lines) => lines.some((l) => l.includes("[N, 8, 30, 30]")));
  expect(await buffer.diagnostics((all) => all.length === 0)).toEqual([]);
});

test("warnings come with their fix", async () => {
  const body =
    '    const x = batchNorm2d(conv2d(input, { outChannels: 16, kernelSize: 3 }));\n    linear(flatten(x), { outFeatures: 7, name: "aux" });\n    return { logits: softmax(flatten(maxPool2d(x, { kernelSize: 4 })), 1) };';
  const buffer = editor.open(join(folder, "warnings.ts"), model(body, "batchNorm2d, conv2d, flatten, linear, maxPool2d, softmax"));
  const all = await buffer.diagnostics((found) => found.length > 0);
  expect(all.map((d) => [d.code, buffer.at(d.range)])).toEqual([
    ["bias-before-batch-norm", "conv2d"],
    ["border-dropped", "maxPool2d"],
    ["softmax-before-cross-entropy", "softmax"],
    ["unused-layer", "linear"],
  ]);
  for (const title of ["Write bias: false", "Set ceilMode to true", "Return the logits"]) {
    const found = await buffer.diagnostics(() => true);
    const actions = await Promise.all(found.map((d) => buffer.actions(d.range)));
    const action = actions.flat().find((a) => a.title === title);
    expect(action?.title).toBe(title);
    if (action !== undefined) buffer.apply(action);
    expect((await buffer.diagnostics(() => true)).length).toBe(found.length - 1);
  }
  expect(buffer.text).toContain("conv2d(input, { outChannels: 16, kernelSize: 3, bias: false })");
  expect(buffer.text).toContain("{ logits: flatten(maxPool2d(x, { kernelSize: 4, ceilMode: true })) }");
});

test("a convolution that changes the size offers the padding that keeps it", async () => {
  const buffer = editor.open(join(folder, "padding.ts"), model("    return conv2d(input, { outChannels: 16, kernelSize: 5 });"));
  await hinted(buffer);
  const at = buffer.find("conv2d(input");
  const [keep] = await buffer.actions({ start: at, end: at });
  expect(keep?.title).toBe("Set padding to 2 to keep the size");
  if (keep !== undefined) buffer.apply(keep);
  await hinted(buffer, (lines) => lines.some((l) => l.includes("[N, 16, 32, 32]")));
});

test("a linear layer for flattened maps gets its flatten", async () => {
  const body =
    "    const maps = maxPool2d(conv2d(input, { outChannels: 16, kernelSize: 3, padding: 1 }), { kernelSize: 2 });\n    return linear(maps, { inFeatures: 4096, outFeatures: 10 });";
  const buffer = editor.open(join(folder, "flatten.ts"), model(body, "conv2d, linear, maxPool2d"));
  const [found] = await buffer.diagnostics((all) => all.length > 0);
  if (found === undefined) return;
  expect(buffer.at(found.range)).toBe("inFeatures: 4096");
  const actions = await buffer.actions(found.range);
  expect(actions[0]?.title).toBe("Flatten the input: 16 * 16 * 16 = 4096");
  if (actions[0] !== undefined) buffer.apply(actions[0]);
  expect(buffer.text).toContain("linear(flatten(maps), { inFeatures: 4096");
  expect(buffer.text).toContain('import { conv2d, linear, maxPool2d, defineModel, flatten } from "striate";');
  expect(await buffer.diagnostics((all) => all.length === 0)).toEqual([]);
});

test("names of parameters complete the patterns that select them", async () => {
  const resnet = editor.open("models/resnet.ts");
  await hinted(resnet);
  const script = editor.open(join(folder, "train.ts"), 'const options = { freeze: ["layer1.0.');
  const names = await script.complete({ line: 0, character: script.text.length });
  expect(names).toContain("layer1.0.conv1.weight");
  expect(names).toContain("layer1.*");
  expect(names).toContain("*.bias");
});

test("an open file of blocks shows what they are in the model that uses them, and an edit there runs the model again", async () => {
  const blocks = join(folder, "blocks.ts");
  const text =
    'import { conv2d, type Tensor } from "striate";\nexport function stem<S>(x: Tensor<S>) {\n  return conv2d(x, { outChannels: 16, kernelSize: 3 });\n}\n';
  writeFileSync(blocks, text);
  const file = join(folder, "uses-blocks.ts");
  const main = editor.open(
    file,
    'import { defineModel } from "striate";\nimport { stem } from "./blocks.ts";\n\nexport const net = defineModel({\n  name: "Net",\n  inputs: { input: ["N", 3, 32, 32] },\n  forward: ({ input }) => stem(input),\n});\n',
  );
  expect(await hinted(main)).toEqual(["forward: ({ input }) => stem(input)« [N, 16, 30, 30]»,"]);
  const open = editor.open(blocks);
  open.replace("outChannels: 16", "outChannels: 24");
  await hinted(main, (lines) => lines.some((l) => l.includes("[N, 24, 30, 30]")));
  expect(await hinted(open, (lines) => lines.some((l) => l.includes("[N, 24, 30, 30]")))).toEqual([
    "return conv2d(x, { outChannels: 24, kernelSize: 3 })« [N, 24, 30, 30]»;",
  ]);
});

test("what a model file prints does not disturb the protocol", async () => {
  const buffer = editor.open(
    join(folder, "prints.ts"),
    `console.log("Content-Length: 5\\r\\n\\r\\nhello");\nprocess.stdout.write("noise");\n${model("    return relu(input);", "relu")}`,
  );
  expect(await hinted(buffer)).toEqual(["return relu(input)« [N, 3, 32, 32]»;"]);
});

test("a file that exports no model is not run", async () => {
  const marker = join(folder, "marker-plain");
  const plain = editor.open(
    join(folder, "plain.ts"),
    `import { writeFileSync } from "node:fs";\nimport { relu } from "striate";\nwriteFileSync(${JSON.stringify(marker)}, "");\nexport const f = relu;\n`,
  );
  const other = editor.open(join(folder, "other.ts"), model("    return relu(input);", "relu"));
  await hinted(other);
  expect(await plain.hints()).toEqual([]);
  expect(existsSync(marker)).toBe(false);
});
