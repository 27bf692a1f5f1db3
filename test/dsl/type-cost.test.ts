/** What types cost, in instantiations, which do not depend on the machine, and how long a generic function may get. */
import { expect, test } from "vitest";
import { check, checkFiles } from "../support/check-types.ts";
import { compilers, networks, recordedCosts } from "../support/type-costs.ts";

const recorded = recordedCosts();

test.each(compilers)("%s: the networks cost what bench/types.json records", async (compiler) => {
  // TypeScript 6 takes seconds a file: two of them stand for all.
  const chosen = Object.entries(networks).filter(([name]) => compiler === "typescript" || name === "resnet50" || name === "inception-v3");
  for (const [name, file] of chosen) {
    const { errors, instantiations } = await checkFiles(compiler, ".", [file]);
    expect(errors, name).toEqual([]);
    // A tenth more than recorded is a regression; a fifth less asks for a new record (bench/types.ts --write).
    const known = recorded[compiler]?.[name] ?? Number.NaN;
    expect(instantiations, name).toBeLessThan(1.1 * known);
    expect(instantiations, name).toBeGreaterThan(0.8 * known);
  }
});

test.each(Object.entries(networks))("%s compiles with plain strict, as in a user's project", async (_, file) => {
  expect((await checkFiles("typescript", ".", [file], { plain: true })).errors).toEqual([]);
});

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
const header = (names: string): string =>
  `import { ${names}, expectShape, type Tensor } from "striate";\ndeclare const x: Tensor<["N", 64, 56, 56]>;\n`;
const block = (lines: readonly string[], n: number, shape: string): string =>
  ["export function block<S>(x0: Tensor<S>) {", ...lines, `  return x${n};`, "}", `expectShape(block(x), ${shape});`].join("\n");

/** Generic functions that are as long as anybody writes them. */
const long: readonly (readonly [what: string, text: string])[] = [
  [
    "120 convolutions in one generic function",
    header("conv2d") +
      block(
        range(120).map((i) => `  const x${i + 1} = conv2d(x${i}, { outChannels: 64, kernelSize: 3, padding: 1 });`),
        120,
        '["N", 64, 56, 56]',
      ),
  ],
  [
    "300 layers: convolution, batch norm and relu, each group in a scope, in one generic function",
    header("batchNorm2d, conv2d, relu, scope") +
      block(
        range(100).map(
          (i) =>
            `  const x${i + 1} = scope("s${i}", () => relu(batchNorm2d(conv2d(x${i}, { outChannels: 64, kernelSize: 3, padding: 1 }))));`,
        ),
        100,
        '["N", 64, 56, 56]',
      ),
  ],
  [
    "120 layers of several kinds in one generic function",
    header("avgPool2d, conv2d, convTranspose2d, linear, maxPool2d") +
      block(
        range(24).flatMap((i) => [
          `  const a${i} = convTranspose2d(x${i}, { outChannels: 32, kernelSize: 2, stride: 2 });`,
          `  const b${i} = maxPool2d(a${i}, { kernelSize: 2 });`,
          `  const c${i} = avgPool2d(b${i}, { kernelSize: 3, stride: 1, padding: 1 });`,
          `  const d${i} = linear(c${i}, { outFeatures: 56 });`,
          `  const x${i + 1} = conv2d(d${i}, { outChannels: 64, kernelSize: 1 });`,
        ]),
        24,
        '["N", 64, 56, 56]',
      ),
  ],
  [
    "40 residual blocks of three convolutions in one generic function",
    header("add, conv2d, relu") +
      block(
        range(40).flatMap((i) => [
          `  const a${i} = conv2d(x${i}, { outChannels: 16, kernelSize: 1 });`,
          `  const b${i} = conv2d(a${i}, { outChannels: 16, kernelSize: 3, padding: 1 });`,
          `  const x${i + 1} = relu(add(conv2d(b${i}, { outChannels: 64, kernelSize: 1 }), x${i}));`,
        ]),
        40,
        '["N", 64, 56, 56]',
      ),
  ],
  [
    "100 additions behind 100 convolutions in one generic function",
    header("add, conv2d") +
      block(
        range(100).map((i) => `  const x${i + 1} = add(conv2d(x${i}, { outChannels: 64, kernelSize: 3, padding: 1 }), x${i});`),
        100,
        '["N", 64, 56, 56]',
      ),
  ],
  [
    "100 calls of a generic block in one generic function",
    header("add, conv2d, mean, mul, relu, sigmoid") +
      [
        "function excited<S>(x: Tensor<S>) {",
        "  const y = conv2d(x, { outChannels: 64, kernelSize: 3, padding: 1 });",
        "  return relu(add(mul(y, sigmoid(conv2d(mean(y, [2, 3], true), { outChannels: 64, kernelSize: 1 }))), x));",
        "}\n",
      ].join("\n") +
      block(
        range(100).map((i) => `  const x${i + 1} = excited(x${i});`),
        100,
        '["N", 64, 56, 56]',
      ),
  ],
  [
    "100 calls of a generic inception module in one generic function",
    header("concat, conv2d, maxPool2d") +
      [
        "function inception<S>(x: Tensor<S>) {",
        "  const a = conv2d(x, { outChannels: 16, kernelSize: 1 });",
        "  const b = conv2d(conv2d(x, { outChannels: 8, kernelSize: 1 }), { outChannels: 16, kernelSize: 3, padding: 1 });",
        "  return concat([a, b, conv2d(maxPool2d(x, { kernelSize: 3, stride: 1, padding: 1 }), { outChannels: 32, kernelSize: 1 })], 1);",
        "}\n",
      ].join("\n") +
      block(
        range(100).map((i) => `  const x${i + 1} = inception(x${i});`),
        100,
        '["N", 64, 56, 56]',
      ),
  ],
  [
    "160 moves of axes in one generic function",
    header("flatten, permute, reshape, transpose, unsqueeze") +
      block(
        range(32).flatMap((i) => [
          `  const a${i} = permute(x${i}, [0, 2, 3, 1]);`,
          `  const b${i} = flatten(a${i}, 1, 2);`,
          `  const c${i} = transpose(b${i}, 1, 2);`,
          `  const d${i} = unsqueeze(c${i}, 1);`,
          `  const x${i + 1} = reshape(d${i}, ["N", 64, 56, -1]);`,
        ]),
        32,
        '["N", 64, 56, 56]',
      ),
  ],
  [
    "a dense block of 40 layers in one generic function",
    header("concat, conv2d") +
      block(
        range(40).map((i) => `  const x${i + 1} = concat([x${i}, conv2d(x${i}, { outChannels: 32, kernelSize: 3, padding: 1 })], 1);`),
        40,
        '["N", 1344, 56, 56]',
      ),
  ],
  [
    "a sequential of 100",
    `${header("layers, sequential")}expectShape(sequential(${range(100)
      .map(() => "layers.conv2d({ outChannels: 64, kernelSize: 3 , padding: 1})")
      .join(", ")})(x), ["N", 64, 56, 56]);`,
  ],
];
test.each(long)("%s passes, and its shape is exact", async (what, text) => {
  // TypeScript 6 takes seconds a check: the longest chain and the sum stand for all.
  for (const compiler of /^(?:120 conv|40 res)/.test(what) ? compilers : (["typescript"] as const)) {
    expect((await check(compiler, text)).errors).toEqual([]);
    if (compiler !== "typescript") continue;
    const wrong = text.replace(/\["N", (\d+), 56, 56\]\);$/, '["N", 63, 56, 56]);');
    expect((await check(compiler, wrong)).errors.join()).toContain("expectShape: the shape is [N, ");
  }
});
