/** `run.json`: the arguments of a run, so that `--resume` needs only its folder. */
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../../codegen/atomic-file.ts";
import { userError } from "../../ir/diagnostic.ts";
import { nowhere } from "../../ir/location.ts";

const fileOf = (folder: string): string => join(folder, "run.json");
const mostBytes = 1_000_000;

/** How a run was started. */
export interface RunStart {
  /** The arguments behind `striate train`. */
  readonly args: readonly string[];
  /** The folder that paths in them count from. */
  readonly cwd: string;
}

/** Notes how a run was started in its folder. Throws a CompileError when the folder cannot be written. */
export async function writeRun(folder: string, start: RunStart): Promise<void> {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw userError("run-folder", `${folder}: cannot make it: ${error instanceof Error ? error.message : String(error)}`, nowhere);
  }
  await writeFileAtomically(fileOf(folder), [Buffer.from(`${JSON.stringify({ version: 1, ...start }, null, 2)}\n`)]);
}

/** How the run in a folder was started. Throws a CompileError when there is none. */
export function readRun(folder: string): RunStart {
  const path = fileOf(folder);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined)
    throw userError("run-file", `${folder}: there is no run in it`, nowhere, { help: "a run's folder has a file run.json" });
  const parsed = stat.size > mostBytes ? null : parsedFile(path);
  if (typeof parsed === "object" && parsed !== null && "args" in parsed && "cwd" in parsed) {
    const { args, cwd } = parsed;
    if (areTexts(args) && typeof cwd === "string") return { args, cwd };
  }
  throw userError("run-file", `${path}: is damaged`, nowhere);
}
function parsedFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}
const areTexts = (x: unknown): x is readonly string[] => Array.isArray(x) && x.every((v) => typeof v === "string");
