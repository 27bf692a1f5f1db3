import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { striate } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-cli-errors-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, ...lines: readonly string[]): string => {
  writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
  return name;
};
const run = (...args: readonly string[]) => striate(folder, ...args);

file(
  "net.ts",
  `import { conv2d, defineModel } from "striate";`,
  `const inputs = { image: ["N", 1, 6, 6] } as const;`,
  "",
  "export default ({ outChannels = 4 } = {}) =>",
  `  defineModel({ name: "Net", inputs, forward: ({ image }) => conv2d(image, { outChannels, kernelSize: 3, name: "conv1" }) });`,
);

describe.concurrent("the user's mistakes: exit code 1, the user's line, and no stack", () => {
  test("in the model", async () => {
    expect(await run("summary", "net.ts", "--set", "outChannels=0")).toEqual({
      code: 1,
      stdout: "",
      stderr: `net.ts:5:62 error[option-range]: conv2d "conv1": outChannels is 0, but must be a positive integer

  5 │   defineModel({ name: "Net", inputs, forward: ({ image }) => conv2d(image, { outChannels, kernelSize: 3, name: "conv1" }) });
    │                                                              ~~~~~~
  note: net.ts:5:3 the input comes from the model's input "image", float32[N, 1, 6, 6]
`,
    });
  });

  test("in an option of the model", async () => {
    const { code, stderr } = await run("summary", "net.ts", "--set", "outchannels=3");
    expect([code, stderr]).toEqual([1, `error[unknown-option]: net.ts: there is no option "outchannels"\n  help: it takes outChannels\n`]);
  });

  test("code that throws", async () => {
    const { code, stderr } = await run("summary", file("throws.ts", "const x: any = null;", "", "export default x.foo.bar;"));
    expect([code, stderr]).toEqual([
      1,
      `throws.ts:3:18 error[model-code]: TypeError: Cannot read properties of null (reading 'foo')\n\n  3 │ export default x.foo.bar;\n    │                  ~~~~~~~\n`,
    ]);
  });

  test("code that is no TypeScript", async () => {
    const { code, stderr } = await run("summary", file("syntax.ts", "", "export default { a: , };"));
    expect([code, stderr]).toEqual([
      1,
      `syntax.ts:2:21 error[syntax]: Unexpected ","\n\n  2 │ export default { a: , };\n    │                     ~\n`,
    ]);
  });

  test("an import of what is not there", async () => {
    const { code, stderr } = await run("summary", file("imports.ts", `import { nothing } from "striate";`, "export default nothing;"));
    expect(code).toBe(1);
    expect(stderr).toContain(
      "imports.ts:1:10 error[model-code]: SyntaxError: The requested module 'striate' does not provide an export named 'nothing'\n",
    );
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("an export that is no model", async () => {
    file("exports.ts", "export const size = 3, make = () => 4;");
    const [none, number, other, made] = await Promise.all(
      ["", "#size", "#other", "#make"].map((name) => run("summary", `exports.ts${name}`)),
    );
    expect(none?.stderr).toBe("error[model-export]: exports.ts: it has no default export\n  help: it exports exports.ts#make\n");
    expect(number?.stderr).toContain("error[model-export]: exports.ts#size: it exports a number, which is no model\n");
    expect(other?.stderr).toBe(`error[model-export]: exports.ts: it has no export "other"\n  help: it exports exports.ts#make\n`);
    expect(made?.stderr).toContain(
      "error[model-export]: exports.ts#make: the function that it exports returns a number, which is no model\n",
    );
  });

  test("files that are missing or damaged", async () => {
    file("bad.onnx", "this is no model");
    const [missing, damaged, kind] = await Promise.all([
      run("summary", "none.ts"),
      run("print", "bad.onnx"),
      run("summary", file("net.txt", "")),
    ]);
    expect([missing.code, missing.stderr]).toEqual([1, "error[model-file]: none.ts: there is no such file\n"]);
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toContain("error[model-file]: bad.onnx: ");
    expect(kind.stderr).toBe(`error[model-spec]: net.txt: a model is a .ts or .onnx file, not ".txt"\n`);
  });
});

describe.concurrent("wrong usage: exit code 2", () => {
  test.each([
    ["an unknown command", ["sumary"], "error: unknown command 'sumary'\n(Did you mean summary?)\n(--help explains the usage)\n"],
    ["a missing model", ["summary"], "error: missing required argument 'model'\n(--help explains the usage)\n"],
    [
      "a missing output",
      ["compile", "net.ts"],
      "error: required option '-o, --output <file>' not specified\n(--help explains the usage)\n",
    ],
    [
      "an unknown option",
      ["print", "net.ts", "--jsn"],
      "error: unknown option '--jsn'\n(Did you mean --json?)\n(--help explains the usage)\n",
    ],
    ["an opset out of range", ["compile", "net.ts", "-o", "x.onnx", "--opset", "12"], "error: --opset takes 13 to 24, not 12\n"],
    [
      "a shape that is none",
      ["summary", "net.ts", "--shape", "image"],
      'error: --shape takes INPUT=DIMS, as in input=N,3,64,64, not "image"\n',
    ],
    [
      "an option of another optimizer",
      ["compile", "net.ts", "-o", "x.onnx", "--mode", "training", "--optimizer", "adam", "--nesterov"],
      "error: --nesterov is an option of sgd, but the optimizer is adam\n",
    ],
    [
      "a training option without training",
      ["compile", "net.ts", "-o", "x.onnx", "--loss", "mse"],
      "error: --loss is for training\n  help: add --mode training\n",
    ],
    [
      "an optimizer's option without training",
      ["compile", "net.ts", "-o", "x.onnx", "--momentum", "0.9"],
      "error: --momentum is for training\n  help: add --mode training\n",
    ],
  ])("%s", async (_, args, stderr) => {
    expect(await run(...args)).toEqual({ code: 2, stdout: "", stderr });
  });

  test("no command at all shows the help", async () => {
    const { code, stdout, stderr } = await run();
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("Usage: striate COMMAND [options]");
  });
});

describe.concurrent("help", () => {
  test.each(["compile", "summary", "receptive-field", "train", "run", "print", "grad", "doctor"])(
    "%s explains itself with an example",
    async (name) => {
      const { code, stdout, stderr } = await run(name, "--help");
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(`Usage: striate ${name} [options]`);
      expect(stdout).toMatch(new RegExp(`Examples:\n  striate ${name}(?: |\n)`));
    },
  );

  test("the version is the package's", async () => {
    expect(await run("--version")).toEqual({ code: 0, stdout: "0.1.0\n", stderr: "" });
  });
});
