import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { striate } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-diff-"));
afterAll(() => rmSync(folder, { recursive: true }));
const run = (...args: readonly string[]) => striate(folder, "diff", ...args);
const json = async (...args: readonly string[]) => JSON.parse((await run(...args, "--json")).stdout);

beforeAll(async () => {
  writeFileSync(
    join(folder, "net.ts"),
    `import { conv2d, defineModel, flatten, linear, relu } from "striate";
export default function net({ stem = "conv1", stride = 1, extra = false, size = 8 }: { stem?: string; stride?: number; extra?: boolean; size?: number } = {}) {
  return defineModel({
    name: "Net",
    inputs: { image: ["N", 1, 8, size] },
    forward: ({ image }) => {
      const x: any = relu(conv2d(image as any, { outChannels: 2, kernelSize: 3, padding: 1, stride, name: stem }));
      const y: any = extra ? relu(conv2d(x, { outChannels: 2, kernelSize: 1, name: "extra" })) : x;
      return linear(flatten(y), { outFeatures: 3, name: "fc" });
    },
  });
}
`,
  );
  await striate(folder, "compile", "net.ts", "-o", "net.onnx", "--seed", "3");
  await sharp({ create: { width: 20, height: 20, channels: 3, background: "teal" } })
    .png()
    .toFile(join(folder, "teal.png"));
});

test("a model and the file that it was compiled to are the same", async () => {
  const { code, stdout } = await run("net.ts", "net.onnx", "--seed", "3", "--exit-code");
  expect(stdout).toBe(`net.ts (Net) → net.onnx (Net)
the graphs are the same: names, nodes, shapes and weights

nodes  0 added, 0 removed, 0 changed, 0 renamed, 4 the same

weights  4 identical

cost
                    before   after  change
  nodes                  4       4    same
  parameters           407     407    same
  MACs              1536*N  1536*N    same
  other operations   259*N   259*N    same
  weights           1.6 kB  1.6 kB    same
  output sees of image  whole input

outputs  on the same input, image float32[4, 1, 8, 8]
  =  output  [4, 3]  equal  largest class agrees in 4 of 4
`);
  expect(code).toBe(0);
});

test("what changed is told, and the exit code says that something did where it is asked to", async () => {
  const { code, stdout, stderr } = await run(
    "net.ts",
    "net.ts",
    "--set-b",
    "stem=stem",
    "--set-b",
    "extra=true",
    "--no-run",
    "--exit-code",
  );
  expect(stderr).toBe("the weights of net.ts are random: give --weights-a\nthe weights of net.ts are random: give --weights-b\n");
  expect(stdout.replace(/ +\S*net\.ts:\d+:\d+/g, "")).toBe(`net.ts (Net) → net.ts (Net)

nodes  2 added, 0 removed, 0 changed, 1 renamed, 3 the same
  +  extra   Conv  float32[N, 2, 8, 8]
  +  relu_1  Relu  float32[N, 2, 8, 8]
  renamed
  →  conv1 → stem

weights  2 identical, 2 changed, 2 added
  ~  conv1.weight → stem.weight  float32[2, 1, 3, 3]  ${stdout.match(/largest difference \S+ \S+ of the largest/g)?.[0]}
  ~  conv1.bias → stem.bias      float32[2]           ${stdout.match(/largest difference \S+ \S+ of the largest/g)?.[1]}
  +  extra.weight  float32[2, 2, 1, 1]
  +  extra.bias    float32[2]

cost
                    before   after            change
  nodes                  4       6      +2 (+50.0 %)
  parameters           407     413       +6 (+1.5 %)
  MACs              1536*N  1792*N  +256*N (+16.7 %)
  other operations   259*N   515*N  +256*N (+98.8 %)
  weights           1.6 kB  1.7 kB    +24 B (+1.5 %)
  output sees of image  whole input
`);
  expect(code).toBe(1);
  expect((await run("net.ts", "net.ts", "--set-b", "extra=true", "--no-run")).code).toBe(0);
});

test("JSON holds nodes, weights, costs, receptive fields and outputs", async () => {
  const { same, nodes, weights, cost, outputs } = await json("net.onnx", "net.ts", "--set-b", "stride=2");
  expect(same).toBe(false);
  expect(nodes.changed[0]).toMatchObject({
    before: { name: "conv1" },
    after: { name: "conv1", location: { line: 7 } },
    attributes: [{ name: "strides", before: "[1, 1]", after: "[2, 2]" }],
    types: [{ output: 0, before: { shape: ["N", 2, 8, 8] }, after: { shape: ["N", 2, 4, 4] } }],
  });
  expect(weights.changed.map((w: { kind: string; before: { name: string } }) => [w.kind, w.before.name])).toEqual([
    ["changed", "conv1.weight"],
    ["changed", "conv1.bias"],
    ["reshaped", "fc.weight"],
    ["changed", "fc.bias"],
  ]);
  expect(cost.after.parameters).toBe(20 + 3 * 32 + 3);
  expect(outputs.outputs[0]).toMatchObject({ before: "output", shape: [4, 3], agreement: { of: 4 } });
  expect(outputs.outputs[0].difference.absolute).toBeGreaterThan(0);
});

test("an image is read for each of the models, in the size that it takes", async () => {
  const { outputs } = await json("net.onnx", "net.ts", "--set-b", "size=6", "--input", "teal.png");
  expect(outputs).toMatchObject({ ran: true, fed: [{ name: "image", type: { shape: [1, 1, 8, 8] } }], outputs: [{ shape: [1, 3] }] });
  const seeded = await json("net.onnx", "net.ts", "--set-b", "size=6");
  expect(seeded.outputs).toEqual({
    ran: false,
    reason: 'input "image" is float32[N, 1, 8, 8] in one and float32[N, 1, 8, 6] in the other',
  });
});

test("a file that is not there is a mistake, told in one line", async () => {
  expect(await run("net.ts", "gone.onnx", "--no-run")).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("error[model-file]: gone.onnx: there is no such file\n"),
  });
});
