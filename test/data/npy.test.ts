import fc from "fast-check";
import { expect, test } from "vitest";
import { readNpy } from "../../src/data/npy.ts";
import { isCompileError } from "../../src/ir/diagnostic.ts";

/** What numpy 2.4 writes for numpy.save(f, numpy.array(values, dtype).reshape(shape)). */
const saved = (header: string, data: ArrayBufferView): Uint8Array => {
  const text = `${header.padEnd(117)}\n`;
  return Buffer.concat([
    Buffer.from(`\x93NUMPY\x01\x00${String.fromCharCode(text.length)}\x00`, "latin1"),
    Buffer.from(text),
    new Uint8Array(data.buffer),
  ]);
};

test("arrays are read with their dtype and shape", () => {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  expect(readNpy(saved(header, Float32Array.of(1, 2, 3, 4, 5, 6.5)), "x")).toEqual({
    dtype: "float32",
    shape: [2, 3],
    data: Float32Array.of(1, 2, 3, 4, 5, 6.5),
  });
  expect(readNpy(saved("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", BigInt64Array.of(-1n, 2n)), "x")).toEqual({
    dtype: "int64",
    shape: [2],
    data: BigInt64Array.of(-1n, 2n),
  });
  expect(readNpy(saved("{'descr': '|b1', 'fortran_order': False, 'shape': (), }", Uint8Array.of(1)), "x")).toEqual({
    dtype: "bool",
    shape: [],
    data: Uint8Array.of(1),
  });
});

test.each([
  ["another file", Buffer.from("PK\x03\x04 and more"), "x: it is no .npy file"],
  ["an end inside the header", saved("", Uint8Array.of()).subarray(0, 60), "x: its header is damaged"],
  [
    "missing elements",
    saved("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", Float32Array.of(1)),
    "x: float32[3] takes 12 bytes, but it has 4",
  ],
  [
    "big-endian elements",
    saved("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", Float32Array.of(1)),
    `x: elements of type ">f4" are not read`,
  ],
  [
    "pickled objects",
    saved("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", Float32Array.of(1)),
    `x: elements of type "|O" are not read`,
  ],
  [
    "Fortran order",
    saved("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", Float32Array.of(1)),
    "x: it is in Fortran order: save numpy.ascontiguousarray(x)",
  ],
])("%s is an error that says so", (_, bytes, message) => {
  expect(() => readNpy(bytes, "x")).toThrow(message);
});

test("mutated files give a tensor of their own length or the user's error", () => {
  const whole = saved("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", Float32Array.of(1, 2));
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
      const bytes = Uint8Array.from(whole);
      bytes[at] = byte;
      try {
        expect(readNpy(bytes.subarray(0, length), "x").data.length).toBeLessThanOrEqual(length);
      } catch (error) {
        expect(isCompileError(error), String(error)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});
