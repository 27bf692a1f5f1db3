/** The graphs of onnxoptimizer's own tests: the node counts asserted there, or fewer, with the outputs that the file as it was gives. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseModel, writeModel } from "../../src/codegen/index.ts";
import { isCompileError } from "../../src/ir/diagnostic.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { verify } from "../../src/ir/verify.ts";
import { lower, optimize } from "../../src/passes/index.ts";
import { feedsFor } from "../passes/same-outputs.ts";
import { difference } from "../support/compare.ts";
import { runModel } from "../support/onnxruntime.ts";
import { type OptimizerRow, optimizerRows, packFolder, packsMissing } from "../support/packs.ts";

/** Cases that are refused when they are read, with the error's code and why that is right, or what is missing. */
const refused: Readonly<Record<string, readonly [code: string, why: string]>> = {
  ...cases("unknown-op", "control flow (If, Loop) is not known", [
    "test_eliminate_identity_single_use",
    "test_eliminate_if_with_const_cond_with_subgraph_param",
    "test_eliminate_if_with_const_false_cond",
    "test_eliminate_unused_initializer_no_eliminate_used",
    "test_fuse_consecutive_squeezes",
    "test_fuse_transpose_into_gemm",
    "test_lift_lex_if",
    "test_lift_lex_loop",
    "test_nop_transpose",
    "test_split_predict_and_lift_lexical_references_for_caffe2_backend",
  ]),
  ...cases("kernel-too-large", "the kernel does not fit the cropped input: the graph cannot run, and onnxruntime refuses it too", [
    "test_fuse_pad_into_avgpool_negative_pad_no_fuse_opset10",
    "test_fuse_pad_into_maxpool_negative_pad_no_fuse",
    "test_fuse_pad_into_maxpool_negative_pad_no_fuse_opset10",
  ]),
  ...cases("model-file", "the file declares X9 as bool[2], which is And of bool[3, 2]", ["test_eliminate_nop_with_unit"]),
};
/** Cases in which onnxoptimizer's result has fewer nodes and another meaning: the number that keeps it. */
const wrongThere: Readonly<Record<string, readonly [nodes: number, why: string]>> = {
  ...counts(2, "MaxPool pads with minus infinity: zeros are the maximum where the input is negative", [
    "test_fuse_pad_into_maxpool_1d",
    "test_fuse_pad_into_maxpool_1d_opset10",
    "test_fuse_pad_into_maxpool_existing_maxpool_pad",
    "test_fuse_pad_into_maxpool_no_optional_value",
    "test_fuse_pad_into_maxpool_no_optional_value_opset10",
    "test_fuse_pad_into_maxpool_with_optional_value",
  ]),
  ...counts(2, "axis 1 is reduced and axis 0 is inserted: keepdims would give [5, 1, 9] and not [1, 5, 9]", [
    "test_fuse_reduction_unsqueeze",
  ]),
};
function cases(code: string, why: string, names: readonly string[]): Readonly<Record<string, readonly [string, string]>> {
  return Object.fromEntries(names.map((name) => [name, [code, why] as const]));
}
function counts(nodes: number, why: string, names: readonly string[]): Readonly<Record<string, readonly [number, string]>> {
  return Object.fromEntries(names.map((name) => [name, [nodes, why] as const]));
}

const title = (text: string): string => (packsMissing === null ? text : `${text} (skipped: ${packsMissing})`);
const modelOf = ({ case: name }: OptimizerRow): Uint8Array => readFileSync(join(packFolder("optimizer"), `${name}.onnx`));
const rows = optimizerRows().map((row) => [row.case, row] as const);

/** The graph of a model, or the code of the error with which it is refused. */
function read(bytes: Uint8Array): Graph | string | undefined {
  try {
    return parseModel(bytes).graph;
  } catch (error) {
    if (!isCompileError(error)) throw error;
    return error.diagnostics[0]?.code;
  }
}

test.skipIf(packsMissing !== null).each(rows)(title("%s"), async (name, row) => {
  const bytes = modelOf(row);
  const graph = read(bytes);
  if (typeof graph !== "object") return expect(graph).toBe(refused[name]?.[0]);
  expect(refused[name], "it is read now: take it out of the list").toBeUndefined();
  const after = optimize(graph).graph;
  expect(verify(after)).toEqual([]);
  // N is a multiple of 4 where one of the cases divides it by 4.
  const feeds = feedsFor(graph, { N: 4, X_1: 3 });
  const expected = await runModel(bytes, feeds);
  const actual = await runModel(writeModel(lower(after, { opset: 18, provider: "portable" }), { opset: 18 }), feeds);
  // Sums of up to some hundred products in another order.
  for (const [output, tensor] of expected) expect(difference(output, actual.get(output), tensor, { rtol: 1e-5, atol: 1e-5 })).toBeNull();
  const asserted = row.expect?.["len(optimized_model.graph.node)"];
  const [most] = wrongThere[name] ?? [asserted];
  if (typeof most === "number") expect(after.nodes.length, after.nodes.map((n) => n.opType).join()).toBeLessThanOrEqual(most);
});

test.skipIf(packsMissing !== null)(title("the lists of exceptions name cases of the pack"), () => {
  const known = new Set(rows.map(([name]) => name));
  expect([...Object.keys(refused), ...Object.keys(wrongThere)].filter((name) => !known.has(name))).toEqual([]);
  expect(rows).toHaveLength(106);
});
