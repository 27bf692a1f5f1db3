/**
 * What onnxruntime-web takes: its wasm build, run in Node, on the conformance cases of every op as striate writes them for the browser, on
 * networks of models/, and on ops that become others for webgpu, whose time in wasm stands beside that of the op itself.
 *
 * usage: tsx bench/browser.ts FOLDER [--target NAME] [--opsets LIST] [--cases N]
 *
 * FOLDER is the unpacked npm package onnxruntime-web, with onnxruntime-common beside it in node_modules: no dependency of striate. Needs
 * ../shared/conformance. Exits with 1 when wasm refuses a case that onnxruntime-node takes, or computes something else.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type * as ort from "onnxruntime-common";
import { densenet121 } from "../models/densenet.ts";
import { inceptionV3 } from "../models/inception-v3.ts";
import { mobilenetV2 } from "../models/mobilenet-v2.ts";
import { resnet18 } from "../models/resnet.ts";
import { unet } from "../models/unet.ts";
import { vit } from "../models/vit.ts";
import { parseModel, writeModel } from "../src/codegen/index.ts";
import { buildInference, type Compilable } from "../src/compile/index.ts";
import type { Graph } from "../src/ir/graph.ts";
import { isOpType, type OpType, signatures } from "../src/ir/op-types.ts";
import { parseGraph } from "../src/ir/parse-text.ts";
import type { TargetName } from "../src/ir/targets.ts";
import { numbersOf, type TensorData } from "../src/ir/tensor-data.ts";
import { lower, optimize } from "../src/passes/index.ts";
import { toOrt } from "../src/runtime/ort-tensor.ts";
import { feedsFor } from "../test/passes/same-outputs.ts";
import { difference } from "../test/support/compare.ts";
import { readTensor } from "../test/support/onnx-data.ts";
import { runModel } from "../test/support/onnxruntime.ts";
import { backendRows, packFolder } from "../test/support/packs.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: "string", default: "browser" },
    opsets: { type: "string", default: "18,21" },
    cases: { type: "string", default: "3" },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error("usage: tsx bench/browser.ts FOLDER");
const web: typeof ort = await import(pathToFileURL(join(resolve(folder), "dist/ort.node.min.mjs")).href);
web.env.wasm.numThreads = 1;
web.env.logLevel = "error";
const provider: TargetName = flags.target === "portable" ? "portable" : "browser";
const opsets = flags.opsets.split(",").map(Number);

type Feeds = ReadonlyMap<string, TensorData>;
const open = (bytes: Uint8Array, level: "disabled" | "all" = "disabled"): Promise<ort.InferenceSession> =>
  web.InferenceSession.create(bytes, { executionProviders: ["wasm"], graphOptimizationLevel: level, logSeverityLevel: 3 });
/** The package has a class of tensors of its own. */
const feedsOf = (feeds: Feeds): Readonly<Record<string, ort.Tensor>> =>
  Object.fromEntries(
    [...feeds].map(([name, tensor]) => {
      const { type, data, dims } = toOrt(tensor);
      return [name, new web.Tensor(type, data, dims)];
    }),
  );
/** The graph in what the target has. */
const fitted = (graph: Graph, opset: number): Graph =>
  optimize(lower(graph, { opset, provider }), "all", { last: { opset, provider } }).graph;

/** What is wrong with a model in wasm; null where it computes what onnxruntime-node does. */
async function faultOf(bytes: Uint8Array, feeds: Feeds, expected: Feeds): Promise<string | null> {
  try {
    const session = await open(bytes);
    const results = await session.run(feedsOf(feeds));
    await session.release();
    for (const [name, tensor] of expected) {
      const found = results[name];
      const data = found === undefined || tensor.dtype === "string" ? [] : Array.from(found.data, Number);
      if (tensor.dtype === "string") continue;
      const actual: TensorData = { dtype: "float64", shape: found?.dims ?? [], data: Float64Array.from(data) };
      const wanted: TensorData = {
        dtype: "float64",
        shape: tensor.shape,
        data: Float64Array.from(numbersOf(tensor) ?? Array.from(tensor.data, Number)),
      };
      // Two builds of the same kernels, one of them without AVX.
      const fault = difference(name, actual, wanted, { rtol: 1e-3, atol: 1e-4 });
      if (fault !== null) return fault;
    }
    return null;
  } catch (error) {
    return String(error).slice(0, 200);
  }
}

const tried = new Map<OpType, number>();
let cases = 0;
for (const row of backendRows()) {
  const ops = Object.keys(row.ops).filter((op) => isOpType(op));
  const isKnown = row.verified && ops.length === Object.keys(row.ops).length;
  if (!isKnown || ops.every((op) => (tried.get(op) ?? 0) >= Number(flags.cases))) continue;
  for (const opset of opsets) {
    let bytes: Uint8Array;
    let feeds: Feeds;
    let expected: Feeds;
    try {
      const { graph } = parseModel(readFileSync(join(packFolder("backend"), row.case, "model.onnx")));
      const data = join(packFolder("backend"), row.case, "test_data_set_0");
      const inputs = readdirSync(data).filter((name) => name.startsWith("input_"));
      feeds = new Map(
        graph.inputs.flatMap(({ name }, i) => (i < inputs.length ? [[name, readTensor(join(data, `input_${i}.pb`))] as const] : [])),
      );
      bytes = writeModel(fitted(graph, opset), { opset });
      expected = await runModel(bytes, feeds);
    } catch {
      // An op of another opset, or a case that onnxruntime-node does not run either.
      continue;
    }
    cases++;
    const fault = await faultOf(bytes, feeds, expected);
    if (fault !== null) {
      console.log(`${row.case} in opset ${opset}: ${fault}`);
      process.exitCode = 1;
    }
    for (const op of ops) tried.set(op, (tried.get(op) ?? 0) + 1);
  }
}
const standard = Object.entries(signatures).flatMap(([op, { domain }]) => (domain === "" ? [op] : []));
const untried = standard.filter((op) => !isOpType(op) || !tried.has(op));
console.log(`wasm: ${cases} cases, ${tried.size} of ${standard.length} ops; without a case: ${untried.join(", ")}\n`);

const small = { numClasses: 10, imageSize: 32, patchSize: 8, numLayers: 2, numHeads: 4, hiddenDim: 32, mlpDim: 64 } as const;
const models: Readonly<Record<string, () => Compilable>> = { resnet18, mobilenetV2, densenet121, inceptionV3, unet, vit: () => vit(small) };
for (const [name, make] of Object.entries(models)) {
  const opset = 21;
  const { graph, report } = buildInference(make(), { provider, opset });
  const bytes = writeModel(graph, { opset });
  const feeds = feedsFor(graph, { N: 1 });
  const fault = await faultOf(bytes, feeds, await runModel(bytes, feeds));
  const left = report.flatMap(({ pass, skipped }) => (pass === "fit-webgpu" ? skipped : [])).length;
  console.log(`${name}: ${graph.nodes.length} nodes, ${left} of them not on webgpu; in wasm ${fault ?? "the same"}`);
}

const image = "float32[1, 64, 56, 56]";
const calls = [
  "PRelu(x, s)",
  "Softplus(x)",
  "Mish(x)",
  "LogSoftmax(x) {axis = 1}",
  "Max(x, z)",
  "Sum(x, z, x)",
  "Sign(x)",
  "SpaceToDepth(x) {blocksize = 2}",
];
console.log("\n| op | ms in wasm | its parts, ratio | of medians |\n|---|---|---|---|");
for (const call of calls) {
  const type = call.startsWith("SpaceToDepth") ? "float32[1, 256, 28, 28]" : image;
  const slopes = Array.from({ length: 64 }, (_, i) => i / 64).join();
  const whole = parseGraph(`G(x: ${image}, z: ${image}) -> (y: ${type}) {\n s = float32[64, 1, 1] {${slopes}}\n %y = ${call} : ${type}\n}`);
  const sessions = [await open(writeModel(whole), "all"), await open(writeModel(fitted(whole, 18)), "all")];
  const times = sessions.map((): number[] => []);
  const feeds = feedsOf(feedsFor(whole));
  for (let run = 0; run < 30; run++) {
    for (const [i, session] of sessions.entries()) {
      const before = process.cpuUsage();
      await session.run(feeds);
      const { user, system } = process.cpuUsage(before);
      if (run > 0) times[i]?.push((user + system) / 1000);
    }
  }
  const [least, middle] = [0, 14].map((at) => times.map((t) => t.toSorted((a, b) => a - b)[at] ?? 0));
  const ratio = ([a = 1, b = 0]: readonly number[] = []): string => (b / a).toFixed(2);
  console.log(`| ${call} | ${least?.[0]?.toFixed(2)} | ${ratio(least)} | ${ratio(middle)} |`);
}
