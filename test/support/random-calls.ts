/** Random calls of layers, as source text, for tests that hold types, the graph's inference and onnxruntime against each other. */
import fc from "fast-check";

/** A dim of an input: its size at run time, and whether its type says it. */
export interface InputDim {
  readonly dim: number | string;
  readonly typed: boolean;
}
/** One call: the shapes of its inputs a, b and c, and the text of the call. */
export interface RandomCall {
  readonly inputs: readonly (readonly InputDim[])[];
  readonly text: string;
}

/** The sizes of the symbols when a graph is run. */
export const symbolSizes: ReadonlyMap<string, number> = new Map([
  ["N", 2],
  ["H", 15],
  ["W", 20],
]);

const known = (dim: number | string): InputDim => ({ dim, typed: true });
const natural = (min: number, max: number) => fc.integer({ min, max });
const spatial = fc.oneof(
  natural(9, 40).map(known),
  fc.constantFrom("H", "W", "2*H", "16*W").map(known),
  natural(9, 40).map((dim) => ({ dim, typed: false })),
);
const batch = fc.constantFrom(known("N"), known(2), { dim: "N", typed: false });
const image = (channels: readonly number[]) => fc.tuple(batch, fc.constantFrom(...channels).map(known), spatial, spatial);
const pair = (value: fc.Arbitrary<number>) =>
  fc.oneof(
    value.map(String),
    fc.tuple(value, value).map(([a, b]) => `[${a}, ${b}]`),
  );
const options = (entries: Readonly<Record<string, string | null>>): string =>
  `{ ${Object.entries(entries)
    .flatMap(([name, text]) => (text === null ? [] : [`${name}: ${text}`]))
    .join(", ")} }`;
const maybe = (arbitrary: fc.Arbitrary<string>) => fc.option(arbitrary, { nil: null });

const convolution = fc
  .record({
    x: image([4, 6]),
    out: fc.constantFrom("2", "8"),
    kernelSize: pair(natural(1, 4)),
    stride: maybe(pair(natural(1, 3))),
    padding: maybe(fc.oneof(pair(natural(0, 3)), fc.constantFrom('"valid"'))),
    dilation: maybe(natural(1, 2).map(String)),
    groups: maybe(fc.constant("2")),
  })
  .map(({ x, out, ...o }) => ({ inputs: [x], text: `conv2d(a, ${options({ outChannels: out, ...o })})` }));
const sides = fc.tuple(natural(0, 2), natural(0, 2)).map(([a, b]) => `[${a}, ${b}]`);
const asymmetric = fc
  .record({ x: image([3]), kernelSize: pair(natural(1, 4)), stride: natural(1, 3), rows: sides, columns: sides })
  .map(({ x, rows, columns, ...o }) => ({
    inputs: [x],
    text: `conv2d(a, { outChannels: 5, kernelSize: ${o.kernelSize}, stride: ${o.stride}, padding: [${rows}, ${columns}] })`,
  }));
const sequence = (channels: readonly number[]) => fc.tuple(batch, fc.constantFrom(...channels).map(known), spatial);
const convolution1d = fc
  .record({
    x: sequence([4]),
    op: fc.constantFrom("conv1d", "convTranspose1d"),
    kernelSize: natural(1, 4).map(String),
    stride: maybe(natural(1, 3).map(String)),
    dilation: maybe(natural(1, 2).map(String)),
    groups: maybe(fc.constant("2")),
  })
  .map(({ x, op, ...o }) => ({ inputs: [x], text: `${op}(a, ${options({ outChannels: "6", ...o })})` }));
const pool1d = fc
  .record({
    x: sequence([3]),
    op: fc.constantFrom("maxPool1d", "avgPool1d"),
    kernelSize: natural(2, 4),
    stride: maybe(natural(1, 4).map(String)),
    padding: maybe(fc.constant("1")),
    ceilMode: maybe(fc.constantFrom("true", "false")),
  })
  .map(({ x, op, kernelSize, ...o }) => ({ inputs: [x], text: `${op}(a, ${options({ kernelSize: `${kernelSize}`, ...o })})` }));
const triple = (value: fc.Arbitrary<number>) =>
  fc.oneof(
    value.map(String),
    fc.tuple(value, value, value).map((list) => `[${list.join(", ")}]`),
  );
const volume = fc.tuple(
  batch,
  fc.constant(known(2)),
  natural(4, 6).map(known),
  natural(4, 8).map(known),
  fc.constantFrom("H", "2*H", 7).map(known),
);
const convolution3d = fc
  .record({
    x: volume,
    op: fc.constantFrom("conv3d", "convTranspose3d"),
    kernelSize: triple(natural(1, 3)),
    stride: maybe(triple(natural(1, 2))),
    padding: maybe(triple(natural(0, 1))),
  })
  .map(({ x, op, ...o }) => ({ inputs: [x], text: `${op}(a, ${options({ outChannels: "2", ...o })})` }));
const pool3d = fc
  .record({
    x: volume,
    op: fc.constantFrom("maxPool3d", "avgPool3d"),
    kernelSize: triple(natural(2, 3)),
    stride: maybe(triple(natural(1, 2))),
  })
  .map(({ x, op, ...o }) => ({ inputs: [x], text: `${op}(a, ${options(o)})` }));
const norms = fc.record({ x: image([4]), kind: natural(0, 2) }).map(({ x, kind }) => {
  const texts = ["groupNorm(a, { numGroups: 2 })", "instanceNorm2d(a, { affine: true })", "batchNorm2d(a)"];
  return { inputs: [x], text: texts[kind] ?? "" };
});
const shuffled = fc
  .record({ x: image([4, 9, 36]), r: natural(2, 4), op: fc.constantFrom("pixelShuffle", "pixelUnshuffle") })
  .map(({ x, r, op }) => ({ inputs: [x], text: `${op}(a, ${r})` }));
const fractional = fc
  .record({ x: image([3]), factor: pair(fc.constantFrom(0.5, 0.25, 1.5, 2.5, 1.125, 0.75)) })
  .map(({ x, factor }) => ({ inputs: [x], text: `interpolate(a, { scaleFactor: ${factor} })` }));
const attention = fc
  .record({ n: batch, l: natural(1, 6).map(known), m: natural(1, 6).map(known), heads: fc.constantFrom(1, 2, 4) })
  .map(({ n, l, m, heads }) => ({
    inputs: [
      [n, l, known(8)],
      [n, m, known(8)],
    ],
    text: `multiHeadAttention(a, b, b, { numHeads: ${heads} })`,
  }));
const same = fc.record({ x: image([3]), kernelSize: pair(natural(1, 5)), dilation: natural(1, 2) }).map(({ x, kernelSize, dilation }) => ({
  inputs: [x],
  text: `conv2d(a, { outChannels: 5, kernelSize: ${kernelSize}, dilation: ${dilation}, padding: "same" })`,
}));
const transposed = fc
  .record({
    x: image([4]),
    kernelSize: pair(natural(2, 4)),
    stride: pair(natural(2, 3)),
    padding: maybe(natural(0, 1).map(String)),
    outputPadding: maybe(natural(0, 1).map(String)),
    dilation: maybe(fc.constant("2")),
  })
  .map(({ x, ...o }) => ({ inputs: [x], text: `convTranspose2d(a, ${options({ outChannels: "6", ...o })})` }));
const pool = fc
  .record({
    x: image([3]),
    op: fc.constantFrom("maxPool2d", "avgPool2d"),
    kernelSize: natural(2, 4),
    stride: maybe(natural(1, 4).map(String)),
    padding: maybe(fc.constant("1")),
    ceilMode: maybe(fc.constantFrom("true", "false")),
  })
  .map(({ x, op, kernelSize, ...o }) => ({ inputs: [x], text: `${op}(a, ${options({ kernelSize: `${kernelSize}`, ...o })})` }));
const adaptive = fc
  .record({ h: natural(7, 20), w: natural(7, 20), size: pair(natural(1, 7)) })
  .map(({ h, w, size }) => ({ inputs: [[known("N"), known(3), known(h), known(w)]], text: `adaptiveAvgPool2d(a, ${size})` }));
const resize = fc
  .record({ x: image([3]), factor: pair(natural(1, 3)) })
  .map(({ x, factor }) => ({ inputs: [x], text: `upsample(a, { scaleFactor: ${factor} })` }));

const anyDims = fc.array(
  fc.oneof(
    natural(1, 6).map(known),
    fc.constantFrom("N", "H", "2*H").map(known),
    natural(1, 6).map((dim) => ({ dim, typed: false })),
  ),
  { minLength: 1, maxLength: 5 },
);
const axisOf = (rank: number) => natural(-rank, rank - 1);
const flatten = anyDims.chain((x) =>
  fc
    .tuple(natural(0, x.length - 1), natural(0, x.length - 1))
    .map(([a, b]) => ({ inputs: [x], text: `flatten(a, ${Math.min(a, b)}, ${Math.max(a, b) - (b % 2 === 0 ? x.length : 0)})` })),
);
const movement = anyDims.chain((x) =>
  fc.tuple(axisOf(x.length), axisOf(x.length), natural(0, 6)).map(([a, b, kind]) => {
    const texts = [
      `transpose(a, ${a}, ${b})`,
      `unsqueeze(a, ${a})`,
      `mean(a, ${a})`,
      `sum(a, ${a}, true)`,
      `amax(a, [${a}], false)`,
      `select(a, ${a}, 0)`,
      `softmax(a, ${a})`,
    ];
    return { inputs: [x], text: texts[kind] ?? "" };
  }),
);
const permutation = anyDims.chain((x) =>
  fc
    .shuffledSubarray(
      x.map((_, i) => i),
      { minLength: x.length },
    )
    .map((dims) => ({ inputs: [x], text: `permute(a, [${dims.join(", ")}])` })),
);
const slicing = anyDims.chain((x) =>
  fc
    .tuple(axisOf(x.length), natural(-3, 3), fc.option(natural(-2, 8), { nil: null }), fc.constantFrom(1, 1, 2))
    .map(([axis, start, end, step]) => ({
      inputs: [x],
      text: `slice(a, ${axis}, { start: ${start}, end: ${end}, step: ${step} })`,
    })),
);
const padding = image([3]).chain((x) =>
  fc.array(natural(-1, 3), { minLength: 4, maxLength: 4 }).map((pads) => ({ inputs: [x], text: `pad(a, [${pads.join(", ")}])` })),
);
const joining = anyDims.chain((x) =>
  fc.tuple(axisOf(x.length), fc.oneof(natural(1, 5).map(known), fc.constantFrom("H", "N").map(known))).map(([axis, other]) => {
    const y = x.map((d, i) => (i === (axis + x.length) % x.length ? other : d));
    return { inputs: [x, y], text: `concat([a, b, a], ${axis})` };
  }),
);
const stacking = anyDims.chain((x) => natural(-x.length - 1, x.length).map((axis) => ({ inputs: [x, x], text: `stack([a, b], ${axis})` })));
const broadcasting = anyDims.chain((x) =>
  fc
    .tuple(
      fc.constantFrom("add", "sub", "mul", "maximum"),
      natural(0, x.length - 1),
      fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      fc.boolean(),
    )
    .map(([op, from, ones, swap]) => {
      const y = x.slice(from).map((d, i) => (ones[i] === true ? known(1) : d));
      return { inputs: swap ? [y, x] : [x, y], text: `${op}(a, b)` };
    }),
);
const products = fc
  .record({ lead: anyDims, m: natural(1, 5), k: natural(1, 5), n: natural(1, 5), batched: fc.boolean() })
  .map(({ lead, m, k, n, batched }) => ({
    inputs: [
      [...lead, known(m), known(k)],
      [...(batched ? lead : []), known(k), known(n)],
    ],
    text: "matmul(a, b)",
  }));
const chunking = fc.tuple(batch, natural(1, 9), natural(1, 5), natural(0, 2)).map(([n, p, chunks, piece]) => ({
  inputs: [[n, known(p), known(3)]],
  text: `chunk(a, ${chunks}, 1)[${Math.min(piece, Math.ceil(p / Math.ceil(p / chunks)) - 1)}]`,
}));
const viewing = fc.tuple(batch, natural(1, 5), natural(1, 5)).map(([n, p, q]) => ({
  inputs: [[n, known(p), known(q), known("H")]],
  text: `view(a, [-1, ${q}, ${p}])`,
}));
const dense = anyDims.map((lead) => ({ inputs: [[...lead, known(6)]], text: "linear(a, { outFeatures: 4, inFeatures: 6 })" }));
const reshaping = fc.tuple(batch, natural(1, 5), natural(1, 5), natural(1, 5), natural(0, 5)).map(([n, p, q, r, kind]) => {
  const b = typeof n.dim === "string" ? `"${n.dim}"` : `${n.dim}`;
  const targets = [
    `[${b}, ${p * q * r}]`,
    `[-1, ${p * q * r}]`,
    `[${b}, -1, ${r}]`,
    `[${b}, ${p}, -1]`,
    `[-1, ${q}, ${p * r}]`,
    `[${r}, ${b}, ${p * q}]`,
  ];
  return { inputs: [[n, known(p), known(q), known(r)]], text: `reshape(a, ${targets[kind]})` };
});
const expansion = fc
  .tuple(natural(1, 5), natural(1, 5))
  .map(([p, q]) => ({ inputs: [[known(1), known(p), known(1)], [known("N")]], text: `expand(a, ["N", -1, ${q}])` }));
const splitting = fc
  .tuple(batch, natural(1, 5), natural(1, 5))
  .map(([n, p, q]) => ({ inputs: [[n, known(p + q), known(3)]], text: `split(a, [${p}, ${q}], 1)[1]` }));
const squeezing = anyDims.chain((x) =>
  natural(0, x.length).map((axis) => ({ inputs: [[...x.slice(0, axis), known(1), ...x.slice(axis)]], text: `squeeze(a, ${axis})` })),
);

/** Calls of all kinds in equal shares. */
export const randomCall: fc.Arbitrary<RandomCall> = fc.oneof(
  convolution,
  same,
  transposed,
  pool,
  adaptive,
  resize,
  flatten,
  movement,
  permutation,
  slicing,
  padding,
  joining,
  stacking,
  broadcasting,
  products,
  dense,
  reshaping,
  expansion,
  splitting,
  squeezing,
  asymmetric,
  convolution1d,
  pool1d,
  convolution3d,
  pool3d,
  norms,
  shuffled,
  fractional,
  attention,
  chunking,
  viewing,
);
