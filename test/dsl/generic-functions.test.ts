/**
 * Generic functions, whose shapes are not known while they are checked: every function of the language takes such a tensor without an
 * error, and what comes out is exact where the function is called.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { check } from "../support/check-types.ts";
import { compilers } from "../support/type-costs.ts";

/** Calls on a tensor X of a generic function's shape, with its own size n and axis a among the options. */
const calls: readonly string[] = [
  ...["relu", "relu6", "leakyRelu", "elu", "gelu", "silu", "sigmoid", "tanh", "softplus", "hardSigmoid", "hardSwish", "prelu", "dropout"],
  ...[
    "identity",
    "neg",
    "abs",
    "sqrt",
    "exp",
    "log",
    "reciprocal",
    "batchNorm1d",
    "batchNorm2d",
    "batchNorm3d",
    "instanceNorm2d",
    "layerNorm",
  ],
  ...["mean", "sum", "amax", "amin", "flatten"],
]
  .map((name) => `s.${name}(X)`)
  .concat([
    ...["softmax", "logSoftmax", "select", "squeeze", "unsqueeze"].flatMap((name) => {
      const index = name === "select" ? ", 0" : "";
      return [`s.${name}(X, 1${index})`, `s.${name}(X, -1${index})`, `s.${name}(X, a${index})`];
    }),
    ...["add", "sub", "mul", "div", "pow", "maximum", "minimum"].flatMap((name) => [
      `s.${name}(X, X)`,
      `s.${name}(x, X)`,
      `s.${name}(X, n)`,
    ]),
    ...["mean", "sum", "amax", "amin"].flatMap((name) =>
      ["1", "a", "[2, 3]", "[2, 3], true", "[a, -1], true", "[-1]", "null, true", "1, true"].map((dims) => `s.${name}(X, ${dims})`),
    ),
    ...["conv1d", "conv2d", "conv3d", "convTranspose1d", "convTranspose2d", "convTranspose3d"].flatMap((name) => [
      `s.${name}(X, { outChannels: 8, kernelSize: 3, stride: 2, padding: 1, groups: 2, inChannels: 4 })`,
      `s.${name}(X, { outChannels: n, kernelSize: n, stride: n, padding: n, groups: n })`,
    ]),
    "s.conv2d(X, { outChannels: 8, kernelSize: [3, 5], padding: [[1, 2], [3, 4]], stride: [1, 2], dilation: [1, 2] })",
    's.conv2d(X, { outChannels: 8, kernelSize: 3, padding: "same" })',
    ...["avgPool1d", "avgPool2d", "avgPool3d", "maxPool1d", "maxPool2d", "maxPool3d"].flatMap((name) => [
      `s.${name}(X, { kernelSize: 3, stride: 2, padding: 1, ceilMode: true })`,
      `s.${name}(X, { kernelSize: n, padding: n })`,
    ]),
    "s.adaptiveAvgPool1d(X, 1)",
    "s.adaptiveAvgPool2d(X, [2, 3])",
    "s.adaptiveAvgPool2d(X, [n, n])",
    "s.adaptiveMaxPool2d(X, 7)",
    "s.clamp(X, { min: 0 })",
    's.cast(X, "float32")',
    's.embedding(s.cast(X, "int64"), { numEmbeddings: 3, embeddingDim: n })',
    "s.multiHeadAttention(X, X, X, { numHeads: 8 })",
    "s.multiHeadAttention(X, x, x, { numHeads: n })",
    "s.groupNorm(X, { numGroups: n, numChannels: 16 })",
    "s.layerNorm(X, { normalizedShape: [8, n] })",
    "s.linear(X, { outFeatures: n, inFeatures: 7 })",
    "s.matmul(X, s.transpose(X, -2, -1))",
    "s.concat([X, x, X], -1)",
    "s.concat([X, x], a)",
    "s.stack([X, x])",
    "s.stack([X, x], a)",
    "s.chunk(X, 2, 1)[0]",
    "s.split(X, [2, n], a)[1]",
    "s.permute(X, [0, a, 3, 1])",
    "s.permute(X, [0, 2, 3, 1])",
    "s.transpose(X, a, -1)",
    "s.pad(X, [1, n, 2, 2])",
    "s.slice(X, 1, { start: 1, end: 3, step: 2 })",
    "s.slice(X, a, { start: n, end: n, step: n })",
    "s.expand(X, [-1, 3, n])",
    's.reshape(X, ["N", 3, -1])',
    "s.view(X, [3, n])",
    "s.flatten(X, a)",
    "s.flatten(X, 1, 2)",
    "s.pixelShuffle(X, n)",
    "s.pixelUnshuffle(X, 2)",
    "s.interpolate(X, { size: [3, n] })",
    "s.interpolate(X, { scaleFactor: 0.5 })",
    "s.upsample(X, { scaleFactor: n })",
    "s.pipe(X, s.relu, s.layers.conv2d({ outChannels: 8, kernelSize: 3 }))",
    "s.repeat(X, 3, (y) => s.add(s.conv2d(y, { outChannels: 8, kernelSize: 3, padding: 1 }), y))",
    's.scope("a", () => s.add(X, x))',
    's.scopeOf("b", () => s.relu(X))',
    's.sharedScope("c", () => s.relu(X))',
    "s.sequential(s.layers.conv2d({ outChannels: 8, kernelSize: 3 }), s.layers.flatten())(X)",
  ]);
/** Calls that take a tensor and give none. */
const ends: readonly string[] = [
  's.expectShape(X, ["N", 8, 3, n])',
  's.expectTarget(X, s.crossEntropy(), { shape: ["N"], dtype: "int64", classes: 10 })',
  's.expectTarget(X, s.mse(), { shape: ["N", n], dtype: "float32" })',
  's.defineModel({ name: "m", inputs: {}, forward: () => X })',
  's.defineModel({ name: "m", inputs: {}, forward: () => ({ X }) })',
];
const all = [...calls, ...ends];

test("the calls are of every layer and tensor function", () => {
  const index = readFileSync(resolve(import.meta.dirname, "../../src/dsl/index.ts"), "utf8");
  const exported = [...index.matchAll(/^export \{([^}]*)\} from "\.\/(?:layers\/(?!parameter)|scope|expect)[^"]*";/gm)];
  const names = exported.flatMap(([, list = ""]) => [...list.matchAll(/\w+/g)].map(([name]) => name));
  expect(names.length).toBeGreaterThan(80);
  expect(names.filter((name) => !all.some((call) => call.includes(`s.${name}(`)))).toEqual([]);
});

/** Each call in a generic function of its own, and what it gives in as many others, a different choice for each. */
const functions = (signature: string, chosen: readonly string[]): string =>
  chosen
    .map((call, i) => {
      const users = Array.from({ length: 6 }, (_, k) => all[(i * 13 + k * 11) % all.length] ?? "");
      const lines = [...users, ...ends].map((user) => `  ${user.replace(/\bX\b/g, "y").replace("({ y })", "({ y: y })")};`);
      return [
        `export function f${i}<${signature}>(x: s.Tensor<S>, n: n, a: a) {`,
        `  const y = ${call.replace(/\bX\b/g, "x")};`,
        ...lines,
        "}",
      ].join("\n");
    })
    .join("\n");

test.each(compilers)("%s: nothing is an error in a generic function, alone or on the result of another", async (compiler) => {
  // TypeScript 6 takes seconds: every third call stands for all.
  const chosen = compiler === "typescript" ? calls : calls.filter((_, i) => i % 3 === 0);
  for (const shape of compiler === "typescript" ? ["S", "S extends readonly (number | string)[]"] : ["S"]) {
    const text = `import * as s from "striate";\n${functions(`${shape}, n extends number, a extends number`, chosen)}`;
    expect((await check(compiler, text)).errors).toEqual([]);
  }
});

const header = `import { add, chunk, concat, conv2d, type Dim, expectShape, mean, mul, permute, sigmoid, slice, split, sum, type Tensor } from "striate";
declare const x: Tensor<["N", 64, 8, 8]>;
declare const five: Tensor<["N", 5, 8, 8]>;
declare const open: Tensor<["N", number, 8, 8]>;
declare const unranked: Tensor<Dim[]>;
`;
/** Generic functions, a call of each, and the shape of what it gives. */
const exact: readonly (readonly [text: string, call: string, shape: string])[] = [
  ["const f = <S>(x: Tensor<S>) => mean(x, [2, 3]);", "f(x)", '["N", 64]'],
  ["const f = <S>(x: Tensor<S>) => sum(x, [-1, 1], true);", "f(x)", '["N", 1, 8, 1]'],
  ["const f = <S, A extends number>(x: Tensor<S>, a: A) => mean(x, [a, 3], true);", "f(x, 1)", '["N", 1, 8, 1]'],
  ["const f = <S>(x: Tensor<S>) => permute(mean(x, [2], true), [0, 2, 3, 1]);", "f(x)", '["N", 1, 8, 64]'],
  ["const f = <S>(x: Tensor<S>) => { const [a, b] = chunk(x, 2, 1); return mul(a, sigmoid(b)); };", "f(x)", '["N", 32, 8, 8]'],
  [
    "const f = <B, C, H, W>(x: Tensor<[B, C, H, W]>) => { const [a, b] = chunk(x, 2, 1); return mul(a, sigmoid(b)); };",
    "f(x)",
    '["N", 32, 8, 8]',
  ],
  [
    "const f = <S>(x: Tensor<S>) => { const [a, b, c] = chunk(conv2d(x, { outChannels: 9, kernelSize: 1 }), 3, 1); return add(add(a, b), c); };",
    "f(x)",
    '["N", 3, 8, 8]',
  ],
  ["const f = <S>(x: Tensor<S>) => { const [, , c] = chunk(x, 4, 1); return c; };", "f(five)", '["N", 1, 8, 8]'],
  ["const f = <S>(x: Tensor<S>) => { const [a, b] = split(x, [40, 24], 1); return add(a, mean(b, 1, true)); };", "f(x)", '["N", 40, 8, 8]'],
  [
    "const f = <S>(x: Tensor<S>) => { const y = slice(x, 1, { start: 1, end: 3, step: 2 }); return concat([y, x, y], 1); };",
    "f(x)",
    '["N", 66, 8, 8]',
  ],
  [
    "const f = <S, A extends number>(x: Tensor<S>, a: A) => { const y = slice(x, a, { start: 1 }); return concat([x, x, y], a); };",
    "f(x, -1)",
    '["N", 64, 8, 23]',
  ],
  ["const f = () => { const [, b] = chunk(open, 2, 1); return b; };", "f()", '["N", 3, 8, 8]'],
  ["const f = () => { const [a, b] = chunk(unranked, 2, 1); return add(a, b); };", "f()", '["N", 3]'],
];
test("reductions over lists of axes, chunks and splits in generic functions are exact where they are called", async () => {
  const lines = exact.map(([text, call, shape]) => `{ ${text} expectShape(${call}, ${shape}); }`);
  expect((await check("typescript", `${header}${lines.join("\n")}`)).errors).toEqual([]);
  const wrong = exact.slice(0, 11).map(([text, call, shape]) => `{ ${text} expectShape(${call}, ${shape.replace('"N"', '"M"')}); }`);
  expect((await check("typescript", `${header}${wrong.join("\n")}`)).errors.length).toBe(11);
});

test("a piece that chunk does not make is a message where the generic function is called", async () => {
  const text = "const f = <S>(x: Tensor<S>) => { const [, , , d] = chunk(x, 4, 1); return d; };";
  const { errors } = await check("typescript", `${header}${text}\nexpectShape(f(five), ["N", 1, 8, 8]);`);
  expect(errors.join()).toContain("parameter of type '\"chunk: axis 1 of 5 makes 3 pieces, not 4\"'");
});
