import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generateOnnxSchemas } from "../../src/codegen/schemas/generate-onnx-schemas.ts";
import { signatures, versionAt } from "../../src/ir/index.ts";

test("the committed signatures are what `npm run generate` makes", () => {
  const committed = readFileSync(new URL("../../src/ir/onnx-schemas.generated.ts", import.meta.url), "utf8");
  expect(committed).toBe(generateOnnxSchemas());
});

test("versions are in order, and the one of an opset is the last before it", () => {
  for (const { versions } of Object.values(signatures)) {
    expect(versions.map((v) => v.since)).toEqual(versions.map((v) => v.since).toSorted((a, b) => a - b));
  }
  expect([6, 7, 12, 13, 18, 26].map((opset) => versionAt(signatures.Relu, opset)?.since)).toEqual([6, 6, 6, 13, 14, 14]);
  expect(versionAt(signatures.Gelu, 19)).toBeUndefined();
});
