/** `striate check`: the real command on real files, its report in every format, and its exit codes. */

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, inject, test } from "vitest";
import { plainEnvironment } from "../support/run-cli.ts";

const root = resolve(import.meta.dirname, "../..");
// Beside the tests, so that `striate` is found by the type checker as in a project that has it installed.
const folder = mkdtempSync(join(root, "test/cli/check-"));
const outside = mkdtempSync(join(tmpdir(), "striate-check-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(outside, { recursive: true });
});

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
async function check(...args: readonly string[]): Promise<Result> {
  const child = spawn(process.execPath, [inject("program"), "check", ...args], {
    cwd: root,
    env: plainEnvironment(),
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    err += String(chunk);
  });
  const code = await new Promise<number | null>((done) => child.on("close", done));
  return { code, out, err };
}
const written = (name: string, text: string, where = folder): string => {
  const file = join(where, name);
  writeFileSync(file, text);
  return file;
};

test("a mistake that types and tracing both find is told once, at its argument, with where it comes from and how to mend it", async () => {
  const { code, out, err } = await check("test/mistakes/simple-cnn.ts");
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(
    err,
  ).toBe(`test/mistakes/simple-cnn.ts:10:43 error[linear-in-features]: linear "fc": inFeatures is 1024, but the input has 32 * 8 * 8 = 2048 features

  10 │     return { logits: linear(flatten(y), { inFeatures: 1024, outFeatures: 10, name: "fc" }) };
     │                                           ~~~~~~~~~~
  note: test/mistakes/simple-cnn.ts:10:29 the input comes from flatten, float32[N, 2048], which joins 32 * 8 * 8 = 2048
  help: leave inFeatures out (it is inferred), or write 2048

1 error, 0 warnings: 1 model in 1 file
`);
});

test("the models of this package have no mistakes", async () => {
  const { code, err } = await check("models/resnet.ts", "models/simple-cnn.ts", "models/unet.ts");
  expect(err).toMatch(/^no mistakes found: \d+ models in 3 files\n$/);
  expect(code).toBe(0);
});

test("a fault in a block whose result is thrown away compiles, and is found", async () => {
  const file = written(
    "thrown-away.ts",
    `import { add, conv2d, defineModel, relu, type Tensor } from "striate";

function block<S, C extends number>(x: Tensor<S>, channels: C) {
  return add(conv2d(x, { outChannels: channels, kernelSize: 3, padding: 1, bias: false }), x);
}

export default defineModel({
  name: "Net",
  inputs: { input: ["N", 3, 32, 32] },
  forward({ input }) {
    block(input, 32);
    return relu(input);
  },
});
`,
  );
  const { code, out } = await check(file, "--format", "json");
  const report = JSON.parse(out);
  expect(report.diagnostics).toHaveLength(1);
  expect(report.diagnostics[0]).toMatchObject({
    severity: "error",
    code: "shape-mismatch",
    message: "add: axis 1: 32 and 3 differ",
    location: { line: 4, column: 92 },
  });
  expect(code).toBe(1);
});

test("what only the type checker finds is told in its words", async () => {
  const file = written(
    "types.ts",
    'import { defineModel, relu } from "striate";\n\nexport default defineModel({ name: "Net", inputs: { x: ["N", 3] }, forward: ({ x }) => relu(x) });\nexport const wrong: number = "text";\n',
  );
  const { code, err } = await check(file);
  expect(err).toContain("types.ts:4:14 error[TS2322]: Type 'string' is not assignable to type 'number'.");
  expect(err).toContain("1 error, 0 warnings: 1 model in 1 file");
  expect(code).toBe(1);
});

const warned = `import { batchNorm2d, conv2d, defineModel, relu } from "striate";

export default defineModel({
  name: "Net",
  inputs: { input: ["N", 3, 32, 32] },
  objectSize: 64,
  forward: ({ input }) => relu(batchNorm2d(conv2d(input, { outChannels: 8, kernelSize: 3, name: "stem" }))),
});
`;

test("warnings pass, as text, SARIF and GitHub's commands", async () => {
  const file = written("warned.ts", warned);
  const [text, sarif, github] = await Promise.all([check(file), check(file, "--format", "sarif"), check(file, "--format", "github")]);
  expect([text.code, sarif.code, github.code]).toEqual([0, 0, 0]);
  expect(text.err).toContain(
    'warning[bias-before-batch-norm]: conv2d "stem": its bias has no effect: the batch normalisation behind it subtracts each channel\'s mean',
  );
  expect(text.err).toContain('warning[small-receptive-field]: relu "relu": a position of the last map sees 3 pixels, but objectSize is 64');
  expect(text.err).toContain("0 errors, 2 warnings: 1 model in 1 file");
  const [run] = JSON.parse(sarif.out).runs;
  expect(run.tool.driver).toMatchObject({ name: "striate", rules: [{ id: "small-receptive-field" }, { id: "bias-before-batch-norm" }] });
  expect(run.results[1]).toMatchObject({
    ruleId: "bias-before-batch-norm",
    level: "warning",
    locations: [{ physicalLocation: { region: { startLine: 7, startColumn: 44, endLine: 7, endColumn: 50 } } }],
    relatedLocations: [{ message: { text: "the batch normalisation is here" } }],
  });
  expect(github.out.split("\n")[1]).toMatch(
    /^::warning file=test\/cli\/check-\w+\/warned\.ts,line=7,col=44,endLine=7,endColumn=50,title=striate bias-before-batch-norm::conv2d "stem": its bias/,
  );
});

test("a loop without an end is stopped after the time limit", async () => {
  const file = written("loop.ts", warned.replace("export default", "while (true) {}\nexport default"));
  const { code, err } = await check(file, "--time-limit", "2");
  expect(err).toContain("error[model-stopped]: the model file was stopped: it did not end within 2 s");
  expect(code).toBe(1);
});

test("an error of syntax is told once, and a folder without striate is told as that", async () => {
  const [inside, without] = await Promise.all([
    check(written("syntax.ts", warned.replace("objectSize: 64,", "objectSize: ,"))),
    check(written("warned.ts", warned.replace("objectSize: 64,", ""), outside)),
  ]);
  expect(inside.err).toMatch(/^test\/cli\/check-\w+\/syntax\.ts:6:15 error\[syntax\]: Unexpected ","$/m);
  expect(inside.err).toContain("1 error, 0 warnings: 0 models in 1 file");
  expect(without.err).toContain("note: types were not checked: ");
  expect(without.err).toContain(
    "warned.ts imports striate, which is not installed there: npm install striate\n0 errors, 1 warning: 1 model in 1 file\n",
  );
  expect([inside.code, without.code]).toEqual([1, 0]);
});

test("a folder stands for its sources, without what is installed there", async () => {
  const several = mkdtempSync(join(folder, "several-"));
  const relus = (name: string, shape: string): string =>
    `import { defineModel, relu } from "striate";\nexport const net = defineModel({ name: "${name}", inputs: { x: ${shape} }, forward: ({ x }) => relu(x) });\n`;
  for (const below of ["inner", "node_modules", ".hidden"]) mkdirSync(join(several, below));
  written("a.ts", relus("A", '["N", 3]'), several);
  written("b.ts", relus("B", '["N", -3]'), join(several, "inner"));
  for (const skipped of ["node_modules", ".hidden"]) written("c.ts", "const broken: = 1;", join(several, skipped));
  written("types.d.ts", "export interface Never {}\n", several);
  const { code, out } = await check(several, "--format", "json");
  const report: unknown = JSON.parse(out);
  expect(code).toBe(1);
  expect(report).toMatchObject({ errors: 1 });
  expect(out).toContain("a dim is -3, but must be a natural number");
  const bare = join(several, "bare");
  mkdirSync(bare);
  expect(await check(bare)).toEqual({ code: 2, out: "", err: `error: ${bare}: there are no files of TypeScript in this folder\n` });
});

test("what the compiler says in its own words and tracing too is told once, by tracing", async () => {
  const file = written(
    "own-words.ts",
    `import { conv2d, defineModel, maxPool2d, multiHeadAttention, softmax, split } from "striate";
const model = { name: "Net", inputs: { x: ["N", 4, 8, 8], t: ["N", 4, 8] } } as const;
export const models = [
  defineModel({ ...model, forward: ({ x }) => maxPool2d(x) }),
  defineModel({ ...model, forward: ({ x }) => conv2d(x, { outChannels: 8, kernelSize: 3, pading: 1 }) }),
  defineModel({ ...model, forward: ({ x }) => conv2d(x, { outChannels: "8", kernelSize: 3 }) }),
  defineModel({ ...model, forward: ({ x }) => softmax(x) }),
  defineModel({ ...model, forward: ({ t }) => multiHeadAttention(t, { numHeads: 2 }) }),
  defineModel({ ...model, forward: ({ x }) => split(x, 2, 1)[0] }),
  defineModel({ ...model, forward: (i) => conv2d(i.z, { outChannels: 8, kernelSize: 3 }) }),
] as const;
export const [a, b, c, d, e, f, g] = models;
`,
  );
  const { err } = await check(file);
  const told = [...err.matchAll(/^\S+:(\d+):(\d+) error\[[\w-]+\]: (.*)$/gm)].map(([, line, column, text]) => [
    Number(line),
    Number(column),
    text,
  ]);
  expect(told).toEqual([
    [4, 47, "maxPool2d: kernelSize is missing, but must be a positive integer"],
    [5, 90, 'conv2d "conv2d": there is no option "pading"'],
    [6, 59, 'conv2d "conv2d": outChannels is "8", but must be a positive integer'],
    [7, 47, "softmax: the axis is missing, or no number"],
    [8, 47, 'multiHeadAttention "multiHeadAttention": the key is an object, but must be a tensor'],
    [9, 56, "split: the sizes are a number, but must be an array"],
    // The trace would only say that nothing came.
    [
      10,
      52,
      `Property 'z' does not exist on type 'InputTensors<{ readonly x: readonly ["N", 4, 8, 8]; readonly t: readonly ["N", 4, 8]; }>'.`,
    ],
  ]);
});

test("wrong usage is exit code 2", async () => {
  expect((await check()).code).toBe(2);
  expect((await check("model.onnx")).code).toBe(2);
  expect((await check("models/resnet.ts", "--format", "xml")).code).toBe(2);
  const missing = await check("no-such.ts");
  expect({ code: missing.code, err: missing.err }).toEqual({ code: 1, err: "error[model-file]: no-such.ts: there is no such file\n" });
});

test("a generic function of many sums is no mistake; a type that is too deep is told with what to do", async () => {
  const layers = Array.from(
    { length: 60 },
    (_, i) => `  const x${i + 1} = add(conv2d(x${i}, { outChannels: 4, kernelSize: 3, padding: 1, name: "c${i}" }), x${i});`,
  );
  const text = `import { add, conv2d, defineModel, type Tensor } from "striate";
function deep<S>(x0: Tensor<S>) {
${layers.join("\n")}
  return x60;
}
export default defineModel({ name: "Deep", inputs: { input: ["N", 4, 8, 8] }, forward: ({ input }) => deep(input) });
`;
  expect(await check(written("many.ts", text))).toMatchObject({ code: 0 });
  const endless = "type Endless<T> = T extends unknown[] ? Endless<[...T, 1]>[0] : never;\nexport const never: Endless<[]> = null;\n";
  const { code, err } = await check(written("deep.ts", `${text}${endless}`));
  expect(err).toContain("error[TS2589]: Type instantiation is excessively deep and possibly infinite.");
  expect(err).toContain(
    "  help: a generic function holds too many layers in a row: split it, and call the parts one after the other where the shape is known",
  );
  expect(code).toBe(1);
});
