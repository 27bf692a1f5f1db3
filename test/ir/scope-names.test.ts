import { expect, test } from "vitest";
import { scopeLabel, scopePath } from "../../src/ir/scope-names.ts";

test("dots separate scopes, and the slash before the op of a layer of several nodes", () => {
  expect(scopePath("layer1.0.conv1")).toEqual(["layer1", "layer1.0", "layer1.0.conv1"]);
  expect(scopePath("mlp.0/MatMul")).toEqual(["mlp", "mlp.0", "mlp.0/MatMul"]);
  expect(scopePath("conv")).toEqual(["conv"]);
});

test("in names of other tools slashes alone separate", () => {
  expect(scopePath("/layer1/layer1.0/conv1")).toEqual(["/layer1", "/layer1/layer1.0", "/layer1/layer1.0/conv1"]);
  expect(scopePath("model/v1.0/conv")).toEqual(["model", "model/v1.0", "model/v1.0/conv"]);
});

test("characters of two code units count as two, so that prefixes are whole", () => {
  expect(scopePath("😀.a")).toEqual(["😀", "😀.a"]);
});

test("what lies deeper than 16 scopes is one name", () => {
  expect(scopePath("a.".repeat(1000))).toHaveLength(17);
});

test("a label leaves out what the scope around it says", () => {
  expect(scopeLabel("layer1.0", "layer1")).toBe("0");
  expect(scopeLabel("/layer1/layer1.0", "/layer1")).toBe("0");
  expect(scopeLabel("/conv1", undefined)).toBe("conv1");
});
