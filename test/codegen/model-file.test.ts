import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import onnxProto from "onnx-proto";
import ort from "onnxruntime-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeModel, readModelFile, writeModelFile } from "../../src/codegen/index.ts";
import type { TensorProto } from "../../src/codegen/proto/onnx.generated.ts";
import { type Graph, GraphBuilder, printGraph, tensorFrom } from "../../src/ir/index.ts";

const { onnx } = onnxProto;
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "striate-model-file-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** x * w + b, with w of 4 kB and b of 4 bytes. */
function network(): Graph {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 1024] });
  const w = b.initializer(
    "w",
    tensorFrom(
      "float32",
      [1024],
      Array.from({ length: 1024 }, (_, i) => i),
    ),
  );
  const small = b.initializer("b", tensorFrom("float32", [1], [0.5]));
  const v = b.initializer(
    "v",
    tensorFrom(
      "float32",
      [1024],
      Array.from({ length: 1024 }, () => 1),
    ),
  );
  b.output(b.add("Add", [b.add("Mul", [b.add("Add", [x, v]), w]), small]), "y");
  return b.build();
}

test("a model in one file is read back as it was", async () => {
  const path = join(folder, "inline.onnx");
  await writeModelFile(path, network(), { opset: 17, metadata: { k: "v" } });
  const { graph, opset, metadata } = await readModelFile(path);
  expect([printGraph(graph), opset, metadata.get("k")]).toEqual([printGraph(network()), 17, "v"]);
});

test("large tensors lie in a data file at whole pages, small ones in the model, and nothing else is left", async () => {
  const home = join(folder, "external");
  mkdirSync(home);
  const path = join(home, "net.onnx");
  await writeModelFile(path, network(), { externalData: true });
  expect(readdirSync(home)).toEqual(["net.onnx", "net.onnx.data"]);
  const tensors = onnx.ModelProto.decode(readFileSync(path)).graph?.initializer ?? [];
  expect(tensors.map((t) => [t.name, t.dataLocation, t.rawData?.length, t.externalData?.map((e) => `${e.key}=${e.value}`)])).toEqual([
    ["w", 1, 0, ["location=net.onnx.data", "offset=0", "length=4096"]],
    ["b", 0, 4, []],
    ["v", 1, 0, ["location=net.onnx.data", "offset=4096", "length=4096"]],
  ]);
  expect(printGraph((await readModelFile(path)).graph)).toBe(printGraph(network()));
});

test("onnxruntime reads the data file", async () => {
  const path = join(folder, "ort.onnx");
  await writeModelFile(path, network(), { externalData: true });
  const session = await ort.InferenceSession.create(path);
  const { y } = await session.run({ x: new ort.Tensor("float32", new Float32Array(1024).fill(1), [1, 1024]) });
  expect([y?.data[0], y?.data[1023]]).toEqual([0.5, 2046.5]);
  await session.release();
});

test("a file that cannot be written leaves nothing behind, and says why", async () => {
  const path = join(folder, "absent", "x.onnx");
  await expect(writeModelFile(path, network())).rejects.toThrow(
    `error[output-file]: cannot write ${path}: ENOENT: no such file or directory`,
  );
  const busy = join(folder, "busy.onnx");
  mkdirSync(busy);
  await expect(writeModelFile(busy, network())).rejects.toThrow(`error[output-file]: cannot write ${busy}: EISDIR`);
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a file that is not there says so", async () => {
  const path = join(folder, "nothing.onnx");
  await expect(readModelFile(path)).rejects.toThrow(`error[model-file]: cannot read ${path}: ENOENT: no such file or directory`);
  await expect(readModelFile(folder)).rejects.toThrow(`error[model-file]: ${folder}: "${basename(folder)}" is not a file`);
});

/** A model whose tensors lie where the entries say; every one is float32[4]. */
function writeExternal(name: string, ...entries: readonly Readonly<Record<string, string>>[]): string {
  const initializer = entries.map(
    (entry, i): TensorProto => ({
      name: `w${i}`,
      dataType: 1,
      dims: [4],
      dataLocation: 1,
      externalData: Object.entries(entry).map(([key, value]) => ({ key, value })),
    }),
  );
  const node = [{ opType: "Sum", input: entries.map((_, i) => `w${i}`), output: ["y"] }];
  const path = join(folder, name);
  writeFileSync(path, encodeModel({ irVersion: 8, opsetImport: [{ version: 18 }], graph: { node, initializer, output: [{ name: "y" }] } }));
  return path;
}

test("tensors are read from where the file says, and equal ranges once", async () => {
  writeFileSync(join(folder, "some.bin"), new Uint8Array(Float32Array.of(9, 1, 2, 3, 4).buffer));
  const range = { location: "some.bin", offset: "4", length: "16" };
  const { graph } = await readModelFile(writeExternal("ranges.onnx", range, range, range));
  expect([...graph.initializers.values()].map((t) => [...t.data])).toEqual([
    [1, 2, 3, 4],
    [1, 2, 3, 4],
    [1, 2, 3, 4],
  ]);
});

test.each<[string, readonly Readonly<Record<string, string>>[], string]>([
  ["a path upwards", [{ location: "../some.bin" }], 'it keeps tensors in "../some.bin", a path that leads out of the model\'s folder'],
  ["an absolute path", [{ location: "/etc/passwd" }], 'it keeps tensors in "/etc/passwd", a path that leads out of the model\'s folder'],
  ["a Windows path", [{ location: "C:\\some.bin" }], 'it keeps tensors in "C:\\some.bin", a path that leads out of the model\'s folder'],
  ["no path", [{ offset: "0" }], 'it keeps tensors in "", a path that leads out of the model\'s folder'],
  ["a link that leads out", [{ location: "link.bin" }], 'it keeps tensors in "link.bin", a link that leads out of the model\'s folder'],
  ["a folder", [{ location: "sub" }], "is not a file"],
  ["a file that is not there", [{ location: "gone.bin" }], 'there is no file "gone.bin" beside it, and tensors are kept there'],
  ["a range past the end", [{ location: "short.bin", offset: "16" }], 'a tensor lies at bytes 16 to 32 of "short.bin", which has 20'],
  [
    "a length that does not fit",
    [{ location: "short.bin", length: "12" }],
    'a tensor takes 16 bytes, but 12 bytes of "short.bin" are given for it',
  ],
  ["an offset that is no number", [{ location: "short.bin", offset: "-4" }], 'the offset in "short.bin" is "-4", not a whole number'],
  ["an offset beyond all files", [{ location: "short.bin", offset: "9999999999999999" }], "not a whole number"],
  ["ranges that overlap", [{ location: "short.bin" }, { location: "short.bin", offset: "4" }], 'tensors overlap in "short.bin"'],
])("external data in %s is refused", async (_, entries, message) => {
  writeFileSync(join(folder, "short.bin"), new Uint8Array(20));
  mkdirSync(join(folder, "sub"), { recursive: true });
  const outside = mkdtempSync(join(tmpdir(), "striate-outside-"));
  writeFileSync(join(outside, "secret.bin"), new Uint8Array(16));
  rmSync(join(folder, "link.bin"), { force: true });
  symlinkSync(join(outside, "secret.bin"), join(folder, "link.bin"));
  const path = writeExternal("hostile.onnx", ...entries);
  await expect(readModelFile(path)).rejects.toThrow(message);
  rmSync(outside, { recursive: true });
});

test("a file of 2 GiB is refused unread", async () => {
  const path = join(folder, "large.onnx");
  writeFileSync(path, "");
  truncateSync(path, 2 ** 31);
  await expect(readModelFile(path)).rejects.toThrow(
    `error[model-file]: ${path}: it has 2147483648 bytes, and an ONNX model has less than 2 GiB`,
  );
});

test("weights past 2 GiB are read one by one from where they lie", async () => {
  // A file with holes: it takes no room on the disk, and only the last 16 bytes are read.
  const path = join(folder, "sparse.bin");
  writeFileSync(path, "");
  truncateSync(path, 2 ** 31 + 16);
  expect(statSync(path).size).toBe(2 ** 31 + 16);
  const { graph } = await readModelFile(writeExternal("sparse.onnx", { location: "sparse.bin", offset: String(2 ** 31) }));
  expect([...graph.initializers.values()].map((t) => [...t.data])).toEqual([[0, 0, 0, 0]]);
});
