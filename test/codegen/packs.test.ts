/** Every model of the backend and gradients packs whose ops are known: read, verified, printed, written and read again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import onnxProto from "onnx-proto";
import { expect, test } from "vitest";
import { decodeModel, encodeModel, parseModel, writeModel } from "../../src/codegen/index.ts";
import { isCompileError, isOpType, parseGraph, printGraph, signatures, verify } from "../../src/ir/index.ts";
import { backendRows, gradientRows, packFolder, packsMissing } from "../support/packs.ts";

const { onnx } = onnxProto;
const known = (ops: readonly string[]): boolean => ops.every((op) => isOpType(op) && signatures[op].domain === "");
const models = (): readonly string[] => [
  ...backendRows().flatMap((row) =>
    known(Object.keys(row.ops)) && row.opset <= 26 ? [join(packFolder("backend"), row.case, "model.onnx")] : [],
  ),
  ...gradientRows().flatMap((row) => (known(row.ops) ? [join(packFolder("gradients"), row.case, "model.onnx")] : [])),
];
const title = (text: string): string => (packsMissing === null ? text : `${text} (skipped: ${packsMissing})`);

/** Reasons why a model is not taken, each with how many say so: the numbers only go down. */
const refusals: Readonly<Record<string, number>> = {
  // float8, float4 and the integers of 2 and 4 bits.
  "model-unsupported": 48,
  "cast-type": 19,
  // Axes that are fed in, where the ranks or sizes of all that follows depend on them.
  "unknown-contents": 20,
  // Written before Mod of floats was defined.
  "mod-float": 1,
};

test.skipIf(packsMissing !== null)(title("models are verified, printed and parsed, and written and read, without a difference"), () => {
  const problems: string[] = [];
  const refused: Record<string, number> = {};
  for (const path of models()) {
    const bytes = readFileSync(path);
    try {
      const { graph } = parseModel(bytes);
      const text = printGraph(graph);
      problems.push(...verify(graph).map((d) => `${path}: ${d.message}`));
      if (printGraph(parseGraph(text)) !== text) problems.push(`${path}: the text does not come back`);
      // Opset 26, since what this test does not do is to lower.
      if (printGraph(parseModel(writeModel(graph, { opset: 26 })).graph) !== text)
        problems.push(`${path}: the written model says something else`);
    } catch (error) {
      if (!isCompileError(error)) throw error;
      const code = error.diagnostics[0]?.code ?? "";
      if (code === "opset") continue;
      refused[code] = (refused[code] ?? 0) + 1;
    }
  }
  expect(problems).toEqual([]);
  for (const [code, count] of Object.entries(refused)) expect([code, count <= (refusals[code] ?? 0)]).toEqual([code, true]);
});

test.skipIf(packsMissing !== null)(title("onnx-proto reads the same from a file and from what the codec makes of it"), () => {
  for (const path of models()) {
    const bytes = readFileSync(path);
    const again = encodeModel(decodeModel(bytes));
    const json = (data: Uint8Array): string => JSON.stringify(onnx.ModelProto.decode(data).toJSON());
    expect([path, json(again) === json(bytes)]).toEqual([path, true]);
  }
});
