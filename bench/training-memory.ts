/**
 * Peak memory and time of ResNet's training step in onnxruntime, each in a process of its own, without and with recomputation.
 * usage: tsx bench/training-memory.ts [resnet50|resnet18] [BATCH] [SIZE] [PART...]; a budget is a part of what the plain step needs.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ort from "onnxruntime-node";
import { compileTraining, crossEntropy, sgd, type TrainingManifest, type TrainingOptions } from "striate";
import { resnet18, resnet50 } from "../models/resnet.ts";
import { isCompileError } from "../src/ir/diagnostic.ts";
import { peakMemory } from "../src/passes/index.ts";

/** What a child is to run. */
interface Job {
  readonly model: string;
  readonly manifest: TrainingManifest;
  readonly batch: number;
  readonly size: number;
}
/** What it found: bytes above what the process held before its first step, and the seconds of its fastest one. */
interface Found {
  readonly bytes: number;
  readonly seconds: number;
  readonly loss: number;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
/** A line of the kernel's account of this process, in bytes. */
const account = (line: string): number =>
  Number(new RegExp(`${line}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;

async function child({ model, manifest, batch, size }: Job): Promise<Found> {
  const session = await ort.InferenceSession.create(model, { enableCpuMemArena: false, enableMemPattern: false, intraOpNumThreads: 2 });
  const wave = (n: number, scale: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i) * scale);
  const feeds: Record<string, ort.Tensor> = {
    input: new ort.Tensor("float32", wave(batch * 3 * size * size, 1), [batch, 3, size, size]),
    target: new ort.Tensor(
      "int64",
      BigInt64Array.from({ length: batch }, (_, i) => BigInt(i % 10)),
      [batch],
    ),
    learning_rate: new ort.Tensor("float32", [0.01], []),
  };
  for (const { input, role, shape } of manifest.state) {
    const n = shape.reduce((a, d) => a * d, 1);
    const data =
      role === "optimizer"
        ? new Float32Array(n)
        : shape.length > 1
          ? wave(n, Math.sqrt((2 * (shape[0] ?? 1)) / n))
          : new Float32Array(n).fill(1);
    feeds[input] = new ort.Tensor("float32", data, [...shape]);
  }
  const before = account("VmRSS");
  let [bytes, seconds, loss] = [0, Number.POSITIVE_INFINITY, Number.NaN];
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    // Every node runs; the next state is left out, which a trainer keeps in tensors of its own and onnxruntime-node would copy.
    const results = await session.run(feeds, ["loss"]);
    seconds = Math.min(seconds, (performance.now() - start) / 1000);
    loss = Number(results["loss"]?.data[0]);
    // Later steps add what JavaScript has not collected yet.
    if (i === 0) bytes = account("VmHWM") - before;
  }
  return { bytes, seconds, loss };
}

function measured(job: Job): Found {
  const run = spawnSync(process.execPath, [...process.execArgv, process.argv[1] ?? "", "child"], {
    encoding: "utf8",
    input: JSON.stringify(job),
    // Large blocks go back to the system when they are freed, so that what is resident is what is alive.
    env: { ...process.env, MALLOC_MMAP_THRESHOLD_: "65536", MALLOC_ARENA_MAX: "1" },
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as Found;
}

function parent([name = "resnet50", batchText = "8", sizeText = "160", ...parts]: readonly string[]): void {
  const [batch, size] = [Number(batchText), Number(sizeText)];
  const model = (name === "resnet50" ? resnet50 : resnet18)({ numClasses: 10 });
  const options: TrainingOptions = { loss: crossEntropy(), optimizer: sgd({ momentum: 0.9 }), shapes: { input: [batch, 3, size, size] } };
  const folder = mkdtempSync(join(tmpdir(), "striate-memory-"));
  const path = join(folder, "step.onnx");
  const sizes = new Map<string, number>();
  const measure = (title: string, more: Partial<TrainingOptions>, plain?: Found & { readonly planned: number }) => {
    const { bytes, manifest, graph } = compileTraining(model, { ...options, ...more });
    writeFileSync(path, bytes);
    const planned = peakMemory(graph, sizes);
    const found = measured({ model: path, manifest, batch, size });
    const ratio =
      plain === undefined
        ? ""
        : `, ${(found.bytes / plain.bytes).toFixed(2)} of the memory in ${(found.seconds / plain.seconds).toFixed(2)} of the time`;
    const same = plain === undefined || Object.is(plain.loss, found.loss) ? "" : ` ANOTHER LOSS: ${found.loss}, not ${plain.loss}`;
    console.log(
      `${title}: planned ${megabytes(planned)} with ${megabytes(held(graph.inputs))} of inputs, measured ${megabytes(found.bytes)} beside them, ${(found.seconds * 1e3).toFixed(0)} ms${ratio}${same}`,
    );
    return { ...found, planned };
  };
  try {
    const plain = measure(`${name}, batch ${batch}, ${size} x ${size}, as written`, { passes: { without: ["schedule"] } });
    measure("scheduled", {}, plain);
    for (const part of parts.length > 0 ? parts.map(Number) : [0.85, 0.75]) {
      const budget = Math.floor(part * plain.planned);
      try {
        measure(`budget ${megabytes(budget)}`, { memory: { budget } }, plain);
      } catch (error) {
        if (!isCompileError(error)) throw error;
        console.log(error.message);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
/** Bytes of float32 inputs; the others are small. */
const held = (inputs: readonly { readonly type: { readonly shape: readonly (number | string)[] } }[]): number =>
  inputs.reduce((sum, { type }) => sum + type.shape.reduce<number>((n, d) => n * Number(d), 4), 0);

if (process.argv[2] === "child") console.log(JSON.stringify(await child(JSON.parse(readFileSync(0, "utf8")) as Job)));
else parent(process.argv.slice(2));
