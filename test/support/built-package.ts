/** The package as npm packs it, built once for all tests: its command line starts in little more than half of the time that the sources take. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** What `npx striate` starts where the package is installed. */
    readonly program: string;
  }
}

const root = resolve(import.meta.dirname, "../..");
const cache = join(root, "node_modules/.cache");

/** Builds it before the first test, and removes it behind the last. Types are checked elsewhere. */
export default function setup(project: TestProject): () => void {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "striate-"));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const options = ["-p", "tsconfig.build.json", "--outDir", join(folder, "dist"), "--noCheck", "--declaration", "false"];
  execFileSync(process.execPath, [compiler, ...options], { cwd: root, stdio: "inherit" });
  for (const part of ["bin", "package.json"]) cpSync(join(root, part), join(folder, part), { recursive: true });
  project.provide("program", join(folder, "bin/striate.js"));
  return () => rmSync(folder, { recursive: true, force: true });
}
