import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { receptiveField } from "../../../src/passes/index.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";

// Linear: differences are exact but for rounding.
const linear = { step: 1, tolerance: 1e-4 } as const;

test.each(["CRD", "DCR"])("DepthToSpace in mode %s has the gradient of differences", async (mode) => {
  await expectGradient({
    ...linear,
    inputs: [{ data: randomTensor(1, "float32", [2, 8, 2, 3]), shape: ["N", 8, "H", "W"] }],
    build: (b, [x]) => b.add("DepthToSpace", [x ?? null], { blocksize: 2, mode }),
  });
});
test("SpaceToDepth has the gradient of differences", async () => {
  await expectGradient({
    ...linear,
    inputs: [{ data: randomTensor(1, "float32", [2, 2, 4, 6]), shape: ["N", 2, "2*H", "2*W"] }],
    build: (b, [x]) => b.add("SpaceToDepth", [x ?? null], { blocksize: 2 }),
  });
});

test("sizes are divided and multiplied, symbols too", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 8, "2*H", 6] });
  expect(b.add("DepthToSpace", [x], { blocksize: 2 }).type.shape).toEqual(["N", 2, "4*H", 12]);
  expect(b.add("SpaceToDepth", [x], { blocksize: 2 }).type.shape).toEqual(["N", 32, "H", 3]);
});

test("sizes that the block does not divide, other ranks and modes are refused", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 6, 4, 4] });
  expect(() => b.add("DepthToSpace", [x], { blocksize: 2 })).toThrow(
    "error[block-size]: DepthToSpace: the 6 channels of float32[N, 6, 4, 4] are no multiple of 4",
  );
  expect(() => b.add("SpaceToDepth", [x], { blocksize: 3 })).toThrow(
    "error[block-size]: SpaceToDepth: the 4 rows of float32[N, 6, 4, 4] are no multiple of 3",
  );
  expect(() => b.add("DepthToSpace", [x], { blocksize: 2, mode: "RCD" })).toThrow('"mode" is "RCD", wanted "DCR" or "CRD"');
  expect(() => b.add("SpaceToDepth", [b.constant("float32", [1, 2])], { blocksize: 2 })).toThrow("wanted [N, C, H, W]");
});

test("an output pixel of DepthToSpace sees one pixel, and one of SpaceToDepth a block", () => {
  const fields = (opType: "DepthToSpace" | "SpaceToDepth") => {
    const b = new GraphBuilder("g");
    const x = b.input("x", { dtype: "float32", shape: [1, 8, 8, 8] });
    const y = b.output(b.add(opType, [x], { blocksize: 2 }), "y");
    return receptiveField(b.build(), y, x);
  };
  expect(fields("SpaceToDepth")).toMatchObject([
    { kind: "window", size: 2, stride: 2, start: 0 },
    { kind: "window", size: 2, stride: 2, start: 0 },
  ]);
  expect(fields("DepthToSpace")).toMatchObject([
    { kind: "window", size: 1, stride: 0.5, start: 0 },
    { kind: "window", size: 1, stride: 0.5, start: 0 },
  ]);
});
