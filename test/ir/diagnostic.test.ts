import { inspect } from "node:util";
import { expect, test } from "vitest";
import { isCompileError, userError } from "../../src/ir/diagnostic.ts";
import { nowhere } from "../../src/ir/location.ts";

test("an error that nobody catches is printed without frames of this package", () => {
  const error = userError("model-file", "x.onnx: there is no such file", nowhere, { help: "look elsewhere" });
  expect(isCompileError(error)).toBe(true);
  expect(error.diagnostics[0]?.code).toBe("model-file");
  const printed = inspect(error);
  expect(printed).toContain("error[model-file]: x.onnx: there is no such file\n  help: look elsewhere\n    at ");
  expect(printed).toContain("diagnostic.test.ts");
  expect(printed).not.toMatch(/src\/ir|diagnostics:|Symbol/);
});
