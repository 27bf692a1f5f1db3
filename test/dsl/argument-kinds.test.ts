/**
 * Arguments whose types were cast away, as from JavaScript: every one of every function that is of another kind is refused in one sentence,
 * at the user's line.
 */
import * as striate from "striate";
import { CompileError, defineModel, trace } from "striate";
import { expect, test } from "vitest";

type Call = (...args: readonly unknown[]) => unknown;
/** A function of the language by name. Sound for the test: JavaScript callers write any arguments. */
const functionOf = (name: string): Call => Reflect.get(striate, name) as Call;
const inputs = { image: ["N", 4, 8, 8], sequence: ["N", 4, 8], clip: ["N", 4, 8, 8, 8], ids: { shape: ["N", 3], dtype: "int64" } } as const;

/** The diagnostic that a call throws while a model is traced, or "fine". Anything else that is thrown fails the test. */
function outcome(name: string, args: (x: Readonly<Record<string, unknown>>) => readonly unknown[]) {
  const model = defineModel({
    name: "m",
    inputs,
    forward: (x) => {
      const y = functionOf(name)(...args(x));
      return { x: x.image, y: Array.isArray(y) ? y[0] : (y ?? x.image) };
    },
  });
  try {
    trace(model);
    return "fine";
  } catch (error) {
    if (error instanceof CompileError && error.diagnostics[0] !== undefined) return error.diagnostics[0];
    throw error;
  }
}

const window = { kernelSize: 3, stride: 2, padding: 1 };
const conv = { outChannels: 8, ...window, dilation: 1, groups: 2, inChannels: 4, bias: true, paddingMode: "zeros", init: {}, name: "c" };
const norm = { numFeatures: 4, eps: 1e-5, affine: true, init: {}, name: "n" };
const ofBatch = { ...norm, momentum: 0.1 };
/** The options of each function that takes some, and what stands before them. */
const withOptions: Readonly<Record<string, readonly [before: readonly unknown[], options: Readonly<Record<string, unknown>>]>> = {
  conv1d: [["sequence"], conv],
  conv2d: [["image"], conv],
  conv3d: [["clip"], conv],
  convTranspose1d: [["sequence"], { ...conv, outputPadding: 1 }],
  convTranspose2d: [["image"], { ...conv, outputPadding: 1 }],
  convTranspose3d: [["clip"], { ...conv, outputPadding: 1 }],
  maxPool1d: [["sequence"], { ...window, dilation: 1, ceilMode: true }],
  maxPool2d: [["image"], { ...window, dilation: 1, ceilMode: true }],
  maxPool3d: [["clip"], { ...window, dilation: 1, ceilMode: true }],
  avgPool1d: [["sequence"], { ...window, ceilMode: true, countIncludePad: true }],
  avgPool2d: [["image"], { ...window, ceilMode: true, countIncludePad: true }],
  avgPool3d: [["clip"], { ...window, ceilMode: true, countIncludePad: true }],
  batchNorm1d: [["sequence"], ofBatch],
  batchNorm2d: [["image"], ofBatch],
  batchNorm3d: [["clip"], ofBatch],
  instanceNorm2d: [["image"], norm],
  groupNorm: [["image"], { numGroups: 2, numChannels: 4, eps: 1e-5, affine: true, init: {}, name: "g" }],
  layerNorm: [["image"], { normalizedShape: 8, eps: 1e-5, bias: true, elementwiseAffine: true, init: {}, name: "l" }],
  linear: [["image"], { outFeatures: 3, inFeatures: 8, bias: true, init: {}, name: "f" }],
  embedding: [["ids"], { numEmbeddings: 10, embeddingDim: 4, init: striate.init.zeros(), name: "e" }],
  multiHeadAttention: [["sequence", "sequence", "sequence"], { numHeads: 2, bias: true, name: "a" }],
  prelu: [["image"], { numParameters: 4, init: striate.init.zeros(), name: "p" }],
  gelu: [["image"], { approximate: "tanh" }],
  softplus: [["image"], { beta: 2 }],
  clamp: [["image"], { min: 0, max: 6 }],
  pad: [["image", [1, 1]], { mode: "constant", value: 0 }],
  slice: [["image", 1], { start: 1, end: 3, step: 1 }],
  interpolate: [["image"], { size: 4, mode: "nearest", alignCorners: false }],
  upsample: [["image"], { scaleFactor: 2, mode: "bilinear", alignCorners: true }],
  parameter: [["q", [3]], { init: striate.init.zeros() }],
  buffer: [["r", [3]], { init: striate.init.zeros() }],
};
/** What no option takes, unless its name is among those behind it. */
const misfits: readonly (readonly [value: unknown, except: readonly string[]])[] = [
  ["3", ["name"]],
  ["yes", ["name"]],
  [true, ["bias", "affine", "elementwiseAffine", "ceilMode", "countIncludePad", "alignCorners"]],
  [0, ["padding", "outputPadding", "eps", "momentum", "value", "min", "max", "start", "end"]],
  [-1, ["value", "min", "max", "start", "end"]],
  [1.5, ["eps", "beta", "value", "min", "max", "scaleFactor"]],
  [Number.NaN, []],
  [Number.POSITIVE_INFINITY, ["value", "min", "max"]],
  [null, ["inChannels", "numFeatures", "numChannels", "normalizedShape", "inFeatures", "numParameters", "end"]],
  [() => 1, []],
  [Symbol("s"), []],
  [10n, []],
  [[1, 2, 3, 4, 5], []],
  [["3"], []],
  [{ weight: "zeros" }, []],
  [{ kind: "uniform", low: 0 }, []],
];
const at = (x: Readonly<Record<string, unknown>>, before: readonly unknown[]): readonly unknown[] =>
  before.map((value) => (typeof value === "string" && value in x ? x[value] : value));

test.each(Object.entries(withOptions))("%s refuses each option of another kind", (name, [before, options]) => {
  expect(outcome(name, (x) => [...at(x, before), options])).toBe("fine");
  for (const option of Object.keys(options)) {
    for (const [value, except] of misfits) {
      const found = outcome(name, (x) => [...at(x, before), { ...options, [option]: value }]);
      const what = `${name} ${option}: ${String(value)}`;
      if (except.includes(option)) continue;
      expect(found, what).not.toBe("fine");
      if (found === "fine") continue;
      expect(found.location.position?.file, what).toBe(import.meta.filename);
      expect(found.message, what).toMatch(/^\w+[^:]*: (?!.*(?:undefined|\[object|function \(|=>))/);
    }
  }
});

/** Arguments that are no options, each with the whole message. */
const positional: readonly (readonly [name: string, args: readonly unknown[], message: string])[] = [
  ["conv2d", ["image", 64, 3], "conv2d: there are 3 arguments, but conv2d takes 2"],
  ["conv2d", ["image", 64], 'conv2d "conv2d": the options are 64, but must be an object'],
  ["conv2d", ["image", ["a"]], 'conv2d "conv2d": the options are ["a"], but must be an object'],
  ["conv2d", ["image", null], 'conv2d "conv2d": the options are null, but must be an object'],
  ["batchNorm2d", ["image", "image"], 'batchNorm2d "batchNorm2d": the options are a tensor, but must be an object'],
  ["add", ["image", "image", "image"], "add: there are 3 arguments, but add takes 2"],
  ["relu", ["image", { inplace: true }], "relu: there are 2 arguments, but relu takes 1"],
  ["leakyRelu", ["image", { negativeSlope: 0.2 }], "leakyRelu: negativeSlope is an object, but must be a number"],
  ["elu", ["image", "1"], 'elu: alpha is "1", but must be a number'],
  ["dropout", ["image", "0.5"], 'dropout: p is "0.5", but must be at least 0 and less than 1'],
  ["softmax", ["image", "1"], "softmax: the axis is missing, or no number"],
  ["softmax", ["image", null], "softmax: the axis is missing, or no number"],
  ["softmax", ["image", [1]], "softmax: the axis is missing, or no number"],
  ["softmax", ["image", 1.5], "softmax: axis 1.5 is out of range for 4 axes"],
  ["flatten", ["image", "1"], "flatten: the axis is missing, or no number"],
  ["mean", ["image", "2"], "mean: the axis is missing, or no number"],
  ["mean", ["image", [2, "3"]], "mean: the axis is missing, or no number"],
  ["mean", ["image", 2, "yes"], 'mean: keepdim is "yes", but must be true or false'],
  ["chunk", ["image", "2", 1], 'chunk: chunks is "2", but must be a positive integer'],
  ["split", ["image", ["2", 2], 1], 'split: the sizes are ["2", 2], but must be natural numbers'],
  ["select", ["image", 1, "0"], 'select: index "0" is outside axis 1, which has 4'],
  ["pixelShuffle", ["image", "2"], 'pixelShuffle: upscaleFactor is "2", but must be a positive integer'],
  ["adaptiveAvgPool1d", ["sequence", "1"], 'adaptiveAvgPool1d: outputSize is "1", but must be a positive integer'],
  ["adaptiveAvgPool2d", ["image", ["1", 1]], 'adaptiveAvgPool2d: outputSize is "1", but must be a positive integer'],
  ["reshape", ["image", ["N", "4", 64]], 'reshape: a size is "4", but must be a number or a name'],
  ["expand", ["image", ["N", 4, 8, null]], "expand: a size is null, but must be a number or a name"],
  ["permute", ["image", [0, "2", 3, 1]], "permute: the axis is missing, or no number"],
  ["transpose", ["image", 1, true], "transpose: the axis is missing, or no number"],
  ["pad", ["image", ["1", 1]], 'pad: pads are ["1", 1], but must be an even number of integers, at most 8'],
  ["cast", ["image", 7], "cast: 7 is not an element type"],
  ["parameter", [7, [3]], "parameter: the name is 7, but must be a name"],
  ["parameter", ["p", 3], 'parameter "p": the shape is a number, but must be an array'],
  ["parameter", ["p", ["N", 3]], 'parameter "p": size 0 of the shape is "N", but must be a natural number'],
  ["repeat", ["image", "3", (x: unknown) => x], 'repeat: n is "3", but must be a natural number'],
  ["repeat", ["image", 3, "image"], "repeat: the block is an object, but must be a function"],
  ["concat", [["image", "image"], "1"], "concat: the axis is missing, or no number"],
  ["add", ["image", "2"], "add: the second operand is a string, but must be a tensor"],
];
test.each(positional)("%s of %j is refused", (name, args, message) => {
  const found = outcome(name, (x) => args.map((arg) => (Array.isArray(arg) ? at(x, arg) : at(x, [arg])[0])));
  expect(found).not.toBe("fine");
  if (found !== "fine") {
    expect(found.message.slice(0, message.length)).toBe(message);
    expect(found.location.position?.file).toBe(import.meta.filename);
  }
});

test("what map and reduce give besides the element is no argument too many", () => {
  const call = functionOf("relu");
  expect(outcome("concat", (x) => [[x["image"], x["image"]].map(call), 1])).toBe("fine");
  expect(outcome("relu", (x) => [[x["image"], x["image"]].reduce(functionOf("add"))])).toBe("fine");
  const slopes = outcome("concat", (x) => [[x["image"], x["image"]].map(functionOf("leakyRelu")), 1]);
  expect(slopes).toMatchObject({ message: "leakyRelu: there are 3 arguments, but leakyRelu takes 2" });
});

test("no function has a default in its head, which its length would not count", () => {
  const heads = Object.values(striate).flatMap((value) => {
    const source = typeof value === "function" ? Function.prototype.toString.call(value) : "";
    const [, list] = /\barguments\b/.test(source) ? (/^function \w+\(([\s\S]*?)\) \{/.exec(source) ?? []) : [];
    return list === undefined || typeof value !== "function"
      ? []
      : [{ name: value.name, counted: value.length, written: list.split(",").length }];
  });
  expect(heads.length).toBeGreaterThan(80);
  expect(heads.filter(({ counted, written }) => counted !== written)).toEqual([]);
});
