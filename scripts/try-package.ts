/** Packs the package, installs the tarball in an empty project, and uses it there as a new user would: `npm run package-check`. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "striate-package-"));
const project = join(folder, "project");
const run = (command: string, args: readonly string[], cwd: string): string => {
  console.log(`$ ${command} ${args.join(" ")}`);
  return execFileSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: "pipe",
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
  });
};
const write = (name: string, text: string): void => writeFileSync(join(project, name), text);
const expected = (what: string, holds: boolean): void => {
  if (!holds) throw new Error(`the installed package fails: ${what}`);
  console.log(`ok: ${what}`);
};

try {
  mkdirSync(project);
  run("npm", ["pack", "--silent", "--pack-destination", folder], process.cwd());
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  write("package.json", JSON.stringify({ name: "user", private: true, type: "module" }));
  write(
    "tsconfig.json",
    JSON.stringify({ compilerOptions: { strict: true, module: "nodenext", target: "es2023", noEmit: true, types: [] }, include: ["*.ts"] }),
  );
  run("npm", ["install", "--no-fund", "--no-audit", "--silent", join(folder, tarball), "typescript@7.0.2"], project);
  const model = (
    inFeatures: string,
  ): string => `import { conv2d, defineModel, expectShape, flatten, linear, maxPool2d, relu } from "striate";
export default defineModel({
  name: "Net",
  inputs: { input: ["N", 3, 32, 32] },
  forward({ input }) {
    const x = maxPool2d(relu(conv2d(input, { outChannels: 8, kernelSize: 3, padding: 1, name: "conv1" })), { kernelSize: 2 });
    expectShape(x, ["N", 8, 16, 16]);
    return { logits: linear(flatten(x), { ${inFeatures}outFeatures: 10, name: "fc" }) };
  },
});
`;
  write("my-net.ts", model(""));
  write(
    "use.ts",
    `import { resnet18 } from "striate/models/resnet";\nimport { compile } from "striate";\nexport const bytes: Uint8Array = compile(resnet18()).bytes;\n`,
  );
  run("npx", ["tsc", "-p", "."], project);
  expected("the types check in a project of its own", true);
  expected("summary counts the parameters", /20[ ,]?714 parameters/.test(run("npx", ["striate", "summary", "my-net.ts"], project)));
  run("npx", ["striate", "compile", "my-net.ts", "-o", "my-net.onnx"], project);
  expected("compile writes a model", existsSync(join(project, "my-net.onnx")));
  run("npx", ["striate", "compile", "my-net.ts", "-o", "my-net.train.onnx", "--mode", "training"], project);
  expected("a training graph has its state beside it", existsSync(join(project, "my-net.train.safetensors")));
  write("my-net.ts", model("inFeatures: 1024, "));
  const refusal = (command: string, ...args: readonly string[]): string => {
    try {
      return run(command, args, project);
    } catch (error) {
      const { stdout, stderr } = error as { readonly stdout?: unknown; readonly stderr?: unknown };
      return `${String(stdout)}${String(stderr)}`;
    }
  };
  const told = /linear(?: "fc")?: inFeatures is 1024, but the input has 8 \* 16 \* 16 = 2048 features/;
  expected("a wrong inFeatures is a type error at that argument", told.test(refusal("npx", "tsc", "-p", ".", "--pretty", "false")));
  expected(
    "check tells it with its place",
    /my-net\.ts:8:\d+ error\[linear-in-features\]/.test(refusal("npx", "striate", "check", "my-net.ts")),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
