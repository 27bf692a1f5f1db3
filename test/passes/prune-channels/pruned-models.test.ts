import { expect, test } from "vitest";
import { mobilenetV2 } from "../../../models/mobilenet-v2.ts";
import { resnet18 } from "../../../models/resnet.ts";
import { buildInference, type Compilable, sourceOf } from "../../../src/compile/index.ts";
import { substitute } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { bindInputs, cost, optimize, pruneChannels } from "../../../src/passes/index.ts";
import { expectSameOutputs, numbersFrom } from "../same-outputs.ts";

const macs = (graph: Graph): number => Number(substitute(cost(graph).macs, new Map([["N", 1]])));
/** A model with a part of the scales and shifts of its batch norms zero, as network slimming (arXiv:1708.06519) leaves them. */
function slimmed(model: Compilable, part: number): Graph {
  const { source } = buildInference(model, { optimize: "none", seed: 3 });
  const inputs = new Set(sourceOf(model).graph.inputs.map(({ name }) => name));
  const weights = new Map([...source.initializers].flatMap(([{ name }, tensor]) => (inputs.has(name) ? [[name, tensor] as const] : [])));
  for (const node of source.nodes) {
    if (node.opType !== "BatchNormalization") continue;
    const drawn = numbersFrom(node.name.length * 131 + node.name.charCodeAt(5), 4096).map((v) => (v + 1) / 2 < part);
    for (const value of node.inputs.slice(1, 3)) {
      const tensor = weights.get(value?.name ?? "");
      if (!value || !(tensor?.data instanceof Float32Array)) throw new Error(`"${node.name}" has float32 scales and shifts`);
      weights.set(value.name, { ...tensor, data: tensor.data.map((v, c) => (drawn[c] ? 0 : v)) });
    }
  }
  return bindInputs(sourceOf(model).graph, weights);
}

test.each<readonly [string, Graph, number, number]>([
  // Inside of a block the first convolution has 0.7 of its filters, the second 0.7 of its input channels; the sums keep theirs.
  ["ResNet-18, 30 % of all filters", slimmed(resnet18({ imageSize: 64 }), 0.3), 0.6, 0.76],
  // The hidden channels of a block are those of its depthwise convolution: half of them go, and half of what sums do not hold.
  ["MobileNetV2, half of all filters", slimmed(mobilenetV2({ imageSize: 32 }), 0.5), 0.25, 0.5],
])("%s: fewer multiply-adds, the same outputs", async (_, before, least, most) => {
  const { graph } = pruneChannels(before);
  const left = macs(graph) / macs(before);
  expect(left).toBeGreaterThan(least);
  expect(left).toBeLessThan(most);
  // Batch norms that are folded into filters leave the same zeros, and layers that have become narrow are merged.
  expect(macs(optimize(before).graph)).toBeLessThanOrEqual(macs(graph));
  // Sums of up to 4608 products in another order, through up to 52 layers: parts of logits around 1.
  await expectSameOutputs(before, graph, { rtol: 1e-3, atol: 1e-4 }, { sizes: { N: 1 } });
});

test("a model without zeros is left as it is", () => {
  const { source } = buildInference(mobilenetV2({ imageSize: 32 }), { optimize: "none" });
  expect(pruneChannels(source)).toEqual({ graph: source, applied: [], skipped: [] });
});
