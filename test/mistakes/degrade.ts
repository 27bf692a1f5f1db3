// What is too dynamic widens to `number` or `Dim[]`, and is never a wrong literal. Nothing here is a mistake.
import {
  add,
  chunk,
  concat,
  conv2d,
  type Dim,
  expectShape,
  flatten,
  groupNorm,
  interpolate,
  linear,
  maxPool2d,
  mean,
  permute,
  pixelShuffle,
  reshape,
  select,
  slice,
  split,
  type Tensor,
  transpose,
  unsqueeze,
} from "../../src/dsl/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only when the type of the tensor's shape is S. */
const is =
  <S>() =>
  <T>(_x: Tensor<T>, _equal: Equal<S, T>): void => {};

interface Unknowns {
  readonly n: number;
  readonly either: 64 | 128;
  readonly oneOrThree: 1 | 3;
  readonly axis: 1 | 2;
  readonly flag: boolean;
}
/** Numbers that only run time knows. */
export function numbers({ n, either, oneOrThree, axis, flag }: Unknowns, x: Tensor<["N", 64, 56, 56]>, unranked: Tensor<Dim[]>): void {
  const wide = conv2d(x, { outChannels: n, kernelSize: 1 });
  is<["N", number, 56, 56]>()(wide, true);
  is<["N", 8, number, number]>()(conv2d(x, { outChannels: 8, kernelSize: n }), true);
  is<["N", 64 | 128, 54, 54]>()(conv2d(x, { outChannels: either, kernelSize: 3 }), true);
  is<[number, 8, number, number]>()(conv2d(unranked, { outChannels: 8, kernelSize: 3 }), true);
  is<["N", number]>()(flatten(wide), true);
  is<Dim[]>()(linear(unranked, { outFeatures: 3 }), true);
  is<Dim[]>()(add(x, unranked), true);
  is<["N", 64, 56, 56]>()(add(x, wide), true);
  is<["N", 64, 56, 56]>()(add(x, n), true);
  is<["N", number, 56, 56]>()(add(x, conv2d(x, { outChannels: oneOrThree, kernelSize: 1 })), true);
  is<["N", number, 56, 56]>()(concat([wide, x], 1), true);
  is<Dim[]>()(concat([x, x], n), true);
  is<Dim[]>()(concat([x, x], axis), true);
  is<Dim[]>()(flatten(x, axis), true);
  is<[Dim, Dim, Dim, Dim]>()(transpose(x, axis, 3), true);
  is<[Dim, 64, Dim, 56]>()(permute(x, [n, 1, axis, 3]), true);
  is<["N", number, 56, 56]>()(slice(x, 1, { start: n }), true);
  is<["N", number, 56, 56]>()(slice(x, 1, { start: oneOrThree }), true);
  is<Dim[]>()(mean(x, axis), true);
  is<Dim[]>()(unsqueeze(x, n), true);
  is<["N", number, 56, 56]>()(split(x, [n, 32], 1)[0], true);
  is<["N", 64, 18 | 19 | 27 | 28, 18 | 19 | 27 | 28]>()(maxPool2d(x, { kernelSize: flag ? 2 : 3 }), true);
  is<["N", number]>()(reshape(wide, ["N", -1]), true);
  is<["N", 8, number, 57]>()(
    conv2d(x, {
      outChannels: 8,
      kernelSize: 2,
      padding: [
        [n, 1],
        [0, 2],
      ],
    }),
    true,
  );
  is<["N", number, number, number]>()(pixelShuffle(x, n), true);
  is<["N", 64, number, number]>()(interpolate(x, { scaleFactor: n }), true);
  is<["N", 64, 56]>()(select(x, 3, n), true);
  is<["N", number, 56, 56]>()(chunk(x, n, 1)[0] ?? wide, true);
  is<["N", 64, 56, 56]>()(groupNorm(x, { numGroups: n }), true);
  expectShape(wide, ["N", 5, 56, 56]);
}

/** Sizes that only the input's user knows. */
export function inputs<S, C extends number>(
  x: Tensor<[Dim, 3, number, string]>,
  y: Tensor<["N", 768, "H", "W"]>,
  z: Tensor<S>,
  channels: C,
): void {
  is<[Dim, 8, number, number]>()(conv2d(x, { outChannels: 8, kernelSize: 3, stride: 2 }), true);
  is<["N", 768, number]>()(reshape(y, ["N", 768, -1]), true);
  is<["N", 8, "floor((H+1)/2)", "floor((W+1)/2)"]>()(conv2d(y, { outChannels: 8, kernelSize: 3, stride: 2, padding: 1 }), true);
  // A deferred shape passes through layers without proof.
  add(conv2d(conv2d(z, { outChannels: channels, kernelSize: 3, padding: 1 }), { outChannels: channels, kernelSize: 1 }), z);
  // So do lists of axes and sizes.
  is<["N", 56, 56, 8]>()(channelsLast(wide56, 8), true);
}
declare const wide56: Tensor<["N", 5, 56, 56]>;
function channelsLast<S, C extends number>(x: Tensor<S>, channels: C) {
  return permute(conv2d(x, { outChannels: channels, kernelSize: 1 }), [0, 2, 3, 1]);
}
