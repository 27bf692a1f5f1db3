import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { graphsOf, tagsOf } from "../report/read-page.ts";
import { striate } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-report-"));
afterAll(() => rmSync(folder, { recursive: true }));
const page = (name: string): string => readFileSync(join(folder, name), "utf8");
writeFileSync(
  join(folder, "net.ts"),
  `import { adaptiveAvgPool2d, batchNorm2d, conv2d, defineModel, flatten, linear, relu } from "striate";
export default function net({ channels = 4 }: { channels?: number } = {}) {
  return defineModel({
    name: "Net",
    inputs: { image: ["N", 3, 32, 32] },
    forward: ({ image }) => {
      const x = relu(batchNorm2d(conv2d(image, { outChannels: channels, kernelSize: 3, stride: 2, name: "conv1" }), { name: "bn1" }));
      return linear(flatten(adaptiveAvgPool2d(x, 1)), { outFeatures: 3, name: "fc" });
    },
  });
}
`,
);

test("report writes one page about a model with its options, over a picture", async () => {
  await sharp({ create: { width: 40, height: 30, channels: 3, background: "teal" } })
    .png()
    .toFile(join(folder, "teal.png"));
  const made = await striate(
    folder,
    "report",
    "net.ts",
    "-o",
    "net.html",
    "--set",
    "channels=2",
    "--image",
    "teal.png",
    "--value",
    "conv1",
  );
  expect(made).toEqual({ code: 0, stderr: "", stdout: "net.html: Net\n" });
  const html = page("net.html");
  tagsOf(html);
  expect([...html.matchAll(/<h2[^>]*>([^<]*)/g)].map(([, title]) => title)).toEqual([
    "Graph",
    "Costs",
    "Layers",
    "Receptive fields",
    "Optimisations",
  ]);
  expect(html).toContain("<p>net.ts · channels=2</p>");
  const [before, after] = graphsOf(html);
  const ops = (graph: typeof before) =>
    graph?.scopes[0]?.boxes.flatMap((box) => box.details?.filter(([what]) => what === "op").map(([, op]) => op) ?? []);
  expect(ops(before)).toEqual(["Conv", "BatchNormalization", "Relu", "GlobalAveragePool", "Flatten", "Gemm"]);
  expect(ops(after)).toEqual(["Conv", "Relu", "GlobalAveragePool", "Flatten", "Gemm"]);
  expect(html).toContain(`<dt>BatchNormalization</dt><dd><span class="was">1</span> → 0</dd>`);
  // Position 7 of 15 sees 14 to 16.
  expect(html).toMatch(/<rect class="field-box" data-box="0" style="--at:0%" x="14" y="14" width="3" height="3"/);
  expect(html).toMatch(/<image href="data:image\/webp;base64,/);
  expect(html).toContain("net.ts:7:");
  // The picture is teal.
  const [, base64 = ""] = /data:image\/webp;base64,([^"]+)/.exec(html) ?? [];
  const [r = 255, g = 0, b = 0] = await sharp(Buffer.from(base64, "base64")).raw().toBuffer();
  expect([r < 12, Math.abs(g - 128) < 12, Math.abs(b - 128) < 12]).toEqual([true, true, true]);
});

test("report takes an ONNX file, and leaves out what was not asked for", async () => {
  await striate(folder, "compile", "net.ts", "-o", "net.onnx", "--optimize", "none");
  const made = await striate(folder, "report", "net.onnx", "-o", "onnx.html", "--shape", "image=1,3,32,32", "--optimize", "none");
  expect(made).toEqual({ code: 0, stderr: "", stdout: "onnx.html: Net\n" });
  expect(page("onnx.html")).not.toContain('<h2 id="passes-title">');
});

test("a folder that is not there and a value that is not there are mistakes, and nothing is left half-written", async () => {
  const refused = await striate(folder, "report", "net.ts", "-o", "no/such/folder.html");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^error\[output-file\]: cannot write no\/such\/folder\.html: ENOENT/);
  const unknown = await striate(folder, "report", "net.ts", "-o", "x.html", "--value", "nobody");
  expect(unknown.stderr).toBe(
    'error[unknown-name]: Net: there is no value "nobody"\n  help: there are conv1, bn1, relu, adaptiveAvgPool2d, flatten, output\n',
  );
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp") || name === "x.html")).toEqual([]);
});
