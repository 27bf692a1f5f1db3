/** Functions that are longer than anybody writes them, for what their types cost and how long they may get. */

/** One construct n times. */
export interface LongFunction {
  readonly what: string;
  /** As often as it has to pass. */
  readonly n: number;
  /** A module whose last line asserts the exact shape. */
  readonly of: (n: number) => string;
}

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
const header = (names: string): string =>
  `import { ${names}, expectShape, type Tensor } from "striate";\ndeclare const x: Tensor<["N", 64, 56, 56]>;\n`;
const block = (lines: readonly string[], n: number, shape: string): string =>
  ["export function block<S>(x0: Tensor<S>) {", ...lines, `  return x${n};`, "}", `expectShape(block(x), ${shape});`].join("\n");

/** Each of them in one generic function, but for the sequential. */
export const longFunctions: readonly LongFunction[] = [
  {
    what: "convolutions",
    n: 120,
    of: (n) =>
      header("conv2d") +
      block(
        range(n).map((i) => `  const x${i + 1} = conv2d(x${i}, { outChannels: 64, kernelSize: 3, padding: 1 });`),
        n,
        '["N", 64, 56, 56]',
      ),
  },
  {
    what: "scopes of convolution, batch norm and relu",
    n: 100,
    of: (n) =>
      header("batchNorm2d, conv2d, relu, scope") +
      block(
        range(n).map(
          (i) =>
            `  const x${i + 1} = scope("s${i}", () => relu(batchNorm2d(conv2d(x${i}, { outChannels: 64, kernelSize: 3, padding: 1 }))));`,
        ),
        n,
        '["N", 64, 56, 56]',
      ),
  },
  {
    what: "groups of five kinds of layers",
    n: 24,
    of: (n) =>
      header("avgPool2d, conv2d, convTranspose2d, linear, maxPool2d") +
      block(
        range(n).flatMap((i) => [
          `  const a${i} = convTranspose2d(x${i}, { outChannels: 32, kernelSize: 2, stride: 2 });`,
          `  const b${i} = maxPool2d(a${i}, { kernelSize: 2 });`,
          `  const c${i} = avgPool2d(b${i}, { kernelSize: 3, stride: 1, padding: 1 });`,
          `  const d${i} = linear(c${i}, { outFeatures: 56 });`,
          `  const x${i + 1} = conv2d(d${i}, { outChannels: 64, kernelSize: 1 });`,
        ]),
        n,
        '["N", 64, 56, 56]',
      ),
  },
  {
    what: "residual blocks of three convolutions",
    n: 40,
    of: (n) =>
      header("add, conv2d, relu") +
      block(
        range(n).flatMap((i) => [
          `  const a${i} = conv2d(x${i}, { outChannels: 16, kernelSize: 1 });`,
          `  const b${i} = conv2d(a${i}, { outChannels: 16, kernelSize: 3, padding: 1 });`,
          `  const x${i + 1} = relu(add(conv2d(b${i}, { outChannels: 64, kernelSize: 1 }), x${i}));`,
        ]),
        n,
        '["N", 64, 56, 56]',
      ),
  },
  {
    what: "additions behind convolutions",
    n: 100,
    of: (n) =>
      header("add, conv2d") +
      block(
        range(n).map((i) => `  const x${i + 1} = add(conv2d(x${i}, { outChannels: 64, kernelSize: 3, padding: 1 }), x${i});`),
        n,
        '["N", 64, 56, 56]',
      ),
  },
  {
    what: "calls of a generic block",
    n: 100,
    of: (n) =>
      header("add, conv2d, mean, mul, relu, sigmoid") +
      [
        "function excited<S>(x: Tensor<S>) {",
        "  const y = conv2d(x, { outChannels: 64, kernelSize: 3, padding: 1 });",
        "  return relu(add(mul(y, sigmoid(conv2d(mean(y, [2, 3], true), { outChannels: 64, kernelSize: 1 }))), x));",
        "}\n",
      ].join("\n") +
      block(
        range(n).map((i) => `  const x${i + 1} = excited(x${i});`),
        n,
        '["N", 64, 56, 56]',
      ),
  },
  {
    what: "calls of a generic inception module",
    n: 100,
    of: (n) =>
      header("concat, conv2d, maxPool2d") +
      [
        "function inception<S>(x: Tensor<S>) {",
        "  const a = conv2d(x, { outChannels: 16, kernelSize: 1 });",
        "  const b = conv2d(conv2d(x, { outChannels: 8, kernelSize: 1 }), { outChannels: 16, kernelSize: 3, padding: 1 });",
        "  return concat([a, b, conv2d(maxPool2d(x, { kernelSize: 3, stride: 1, padding: 1 }), { outChannels: 32, kernelSize: 1 })], 1);",
        "}\n",
      ].join("\n") +
      block(
        range(n).map((i) => `  const x${i + 1} = inception(x${i});`),
        n,
        '["N", 64, 56, 56]',
      ),
  },
  {
    what: "groups of five moves of axes",
    n: 32,
    of: (n) =>
      header("flatten, permute, reshape, transpose, unsqueeze") +
      block(
        range(n).flatMap((i) => [
          `  const a${i} = permute(x${i}, [0, 2, 3, 1]);`,
          `  const b${i} = flatten(a${i}, 1, 2);`,
          `  const c${i} = transpose(b${i}, 1, 2);`,
          `  const d${i} = unsqueeze(c${i}, 1);`,
          `  const x${i + 1} = reshape(d${i}, ["N", 64, 56, -1]);`,
        ]),
        n,
        '["N", 64, 56, 56]',
      ),
  },
  {
    what: "dense layers",
    n: 40,
    of: (n) =>
      header("concat, conv2d") +
      block(
        range(n).map((i) => `  const x${i + 1} = concat([x${i}, conv2d(x${i}, { outChannels: 32, kernelSize: 3, padding: 1 })], 1);`),
        n,
        `["N", ${64 + 32 * n}, 56, 56]`,
      ),
  },
  {
    what: "layers of a sequential",
    n: 100,
    of: (n) =>
      `${header("layers, sequential")}expectShape(sequential(${range(n)
        .map(() => "layers.conv2d({ outChannels: 64, kernelSize: 3 , padding: 1})")
        .join(", ")})(x), ["N", 64, 56, 56]);`,
  },
];
