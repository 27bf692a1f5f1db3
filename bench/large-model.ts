/** Writes and reads a model with 2.5 GiB of weights, and lets onnxruntime run it: `npx tsx bench/large-model.ts [folder]`. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ort from "onnxruntime-node";
import { readModelFile, writeModelFile } from "../src/codegen/index.ts";
import { GraphBuilder } from "../src/ir/index.ts";

const count = 5;
const elements = 2 ** 27;
const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "striate-large-"));
const path = join(folder, "large.onnx");
try {
  const b = new GraphBuilder("large");
  const x = b.input("x", { dtype: "float32", shape: [1] });
  const rows = Array.from({ length: count }, (_, i) => {
    const data = new Float32Array(elements);
    data[elements - 1] = i + 1;
    return b.add("Gather", [b.initializer(`w${i}`, { dtype: "float32", shape: [elements], data }), b.constant("int64", [elements - 1])]);
  });
  b.output(b.add("Sum", [x, ...rows]), "y");
  const gigabytes = (count * elements * 4) / 1e9;
  const timed = async <R>(what: string, run: () => Promise<R>): Promise<R> => {
    const start = performance.now();
    const result = await run();
    const seconds = (performance.now() - start) / 1000;
    console.log(`${what}: ${gigabytes.toFixed(2)} GB in ${seconds.toFixed(1)} s, ${(gigabytes / seconds).toFixed(2)} GB/s`);
    return result;
  };
  await timed("write", () => writeModelFile(path, b.build()));
  console.log(`the model itself has ${statSync(path).size} bytes`);
  const { graph } = await timed("read", () => readModelFile(path));
  const last = [...graph.initializers.values()].filter((t) => t.data.length === elements).map((t) => t.data[elements - 1]);
  if (last.join() !== "1,2,3,4,5") throw new Error(`read ${last.join()}`);
  const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3 });
  const { y } = await session.run({ x: new ort.Tensor("float32", [0.5], [1]) });
  if (y?.data[0] !== 15.5) throw new Error(`onnxruntime gives ${String(y?.data[0])}`);
  await session.release();
  console.log("onnxruntime agrees");
} finally {
  rmSync(folder, { recursive: true });
}
