import fc from "fast-check";
import { expect, test } from "vitest";
import { columnsDataset, type Dataset, loader, mapInputs, normalize, renameFields, splitDataset, subset } from "../../src/data/index.ts";

const numbered = (length: number): Dataset =>
  columnsDataset({
    name: "numbers",
    inputs: { input: { dtype: "uint8", shape: [length, 1, 1, 1], data: Uint8Array.from({ length }, (_, i) => i) } },
    targets: { target: { dtype: "int64", shape: [length], data: BigInt64Array.from({ length }, (_, i) => BigInt(i)) } },
  });
async function rowsOf(
  batches: AsyncIterable<{ readonly targets: Readonly<Record<string, { readonly data: ArrayLike<unknown> }>> }>,
): Promise<number[][]> {
  const out: number[][] = [];
  for await (const batch of batches) out.push(Array.from(batch.targets["target"]?.data ?? [], Number));
  return out;
}

test("an epoch without shuffling has the rows in order, the last batch smaller", async () => {
  const batches = loader(numbered(5), { batchSize: 2 });
  expect(batches.batchesPerEpoch).toBe(3);
  expect(await rowsOf(batches.epoch(0))).toEqual([[0, 1], [2, 3], [4]]);
});

test("dropLast leaves the smaller batch out", async () => {
  expect(await rowsOf(loader(numbered(5), { batchSize: 2, dropLast: true }).epoch(0))).toEqual([
    [0, 1],
    [2, 3],
  ]);
});

test("every epoch has every row once, in another order, the same on every reading", async () => {
  const batches = loader(numbered(50), { batchSize: 8, shuffle: true, seed: 3 });
  const [first, again, second] = [await rowsOf(batches.epoch(0)), await rowsOf(batches.epoch(0)), await rowsOf(batches.epoch(1))];
  expect(again).toEqual(first);
  expect(second).not.toEqual(first);
  for (const epoch of [first, second]) expect(epoch.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

test("an epoch entered at a batch goes on as the whole one does", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat(5),
      fc.nat(40),
      fc.nat(3),
      async (n, batchSize, epoch, start, prefetch) => {
        const whole = await rowsOf(loader(numbered(n), { batchSize, shuffle: true, seed: 1 }).epoch(epoch));
        const rest = await rowsOf(loader(numbered(n), { batchSize, shuffle: true, seed: 1, prefetch }).epoch(epoch, start));
        expect(rest).toEqual(whole.slice(start));
      },
    ),
    { numRuns: 40 },
  );
});

test("a failing read reaches the consumer, and one that nobody asked for is silent", async () => {
  const failing: Dataset = {
    ...numbered(6),
    read: (rows) => (rows[0] === 2 ? Promise.reject(new Error("row 2")) : numbered(6).read(rows)),
  };
  await expect(rowsOf(loader(failing, { batchSize: 1 }).epoch(0))).rejects.toThrow("row 2");
  for await (const batch of loader(failing, { batchSize: 1 }).epoch(0)) {
    expect(batch.size).toBe(1);
    break;
  }
});

test("options that make no batch are refused", () => {
  expect(() => loader(numbered(3), { batchSize: 0 })).toThrow("loader: batchSize must be a whole number from 1 on, not 0");
  expect(() => loader(numbered(3), { batchSize: 4, dropLast: true })).toThrow(
    "loader: numbers has 3 rows, too few for a batch of 4 with dropLast",
  );
  expect(() => loader(numbered(0), { batchSize: 4 })).toThrow("loader: numbers has 0 rows, too few for a batch of 4");
});

test("normalize maps pixels to (pixel / 255 - mean) / std by channel", async () => {
  const images = columnsDataset({
    name: "images",
    inputs: { input: { dtype: "uint8", shape: [2, 2, 1, 1], data: Uint8Array.of(0, 255, 51, 102) } },
    targets: {},
  });
  const mapped = mapInputs(images, normalize({ mean: [0.5, 0.25], std: [0.5, 0.25] }));
  expect(mapped.inputs).toEqual({ input: { dtype: "float32", shape: [2, 1, 1] } });
  // 51 / 255 = 0.2 and 102 / 255 = 0.4, rounded to float32.
  expect((await mapped.read([0, 1])).inputs["input"]?.data).toEqual(Float32Array.of(-1, 3, (0.2 - 0.5) / 0.5, (0.4 - 0.25) / 0.25));
  expect(() => mapInputs(images, normalize({ mean: [0, 0, 0], std: 1 }))).toThrow(
    "normalize: mean has 3 numbers, but the images have 2 channels",
  );
  expect(() => normalize({ mean: 0, std: 0 })).toThrow("normalize: std must be positive, not 0");
});

test("renamed fields keep their contents", async () => {
  const renamed = renameFields(numbered(3), { input: "image" });
  expect(Object.keys(renamed.inputs)).toEqual(["image"]);
  expect((await renamed.read([2])).inputs["image"]?.data).toEqual(Uint8Array.of(2));
});

test("a subset has the rows asked for", async () => {
  const some = subset(numbered(9), [7, 2]);
  expect((await some.read([1, 0])).targets["target"]?.data).toEqual(BigInt64Array.of(2n, 7n));
  expect(() => subset(numbered(2), [2])).toThrow("numbers has 2 rows: there is no row 2");
});

test("a split puts every row in one of two parts, by the seed", async () => {
  const [rest, held] = splitDataset(numbered(40), 0.25, 5);
  expect([rest.length, held.length]).toEqual([30, 10]);
  const all = [
    ...(await rowsOf(loader(rest, { batchSize: 40 }).epoch(0))),
    ...(await rowsOf(loader(held, { batchSize: 40 }).epoch(0))),
  ].flat();
  expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
});
