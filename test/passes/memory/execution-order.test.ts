import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import ort from "onnxruntime-node";
import { crossEntropy, sgd } from "striate";
import { expect, test } from "vitest";
import { simpleCnn } from "../../../models/simple-cnn.ts";
import { writeModel } from "../../../src/codegen/index.ts";
import { compileTraining } from "../../../src/compile/index.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { verify } from "../../../src/ir/verify.ts";
import { executionOrder } from "../../../src/passes/index.ts";
import { toOrt } from "../../../src/runtime/ort-tensor.ts";
import { feedsFor } from "../same-outputs.ts";
import { program, randomGraph } from "./random-graph.ts";

/** The names of the nodes in the order in which onnxruntime ran their kernels, its own optimisations off. */
async function kernelsOf(graph: Graph): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "striate-"));
  try {
    const session = await ort.InferenceSession.create(writeModel(graph, { opset: 18 }), {
      graphOptimizationLevel: "disabled",
      intraOpNumThreads: 1,
      enableProfiling: true,
      profileFilePrefix: join(folder, "profile"),
    });
    await session.run(Object.fromEntries([...feedsFor(graph, { N: 2 })].map(([name, tensor]) => [name, toOrt(tensor)])));
    session.endProfiling();
    await session.release();
    const [file = ""] = readdirSync(folder);
    const events: unknown = JSON.parse(readFileSync(join(folder, file), "utf8"));
    if (!Array.isArray(events)) throw new Error("a profile is a list");
    return events.flatMap(({ name }: { readonly name: string }) => /^(.*)_kernel_time$/.exec(name)?.[1] ?? []);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("onnxruntime runs random graphs in the order foretold", async () => {
  await fc.assert(
    fc.asyncProperty(program, fc.array(fc.nat(), { maxLength: 4 }), async (list, kept) => {
      const graph = randomGraph(list, kept);
      expect(await kernelsOf(graph)).toEqual(executionOrder(graph).map(({ name }) => name));
    }),
    { numRuns: 30, seed: 5 },
  );
});

test("onnxruntime runs a training step in the order foretold, and that order can be run", async () => {
  const { graph } = compileTraining(simpleCnn(), { loss: crossEntropy(), optimizer: sgd({ momentum: 0.9 }), seed: 1 });
  const order = executionOrder(graph);
  expect(await kernelsOf(graph)).toEqual(order.map(({ name }) => name));
  expect(verify({ ...graph, nodes: order })).toEqual([]);
});
