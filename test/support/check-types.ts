/** Type-checks a module of its own that imports striate. */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** What a compiler found and what it cost. */
export interface Checked {
  /** Each as "line:column message". */
  readonly errors: readonly string[];
  readonly instantiations: number;
  readonly types: number;
  /** Of checking alone. */
  readonly seconds: number;
  readonly megabytes: number;
}

/** Compiles a text as a module under the repository's options, or with plain `strict`. */
export async function check(compiler: string, text: string, options: { readonly plain?: boolean } = {}): Promise<Checked> {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "striate-check-"));
  try {
    writeFileSync(join(folder, "case.ts"), text);
    return await checkFiles(compiler, folder, ["case.ts"], options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
const cache = join(root, "node_modules/.cache");
const declarations = join(cache, "striate-declarations");
/** What a user's compiler sees of the package: the declarations of src/dsl, written anew in each process that asks. */
let declared: Promise<void> | undefined;
const declare = (): Promise<void> => {
  declared ??= writeDeclarations();
  return declared;
};
async function writeDeclarations(): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "striate-declare-"));
  const compilerOptions = { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: join(root, "src"), outDir: declarations };
  const config = { extends: join(root, "tsconfig.json"), compilerOptions, include: [], files: [join(root, "src/dsl/index.ts")] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  await run("typescript", ["-p", folder]);
  rmSync(folder, { recursive: true, force: true });
}
async function run(compiler: string, options: readonly string[]): Promise<string> {
  const tsc = spawn(process.execPath, [join(root, `node_modules/${compiler}/bin/tsc`), ...options, "--pretty", "false"], { cwd: root });
  let output = "";
  for await (const chunk of tsc.stdout) output += String(chunk);
  return output;
}
/** How a tsconfig finds those declarations under the package's name. */
export const declarationPaths = { striate: [join(declarations, "dsl/index.d.ts")] };
const plainOptions = {
  strict: true,
  module: "nodenext",
  target: "es2023",
  lib: ["es2023"],
  types: [],
  skipLibCheck: true,
  noEmit: true,
};
/** Compiles files of a folder; a tsconfig is written for the time of the call into a folder of its own. */
export async function checkFiles(
  compiler: string,
  folder: string,
  files: readonly string[],
  { plain = false }: { readonly plain?: boolean } = {},
): Promise<Checked> {
  await declare();
  const place = mkdtempSync(join(cache, "striate-config-"));
  const paths = declarationPaths;
  const rest = { include: [], files: files.map((name) => resolve(folder, name)) };
  const config = plain
    ? { compilerOptions: { ...plainOptions, paths }, ...rest }
    : { extends: join(root, "tsconfig.json"), compilerOptions: { paths, types: [] }, ...rest };
  try {
    writeFileSync(join(place, "tsconfig.json"), JSON.stringify(config));
    return readOutput(await run(compiler, ["-p", place, "--extendedDiagnostics"]));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
/** What a compiler writes for a module of a user's own package, which finds striate as an installed package with its entry point only. */
export async function emitDeclarations(
  compiler: string,
  text: string,
): Promise<{ readonly errors: readonly string[]; readonly declarations: string }> {
  await declare();
  const folder = mkdtempSync(join(cache, "striate-emit-"));
  const installed = join(folder, "node_modules/striate");
  try {
    cpSync(declarations, join(installed, "dist"), { recursive: true });
    const types = { types: "./dist/dsl/index.d.ts" };
    writeFileSync(join(installed, "package.json"), JSON.stringify({ name: "striate", type: "module", exports: { ".": types } }));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", type: "module" }));
    const compilerOptions = { ...plainOptions, noEmit: false, declaration: true, emitDeclarationOnly: true, outDir: "out" };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["blocks.ts"] }));
    writeFileSync(join(folder, "blocks.ts"), text);
    const { errors } = readOutput(await run(compiler, ["-p", folder]));
    const written = join(folder, "out/blocks.d.ts");
    return { errors, declarations: existsSync(written) ? readFileSync(written, "utf8") : "" };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
/** What a compiler says of all the package's declarations in a project that knows no types but ECMAScript's, and checks libraries. */
export async function packageErrors(compiler: string): Promise<string> {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "striate-package-"));
  try {
    const build = {
      extends: join(root, "tsconfig.build.json"),
      compilerOptions: { emitDeclarationOnly: true, outDir: join(folder, "dist") },
    };
    const compilerOptions = {
      ...plainOptions,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      paths: { striate: ["./dist/src/index.d.ts"] },
    };
    writeFileSync(join(folder, "build.json"), JSON.stringify({ ...build, include: [join(root, "src"), join(root, "models")] }));
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["dist/src/index.d.ts"], include: ["dist/models"] }),
    );
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", type: "module" }));
    return (await run("typescript", ["-p", join(folder, "build.json")])) + (await run(compiler, ["-p", folder]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
function readOutput(output: string): Checked {
  const figure = (name: string): number => Number(new RegExp(`^${name}:\\s+([\\d.]+)`, "m").exec(output)?.[1] ?? Number.NaN);
  const errors = [...output.matchAll(/^(.*\.ts)\((\d+),(\d+)\): error (TS\d+: .*)$/gm)].map(
    ([, , line, column, message]) => `${line}:${column} ${message}`,
  );
  return {
    errors,
    instantiations: figure("Instantiations"),
    types: figure("Types"),
    seconds: figure("Check time"),
    megabytes: Math.round(figure("Memory used") / 1024),
  };
}
