/**
 * The memory of activations as `striate memory` tells it, against what onnxruntime takes: `npx tsx bench/activation-memory.ts [part of a name]`.
 *
 * Three figures beside the plan: the bound of liveness; what onnxruntime's arena was asked for, by its own count after each kernel (memory
 * pattern off); and by how much the resident memory of a process of its own grew in a run, with arena and memory pattern off, which holds
 * what kernels allocate for themselves too (Linux: VmHWM, and malloc told to give every large block back).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { type AnyModel, buildInference, compileTraining, createSession, crossEntropy, sgd, writeModelFile } from "striate";
import { mobilenetV2 } from "../models/mobilenet-v2.ts";
import { resnet18, resnet50 } from "../models/resnet.ts";
import { vitB16 } from "../models/vit.ts";
import type { Graph } from "../src/ir/graph.ts";
import { staticShape } from "../src/ir/shape.ts";
import { type TensorData, zeros } from "../src/ir/tensor-data.ts";
import { activationMemory, optimize, substituteShapes } from "../src/passes/index.ts";
import { executedGraphOf, measuredPeak, planMemory } from "../src/runtime/index.ts";

interface Case {
  readonly name: string;
  readonly model: AnyModel;
  readonly batch: number;
  readonly mode: "inference" | "training";
}
const cases: readonly Case[] = [
  { name: "ResNet-50 inference", model: resnet50(), batch: 8, mode: "inference" },
  { name: "ResNet-50 training", model: resnet50(), batch: 8, mode: "training" },
  { name: "ResNet-18 inference", model: resnet18(), batch: 8, mode: "inference" },
  { name: "ResNet-18 training", model: resnet18(), batch: 4, mode: "training" },
  { name: "MobileNetV2 inference", model: mobilenetV2(), batch: 8, mode: "inference" },
  { name: "MobileNetV2 training", model: mobilenetV2(), batch: 4, mode: "training" },
  { name: "ViT-B/16 inference", model: vitB16(), batch: 1, mode: "inference" },
];
const opset = 18;
const threads = availableParallelism();
const session = { intraOpThreads: threads } as const;

interface Built {
  readonly graph: Graph;
  /** Inputs that are weights or the optimizer's state. */
  readonly state: ReadonlySet<string>;
  readonly results: readonly string[];
}
function built({ model, batch, mode }: Case): Built {
  const at = (graph: Graph, purpose: Case["mode"]): Graph =>
    optimize(substituteShapes(graph, new Map([["input", [batch, 3, 224, 224]]])), "all", { purpose }).graph;
  if (mode === "inference") {
    const graph = at(buildInference(model).graph, mode);
    return { graph, state: new Set(), results: graph.outputs.map(({ name }) => name) };
  }
  const { graph, manifest } = compileTraining(model, { loss: crossEntropy(), optimizer: sgd({ lr: 0.1, momentum: 0.9 }) });
  return { graph: at(graph, mode), state: new Set(manifest.state.map((row) => row.input)), results: [manifest.loss] };
}
function feedsFor(ports: readonly { readonly name: string; readonly dtype: TensorData["dtype"]; readonly shape: readonly number[] }[]) {
  return Object.fromEntries(
    ports.map(({ name, dtype, shape }) => {
      const data = zeros(
        dtype,
        shape.reduce((a, d) => a * d, 1),
      );
      // Pages of zeros that nobody has touched take no memory.
      if (data instanceof Float32Array) data.fill(0.01);
      return [name, { dtype, shape, data }];
    }),
  );
}

const childFlag = "--in-a-process-of-its-own";
const statusBytes = (key: string): number =>
  1024 * Number(new RegExp(`${key}:\\s*(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? Number.NaN);

/** Prints by how many bytes resident memory grows in a run. */
async function grow(model: string, results: readonly string[]): Promise<void> {
  const opened = await createSession(model, { ...session, memoryArena: false, memoryPattern: false });
  const ports = opened.inputs.map(({ name, dtype, shape }) => ({ name, dtype: dtype ?? "float32", shape: staticShape(shape ?? []) ?? [] }));
  const feeds = feedsFor(ports);
  await opened.run(feeds, results);
  globalThis.gc?.();
  // The high-water mark begins anew.
  writeFileSync("/proc/self/clear_refs", "5");
  const before = statusBytes("VmRSS");
  await opened.run(feeds, results);
  console.log(statusBytes("VmHWM") - before);
  await opened.dispose();
}
async function grown({ graph, results }: Built): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "striate-memory-"));
  try {
    const path = join(folder, "model.onnx");
    await writeModelFile(path, graph, { opset, externalData: true });
    const args = ["--expose-gc", "--import", "tsx", import.meta.filename, childFlag, path, ...results];
    const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: "65536", MALLOC_TRIM_THRESHOLD_: "65536" };
    return Number(execFileSync(process.execPath, args, { encoding: "utf8", env }).trim());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function compare(c: Case): Promise<void> {
  const b = built(c);
  const { executed } = await executedGraphOf(b.graph, opset, session);
  const plan = planMemory(executed, { threads });
  const ports = b.graph.inputs.map(({ name, type }) => ({ name, dtype: type.dtype, shape: staticShape(type.shape) ?? [] }));
  const asked = await measuredPeak(b.graph, { opset, feeds: feedsFor(ports), outputs: b.results, session });
  const resident = await grown(b);
  const liveness = activationMemory(b.graph, { isActivation: (input) => !b.state.has(input.name) }).bytes;
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(1).padStart(7);
  const ratio = (bytes: number): string => (plan.peakBytes / bytes).toFixed(3);
  console.log(
    `${`${c.name}, ${c.batch}`.padEnd(25)} liveness ${mb(liveness)}  plan ${mb(plan.peakBytes)}  asked ${mb(asked)} (${ratio(asked)})  resident ${mb(resident)} (${ratio(resident)})  pattern ${mb(plan.patternBytes)} MB`,
  );
}

const [first = "", path = "", ...rest] = process.argv.slice(2);
if (first === childFlag) await grow(path, rest);
else {
  console.log("(plan / measured)");
  for (const c of cases.filter(({ name }) => name.includes(first))) await compare(c);
}
