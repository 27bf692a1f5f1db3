import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import ort from "onnxruntime-node";
import { crossEntropy, sgd } from "striate";
import { expect, test } from "vitest";
import { simpleCnn } from "../../models/simple-cnn.ts";
import { writeModel } from "../../src/codegen/index.ts";
import { compileTraining } from "../../src/compile/index.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Value } from "../../src/ir/graph.ts";
import { verify } from "../../src/ir/verify.ts";
import { executionOrder } from "../../src/passes/index.ts";
import { toOrt } from "../../src/runtime/ort-tensor.ts";
import { feedsFor } from "./same-outputs.ts";

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

const program = fc.array(fc.record({ op: fc.constantFrom("Tanh", "Add", "Mul", "Sub"), x: fc.nat(), y: fc.nat() }), {
  minLength: 2,
  maxLength: 25,
});
function randomGraph(list: typeof program extends fc.Arbitrary<infer T> ? T : never, kept: readonly number[]): Graph {
  const b = new GraphBuilder("G");
  const values: Value[] = [b.input("x", { dtype: "float32", shape: ["N", 4] }), b.input("w", { dtype: "float32", shape: [4] })];
  const pick = (i: number): Value => values[i % values.length] ?? b.constant("float32", 1);
  for (const { op, x, y } of list) values.push(op === "Tanh" ? b.add(op, [pick(x)]) : b.add(op, [pick(x), pick(y)]));
  b.output(values.at(-1) ?? pick(0), "last");
  for (const [k, i] of kept.entries()) b.output(pick(i), `out${k}`);
  return b.build();
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
