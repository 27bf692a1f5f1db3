import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { printModelTypes } from "../../src/codegen/index.ts";
import { modelOf, node, value } from "../runtime/tiny-models.ts";
import { striate } from "../support/run-cli.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "striate-types-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
const at = (name: string): string => join(folder, name);
/** What tsc says of a file in the folder, with plain `strict`. */
const tsc = (file: string): Promise<string> => {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: "nodenext",
    target: "es2023",
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: [],
    paths: { striate: [join(root, "src/index.ts")] },
  };
  writeFileSync(at("tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
  return new Promise((done) => {
    execFile(
      process.execPath,
      [join(root, "node_modules/typescript/bin/tsc"), "-p", folder, "--pretty", "false"],
      { cwd: folder },
      (_, stdout) => done(stdout),
    );
  });
};

// Somebody else's model: two inputs of different dtypes, names that are no identifiers, a size without a name, which gets one.
const foreign = modelOf({
  input: [value("pixel_values", 1, ["batch", 3, ""]), value("token.ids", 7, ["batch"])],
  output: [value("scores", 1, ["batch", 3, ""]), value("ids", 7, ["batch"])],
  node: [node("Relu", ["pixel_values"], "scores"), node("Identity", ["token.ids"], "ids")],
});
writeFileSync(at("foreign.onnx"), foreign);

test("the declaration of a model has its inputs and outputs by name, with dtypes and shapes", async () => {
  expect(await striate(folder, "types", "foreign.onnx", "-o", "foreign.d.ts")).toEqual({
    code: 0,
    stdout: "foreign.d.ts: 2 inputs, 2 outputs\n",
    stderr: "",
  });
  expect(readFileSync(at("foreign.d.ts"), "utf8").split("\n").slice(2)).toEqual([
    "/** g: pixel_values float32[batch, 3, pixel_values_2], token.ids int64[batch] -> scores float32[batch, 3, pixel_values_2], ids int64[batch] */",
    "export interface G {",
    "  readonly inputs: {",
    '    readonly pixel_values: { readonly dtype: "float32"; readonly shape: ["batch", 3, "pixel_values_2"] };',
    '    readonly "token.ids": { readonly dtype: "int64"; readonly shape: ["batch"] };',
    "  };",
    "  readonly outputs: {",
    '    readonly scores: { readonly dtype: "float32"; readonly shape: ["batch", 3, "pixel_values_2"] };',
    '    readonly ids: { readonly dtype: "int64"; readonly shape: ["batch"] };',
    "  };",
    "}",
    "declare const model: G;",
    "export default model;",
    "",
  ]);
});

test("tsc checks feeds and results by the declaration", async () => {
  const lines = [
    'import { createSession, type HostTensor } from "striate";',
    'import type model from "./foreign.d.ts";',
    "const data = new Float32Array(12);",
    'const ids = { dtype: "int64", shape: [2], data: new BigInt64Array(2) } as const;',
    'const session = await createSession<typeof model>("foreign.onnx");',
    'const { scores } = await session.run({ pixel_values: { dtype: "float32", shape: [2, 3, 2], data }, "token.ids": ids });',
    "export const fits: HostTensor<[2, 3, number]> = scores;",
    'await session.run({ pixel_values: { dtype: "float32", shape: [2, 4, 2], data }, "token.ids": ids });',
    'await session.run({ pixel_values: { dtype: "float32", shape: [2, 3], data }, "token.ids": ids });',
    'await session.run({ pixel_values: { dtype: "float32", shape: [2, 3, 2], data }, "token.ids": { ...ids, dtype: "int32" } });',
    'await session.run({ pixel_values: { dtype: "float32", shape: [2, 3, 2], data } });',
    "export const unfit: HostTensor<[4, 3, number]> = scores;",
  ];
  writeFileSync(at("use.ts"), lines.join("\n"));
  const faults = (await tsc("use.ts"))
    .split(/\n(?=\S)/)
    .map((text) => text.trim().split("\n")[0] ?? "")
    .filter((text) => text.startsWith("use.ts"));
  expect(faults.slice(0, 3)).toEqual([
    "use.ts(8,66): error TS2322: Type '4' is not assignable to type '3'.",
    `use.ts(9,55): error TS2322: Type 'number[]' is not assignable to type '"2 axes, wanted [batch, 3, pixel_values_2]"'.`,
    `use.ts(10,104): error TS2322: Type '"int32"' is not assignable to type '"int64"'.`,
  ]);
  expect(faults[3]).toMatch(/^use\.ts\(11,19\): error .*Property '"token\.ids"' is missing/);
  expect(faults[4]).toMatch(
    /^use\.ts\(12,14\): error .*'HostTensor<\[2, 3, 2\]>' is not assignable to type 'HostTensor<\[4, 3, number\]>'/,
  );
  expect(faults.length).toBe(5);
});

test("names in a model cannot leave their strings and comments", async () => {
  const name = '*/ declare const evil: "\u202e" // \n`';
  const text = printModelTypes({ name, inputs: [{ name, type: { dtype: "float32", shape: ["N"] } }], outputs: [] });
  writeFileSync(at("hostile.d.ts"), text);
  writeFileSync(
    at("use-hostile.ts"),
    'import type model from "./hostile.d.ts";\nexport declare const inputs: typeof model.inputs;\nexport const names: string[] = inputs;\n',
  );
  expect(text).toMatch(/^[\x20-\x7e\n]*$/);
  // One error, that an object is no list of names, shows what tsc has read.
  expect((await tsc("use-hostile.ts")).trim()).toMatch(
    /^use-hostile\.ts\(3,14\): error TS2740: Type '\{ readonly ".*": \{ readonly dtype: "float32"; readonly shape: \["N"\]; \}; \}'/,
  );
});

test("without a file it goes to standard output; a model of TypeScript and other shapes will do", async () => {
  const { code, stdout } = await striate(root, "types", "models/simple-cnn.ts", "--shape", "input=8,1,28,28");
  expect(code).toBe(0);
  expect(stdout).toContain('readonly logits: { readonly dtype: "float32"; readonly shape: [8, 10] };');
});

test("only a .d.ts file is written, and a file that cannot be written is told", async () => {
  expect(await striate(folder, "types", "foreign.onnx", "-o", "foreign.ts")).toMatchObject({
    code: 2,
    stderr: 'error: -o takes a .d.ts file, not "foreign.ts"\n',
  });
  const { code, stderr } = await striate(folder, "types", "foreign.onnx", "-o", "nowhere/foreign.d.ts");
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error\[output-file\]: cannot write nowhere\/foreign\.d\.ts: ENOENT/);
});
