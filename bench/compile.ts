/**
 * What it takes to compile a network, from its TypeScript to the bytes of its file, with weights drawn from a seed: time by stage, and peak
 * memory beside the weights. The peer is onnxruntime: the same network read from a file that nobody has optimised, its own optimisations
 * (which fold batch normalisation too), and the result written.
 *
 * usage: tsx bench/compile.ts [--models resnet50,resnet152] [--runs N]
 *
 * The peer's work is that of the stages "optimise" and "encode", with which it is compared. Memory is told as the peak of the process, in
 * which tsx and what the models import take their part, and as what it grew by.
 *
 * Each run is a process of its own, since who compiles does it once, with code that no engine has warmed up. Processes take turns, and the
 * figures are the least of their runs: CPU time, that of the engine's own threads included, which other programs on the machine disturb least.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import * as resnets from "../models/resnet.ts";
import { writeModel, writeModelFile } from "../src/codegen/index.ts";
import { buildInference, compile, sourceOf } from "../src/compile/index.ts";
import { bytesOf } from "../src/ir/tensor-data.ts";
import { bindInputs } from "../src/passes/index.ts";
import { onnxruntime } from "../src/runtime/onnxruntime.ts";

const { values: flags } = parseArgs({
  options: {
    models: { type: "string", default: "resnet50,resnet152" },
    runs: { type: "string", default: "5" },
    child: { type: "string" },
    file: { type: "string", default: "" },
  },
});

/** Seconds of CPU time by stage, and bytes. */
type Found = Readonly<Record<string, number>>;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

const makers: Readonly<Record<string, unknown>> = resnets;
type Maker = typeof resnets.resnet50;
const isMaker = (x: unknown): x is Maker => typeof x === "function";
function modelNamed(name: string): ReturnType<Maker> {
  const make = makers[name];
  if (!isMaker(make)) throw new Error(`models/resnet.ts has no ${name}`);
  return make();
}

/** The clock of a child: the seconds of each stage. */
function stages(): { readonly found: Record<string, number>; readonly timed: <R>(name: string, run: () => R) => R } {
  const found: Record<string, number> = {};
  return {
    found,
    timed: (name, run) => {
      const before = process.cpuUsage();
      const result = run();
      const { user, system } = process.cpuUsage(before);
      found[name] = (user + system) / 1e6;
      return result;
    },
  };
}
/** A line of the kernel's account of this process, in bytes. */
const account = (line: string): number =>
  Number(new RegExp(`${line}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;

/** The CPU time and the memory of some work. */
async function measuredHere(work: () => unknown): Promise<Found> {
  const [held, start, before] = [account("VmRSS"), performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  const peak = account("VmHWM");
  return { cpu: (user + system) / 1e6, wall: (performance.now() - start) / 1000, peak, grown: peak - held };
}

const children: Readonly<Record<string, (name: string) => Found | Promise<Found>>> = {
  /** The compilation as users call it. */
  bytes: (name) => measuredHere(() => compile(modelNamed(name))),
  /** The same to a file, as the command line does it: the bytes are never in one piece. */
  file: (name) => measuredHere(() => writeModelFile(flags.file, buildInference(modelNamed(name)).graph)),
  /** The same steps one by one. */
  stages: (name) => {
    const { found, timed } = stages();
    const model = modelNamed(name);
    const source = timed("build, infer", () => sourceOf(model));
    const weights = timed("draw weights", () => source.initial(0));
    const bytes = [...weights.values()].reduce((sum, tensor) => sum + bytesOf(tensor).byteLength, 0);
    const { graph } = timed("optimise", () => buildInference(bindInputs(source.graph, weights)));
    timed("encode", () => writeModel(graph));
    return { ...found, weights: bytes };
  },
  /** onnxruntime's own optimisations, from file to file. */
  onnxruntime: () => {
    const { InferenceSession } = onnxruntime();
    const options = { graphOptimizationLevel: "extended", optimizedModelFilePath: flags.file, logSeverityLevel: 3 } as const;
    return measuredHere(async () => (await InferenceSession.create(`${flags.file}.plain`, options)).release());
  },
};

if (flags.child !== undefined) {
  const [kind = "", name = ""] = flags.child.split(" ");
  console.log(JSON.stringify(await children[kind]?.(name)));
} else {
  const folder = mkdtempSync(join(tmpdir(), "striate-compile-"));
  try {
    const table = new Table({ head: ["", ...flags.models.split(",")], style: { head: [], border: [], compact: true } });
    const columns = [];
    for (const name of flags.models.split(",")) columns.push(await measured(name, join(folder, "model.onnx")));
    for (const row of Object.keys(columns[0] ?? {})) table.push([row, ...columns.map((column) => column[row] ?? "")]);
    console.log(table.toString());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The rows of a model's column. */
async function measured(name: string, file: string): Promise<Readonly<Record<string, string>>> {
  await writeModelFile(`${file}.plain`, buildInference(modelNamed(name), { optimize: "none" }).graph);
  const runs: Record<string, Found[]> = {};
  for (let run = 0; run < Number(flags.runs); run++) {
    for (const kind of Object.keys(children)) {
      const args = ["--import", "tsx", fileURLToPath(import.meta.url), "--child", `${kind} ${name}`, "--file", file];
      const found: Found = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
      runs[kind] = [...(runs[kind] ?? []), found];
    }
  }
  const least = (kind: string, figure: string): number => Math.min(...(runs[kind] ?? []).map((found) => found[figure] ?? Number.NaN));
  const weights = least("stages", "weights");
  const seconds = (kind: string, figure: string): string => `${least(kind, figure).toFixed(2)} s`;
  const memory = (kind: string): string => {
    const [all, grown] = [least(kind, "peak"), least(kind, "grown")];
    return `${megabytes(all)}, ${(all / weights).toFixed(2)} times the weights (grew by ${(grown / weights).toFixed(2)})`;
  };
  const time = (kind: string): string => `${seconds(kind, "cpu")} of CPU, ${seconds(kind, "wall")} on the clock`;
  const parts = ["build, infer", "draw weights", "optimise", "encode"];
  const comparable = least("stages", "optimise") + least("stages", "encode");
  return {
    weights: megabytes(weights),
    ...Object.fromEntries(parts.map((stage) => [stage, seconds("stages", stage)])),
    "compile, to bytes": time("bytes"),
    "  peak memory": memory("bytes"),
    "compile, to a file": time("file"),
    "  peak memory ": memory("file"),
    "onnxruntime, file to file": time("onnxruntime"),
    "  peak memory  ": memory("onnxruntime"),
    "CPU beside onnxruntime's": (comparable / least("onnxruntime", "cpu")).toFixed(2),
  };
}
