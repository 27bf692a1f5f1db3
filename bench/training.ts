/**
 * Training step and inference of SimpleCNN and ResNet-18 against PyTorch eager, in turn in one run: prints the ratio of medians,
 * PyTorch's time over ours. usage: tsx bench/training.ts [ROUNDS]; PYTHON names a Python with torch.
 */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { type AnyModel, compile, createSession, createTrainer, crossEntropy, sgd, type TensorData } from "striate";
import { resnet18 } from "../models/resnet.ts";
import { simpleCnn } from "../models/simple-cnn.ts";

interface Case {
  readonly name: "simple-cnn" | "resnet18";
  readonly model: AnyModel;
  readonly batch: number;
  readonly image: readonly [number, number, number];
}
const cases: readonly Case[] = [
  { name: "simple-cnn", model: simpleCnn(), batch: 128, image: [1, 28, 28] },
  { name: "resnet18", model: resnet18({ numClasses: 10, imageSize: 32 }), batch: 32, image: [3, 32, 32] },
];
const modes = ["training", "inference"] as const;
const rounds = Number(process.argv[2] ?? 3);
const repeats = 15;
const threads = Math.min(availableParallelism(), 2);

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
function input({ batch, image }: Case): TensorData {
  const n = image.reduce((a, b) => a * b, batch);
  // A fixed pattern with zero mean: speed does not depend on the values as long as they stay normal numbers.
  return { dtype: "float32", shape: [batch, ...image], data: Float32Array.from({ length: n }, (_, i) => Math.sin(i)) };
}
async function timed(call: () => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < repeats + 3; i++) {
    const start = performance.now();
    await call();
    if (i >= 3) times.push((performance.now() - start) / 1000);
  }
  return times;
}
async function ours(c: Case, mode: (typeof modes)[number]): Promise<readonly number[]> {
  const x = input(c);
  if (mode === "inference") {
    const session = await createSession(compile(c.model).bytes, { intraOpThreads: threads });
    const times = await timed(() => session.run({ input: x }));
    await session.dispose();
    return times;
  }
  const trainer = await createTrainer(c.model, {
    loss: crossEntropy(),
    optimizer: sgd({ lr: 0.01, momentum: 0.9 }),
    intraOpThreads: threads,
  });
  const target: TensorData = { dtype: "int64", shape: [c.batch], data: BigInt64Array.from({ length: c.batch }, (_, i) => BigInt(i % 10)) };
  const times = await timed(() => trainer.trainStep({ inputs: { input: x }, targets: { target }, size: c.batch }));
  await trainer.dispose();
  return times;
}
function peers(c: Case, mode: string): readonly number[] {
  const script = new URL("./peer.py", import.meta.url).pathname;
  const run = spawnSync(process.env["PYTHON"] ?? "python3", [script, c.name, mode, String(c.batch), String(repeats), String(threads)], {
    encoding: "utf8",
  });
  if (run.status !== 0) throw new Error(`no PyTorch to compare with: set PYTHON to a Python that has torch\n${run.stderr}`);
  return (JSON.parse(run.stdout) as { readonly seconds: readonly number[] }).seconds;
}

console.log(`${threads} threads; PyTorch's time / ours, above 1 is faster than PyTorch eager`);
for (const c of cases) {
  for (const mode of modes) {
    const pairs: (readonly [number, number])[] = [];
    for (let i = 0; i < rounds; i++) pairs.push([median(await ours(c, mode)), median(peers(c, mode))]);
    const ratios = pairs.map(([mine, theirs]) => theirs / mine);
    const mine = median(pairs.map(([m]) => m));
    const theirs = median(pairs.map(([, t]) => t));
    console.log(
      `${c.name} ${mode}, batch ${c.batch}: ${(mine * 1e3).toFixed(1)} ms, PyTorch ${(theirs * 1e3).toFixed(1)} ms, ratio ${median(ratios).toFixed(2)} (${ratios.map((r) => r.toFixed(2)).join(", ")})`,
    );
  }
}
