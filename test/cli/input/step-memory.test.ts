import { expect, test } from "vitest";
import { byteSizeOption, parseSizes } from "../../../src/cli/input/shared-options.ts";
import { memoryOf } from "../../../src/cli/input/step-memory.ts";
import { UsageError } from "../../../src/cli/input/usage.ts";

const refusal = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
};

test("a size is a number of bytes in units of 1000 or 1024", () => {
  expect(["1", "800MB", "2GiB", "1.5kB", "3 TiB"].map(byteSizeOption)).toEqual([1, 8e8, 2 ** 31, 1500, 3 * 2 ** 40]);
  for (const text of ["", "0", "much", "3XB", "-1MB", "1e3", "99999999TiB", "toString"]) {
    expect(refusal(() => byteSizeOption(text))).toBe(`--memory-budget takes a size such as 800MB or 2GiB, not "${text}"`);
  }
});

test("sizes of symbols are whole numbers above 0, each given once", () => {
  expect(parseSizes("--assume", ["N=32", "H=65"])).toEqual({ N: 32, H: 65 });
  for (const text of ["N", "N=0", "N=1.5", "=3", "3=3"]) {
    expect(refusal(() => parseSizes("--assume", [text]))).toBe(`--assume takes SYMBOL=SIZE, as in N=32, not "${text}"`);
  }
  expect(refusal(() => parseSizes("--assume", ["N=1", "N=2"]))).toBe('--assume gives "N" twice');
});

test("the options make the wish, and sizes alone are a mistake", () => {
  expect(memoryOf({ recompute: [], assume: [] })).toEqual({});
  expect(memoryOf({ memoryBudget: 100, recompute: ["a.*"], assume: ["N=2"] })).toEqual({
    memory: { budget: 100, recompute: ["a.*"], sizes: { N: 2 } },
  });
  expect(refusal(() => memoryOf({ recompute: [], assume: ["N=2"] }))).toBe("--assume gives sizes for --memory-budget");
});
