/** Files that nobody wrote in earnest end in a CompileError, soon and in little memory. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decodeModel, encodeModel, parseModel, writeModel } from "../../src/codegen/index.ts";
import { type Graph, GraphBuilder, isCompileError, tensorFrom, verify } from "../../src/ir/index.ts";
import { seeded } from "../support/seeded.ts";

/** Convolution, pooling with indices, shape arithmetic, reductions and constants of several kinds. */
function network(): Graph {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3, "H", 8] });
  const w = b.initializer(
    "w",
    tensorFrom(
      "float32",
      [2, 3, 3, 3],
      Array.from({ length: 54 }, (_, i) => i),
    ),
  );
  const y = b.add("Relu", [b.add("Conv", [x, w], { pads: [1, 1, 1, 1], strides: [2, 1] }, { name: "conv" })], {}, { name: "relu" });
  const pool = b.addNode("MaxPool", [y], { kernel_shape: [2, 2], strides: [2, 2] }, { name: "pool", outputs: ["pooled", "indices"] });
  const pooled = pool.outputs[0] ?? y;
  const size = b.add("Gather", [b.add("Shape", [pooled]), b.constant("int64", 0)]);
  const target = b.add("Concat", [b.add("Unsqueeze", [size, b.constant("int64", [0])]), b.constant("int64", [-1])], { axis: 0 });
  const flat = b.add("Reshape", [pooled, target]);
  const cut = b.add("Slice", [flat, b.constant("int64", [0]), b.constant("int64", [4]), b.constant("int64", [1])]);
  const padded = b.add("Pad", [cut, b.constant("int64", [0, 1, 0, 1])]);
  b.output(b.add("ReduceMean", [b.add("Softmax", [padded]), b.constant("int64", [1])]), "y");
  b.output(b.add("Expand", [b.add("Cast", [b.constant("float32", [1, 2])], { to: 7 }), b.constant("int64", [3, 2])]), "z");
  return b.build();
}

/** Reads the bytes: anything but a sound graph or a CompileError fails the test. */
function read(bytes: Uint8Array): "graph" | "refused" {
  try {
    expect(verify(parseModel(bytes).graph)).toEqual([]);
    return "graph";
  } catch (error) {
    if (!isCompileError(error)) throw error;
    return "refused";
  }
}

test("a model that is cut off anywhere is refused or sound", () => {
  const bytes = writeModel(network());
  for (let length = 0; length < bytes.length; length++) read(bytes.subarray(0, length));
});

test("1500 models with bytes changed, taken out or put in are refused or sound", () => {
  const bytes = writeModel(network(), { opset: 21 });
  const random = seeded(1);
  const counts = { graph: 0, refused: 0 };
  for (let i = 0; i < 1500; i++) {
    const at = random(bytes.length);
    const some = Uint8Array.from({ length: random(8) + 1 }, () => (random(3) === 0 ? 255 : random(256)));
    const changed = Buffer.concat([
      bytes.subarray(0, at),
      random(3) === 0 ? new Uint8Array(0) : some,
      bytes.subarray(at + (random(2) === 0 ? 0 : some.length)),
    ]);
    counts[read(changed)]++;
  }
  expect(counts.graph).toBeGreaterThan(5);
  expect(counts.refused).toBeGreaterThan(500);
});

const numbers = [0, -1, 1, 2, 7, 1000, 2 ** 31 - 1, 2 ** 31, 2 ** 53, 2 ** 63, -(2 ** 63), 1e9];
type Tree = Record<string, unknown>;
/** Changes a few values of a message: numbers to odd ones, names to others, lists longer, shorter and reversed. */
function mutate(model: Tree, random: (below: number) => number): void {
  const spots: (readonly [Tree, string])[] = [];
  const texts: string[] = [];
  const walk = (tree: Tree): void => {
    for (const [key, value] of Object.entries(tree)) {
      spots.push([tree, key]);
      if (typeof value === "string") texts.push(value);
      if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) walk(value as Tree);
    }
  };
  walk(model);
  for (let n = random(3); n >= 0; n--) {
    const [tree, key] = spots[random(spots.length)] ?? [model, "graph"];
    const value = tree[key];
    if (typeof value === "number") tree[key] = numbers[random(numbers.length)];
    else if (typeof value === "string") tree[key] = texts[random(texts.length)];
    else if (value instanceof Uint8Array)
      tree[key] = value
        .map((byte) => (random(4) === 0 ? random(256) : byte))
        .subarray(0, random(2) === 0 ? value.length : random(value.length + 1));
    else if (Array.isArray(value))
      tree[key] = [value.slice(0, random(value.length + 1)), value.toReversed(), [...value, ...value]][random(3)];
    else if (random(3) === 0 && !Array.isArray(tree)) delete tree[key];
  }
}

test("2000 models with values changed are refused or sound", () => {
  const random = seeded(2);
  const model = decodeModel(writeModel(network(), { opset: 21 }));
  const counts = { graph: 0, refused: 0 };
  for (let i = 0; i < 2000; i++) {
    const changed = structuredClone(model);
    mutate(changed as unknown as Tree, random);
    counts[read(encodeModel(changed))]++;
  }
  expect(counts.graph).toBeGreaterThan(500);
  expect(counts.refused).toBeGreaterThan(500);
});

test("sizes that are multiplied again and again stay small expressions", () => {
  const b = new GraphBuilder("g");
  let size = b.add("Add", [
    b.add("Gather", [b.add("Shape", [b.input("x", { dtype: "float32", shape: ["N", "M"] })]), b.constant("int64", [0, 1])]),
    b.constant("int64", [1, 1]),
  ]);
  for (let i = 0; i < 200; i++) size = b.add("Mul", [size, size]);
  b.output(size, "y");
  const start = performance.now();
  expect(read(writeModel(b.build()))).toBe("graph");
  expect(performance.now() - start).toBeLessThan(2000);
});

/** Messages that take next to no room in a file, of each kind that there may be many of. */
const tiny: Readonly<Record<string, readonly number[]>> = {
  nodes: [0x0a, 0],
  unknown: [0x18, 0],
  packed: [0x2a, 4, 0x0a, 2, 1, 1],
  attributes: [0x0a, 6, 0x2a, 0, 0x2a, 0, 0x2a, 0],
  names: [0x0a, 8, 0x0a, 1, 0x61, 0x0a, 0, 0x12, 1, 0x62],
};

/** Reads bytes in a process of their own: whether they were refused, and how many times their size that took. */
function readAlone(bytes: Uint8Array): { readonly refused: boolean; readonly times: number } {
  const folder = mkdtempSync(join(tmpdir(), "striate-hostile-"));
  try {
    const file = join(folder, "model.onnx");
    writeFileSync(file, bytes);
    const script = `
      import { existsSync, readFileSync } from "node:fs";
      import { parseModel } from ${JSON.stringify(new URL("../../src/codegen/index.ts", import.meta.url).href)};
      const bytes = readFileSync(${JSON.stringify(file)});
      // On Linux maxRSS begins with what the process that started this one had.
      const status = "/proc/self/status";
      const peak = () => existsSync(status) ? /VmHWM:\\s+(\\d+)/.exec(readFileSync(status, "utf8"))[1] : process.resourceUsage().maxRSS;
      const before = process.memoryUsage.rss();
      let refused = false;
      try { parseModel(bytes); } catch (error) { refused = error.name === "CompileError"; }
      console.log(JSON.stringify({ refused, times: (1024 * peak() - before) / bytes.length }));`;
    // Versions of V8 differ in how much they let the young generation grow, whatever the file: what Node 20 allows holds for all.
    const flags = ["--max-semi-space-size=16", "--import", "tsx", "--input-type=module", "-e", script];
    return JSON.parse(execFileSync("node", flags, { encoding: "utf8" }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.each(Object.entries(tiny))(
  "a file of 20 MB made of the smallest messages (%s) takes no more than a few times its size",
  (_, pattern) => {
    // The tag of a model's graph, and its length.
    const { refused, times } = readAlone(
      Buffer.concat([Uint8Array.of(0x3a, 0x80, 0xda, 0xc4, 0x09), Buffer.alloc(20_000_000, Uint8Array.from(pattern))]),
    );
    expect(refused).toBe(true);
    // Five times the file and 16 MB as objects; what the collector has not yet freed comes on top.
    expect(times).toBeLessThan(10);
  },
);

test("a list of numbers in a million pieces is read in the time that they take, not in its square", () => {
  const pieces = Buffer.alloc(3_000_000, Uint8Array.of(0x0a, 1, 1));
  const length = (n: number): Uint8Array => Uint8Array.of((n & 127) | 128, ((n >> 7) & 127) | 128, ((n >> 14) & 127) | 128, n >> 21);
  const tensor = Buffer.concat([Uint8Array.of(0x2a), length(pieces.length), pieces]);
  const bytes = Buffer.concat([Uint8Array.of(0x3a), length(tensor.length), tensor]);
  const start = performance.now();
  expect(decodeModel(bytes).graph?.initializer?.[0]?.dims).toHaveLength(1_000_000);
  // Copied for each piece, they took minutes.
  expect(performance.now() - start).toBeLessThan(10_000);
});

test("a graph of 100,000 nodes is not in memory twice when its last node turns out to be mistyped", () => {
  const name = (i: number): string => `v${i}`.padEnd(40, "_");
  const count = 100_000;
  const node = Array.from({ length: count }, (_, i) => {
    const isLast = i === count - 1;
    const input = isLast ? [name(i), name(i)] : [name(i)];
    return { opType: isLast ? "And" : "Relu", name: `node_${name(i)}`, input, output: [name(i + 1)] };
  });
  const type = { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 2 }] } } };
  const graph = { name: "g", node, input: [{ name: name(0), type }], output: [{ name: name(count), type }] };
  const { refused, times } = readAlone(encodeModel({ irVersion: 8, opsetImport: [{ version: 17 }], graph }));
  expect(refused).toBe(true);
  // The graph's objects and the tables of its names take five times the file, and as much again waits for the collector: 11 times
  // were seen, and 18 with the file's messages kept.
  expect(times).toBeLessThan(14);
});
