/** Normalisations: the shape stays, and sizes given twice have to agree. */
import type { Shape } from "../../ir/shape.ts";
import type { Mod } from "../arith.generated.ts";
import type { Clash, Print, Show } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Length, Mismatch } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import { clash, rankFault, show } from "./show.ts";

/** The result of batchNorm2d on S, or what is wrong. */
export type BatchNormShape<S, F> = S extends readonly [unknown, infer C, unknown, unknown]
  ? Clash<C, F> extends true
    ? `batchNorm2d: input has ${Show<C>} channels, but numFeatures is ${Show<F>}`
    : S
  : Mismatch<"batchNorm2d", S, "[N, C, H, W]", S>;
/** batchNorm2d as a rule. */
export interface BatchNorm2d<F> extends Rule {
  readonly out: BatchNormShape<this["in"], F>;
}
/** The result of batchNorm1d on S, [N, C] or [N, C, L], or what is wrong. */
export type BatchNorm1dShape<S, F> = S extends readonly [unknown, infer C] | readonly [unknown, infer C, unknown]
  ? Clash<C, F> extends true
    ? `batchNorm1d: input has ${Show<C>} channels, but numFeatures is ${Show<F>}`
    : S
  : Mismatch<"batchNorm1d", S, "[N, C] or [N, C, L]", S>;
/** The result of batchNorm3d on S, or what is wrong. */
export type BatchNorm3dShape<S, F> = S extends readonly [unknown, infer C, unknown, unknown, unknown]
  ? Clash<C, F> extends true
    ? `batchNorm3d: input has ${Show<C>} channels, but numFeatures is ${Show<F>}`
    : S
  : Mismatch<"batchNorm3d", S, "[N, C, T, H, W]", S>;
/** The result of instanceNorm2d on S, or what is wrong. */
export type InstanceNormShape<S, F> = S extends readonly [unknown, infer C, unknown, unknown]
  ? Clash<C, F> extends true
    ? `instanceNorm2d: input has ${Show<C>} channels, but numFeatures is ${Show<F>}`
    : S
  : Mismatch<"instanceNorm2d", S, "[N, C, H, W]", S>;
/** instanceNorm2d as a rule. */
export interface InstanceNorm2d extends Rule {
  readonly out: InstanceNormShape<this["in"], number>;
}
/** That an input has another rank or other channels, or null. */
export function channelsFault(s: Shape, ranks: readonly number[], wanted: string, features: number | null): Fault | null {
  const [, c = 0] = s;
  if (!ranks.includes(s.length)) return rankFault(s.length, -1, wanted);
  if (!clash(c, features)) return null;
  const text = `input has ${show(c)} channels, but numFeatures is ${show(features)}`;
  return { code: "channel-mismatch", text, help: `leave numFeatures out (it is inferred), or write ${show(c)}` };
}

/** True, or a message when G groups do not divide the channels of S. */
export type GroupNormFault<S, G extends number> = S extends readonly [unknown, infer C extends number, ...unknown[]]
  ? Mod<C, G> extends infer R
    ? number extends R
      ? true
      : R extends 0
        ? true
        : `groupNorm: numGroups ${G} does not divide the ${C} channels`
    : never
  : true;
/** The result of groupNorm on S, or what is wrong. */
export type GroupNormShape<S, F> = S extends readonly [unknown, infer C, unknown, ...unknown[]]
  ? Clash<C, F> extends true
    ? `groupNorm: input has ${Show<C>} channels, but numChannels is ${Show<F>}`
    : S
  : Mismatch<"groupNorm", S, "[N, C, ...]", S>;
/** groupNorm as a rule. */
export interface GroupNorm<G extends number> extends Rule {
  readonly out: GroupNormFault<this["in"], G> extends infer F extends string ? F : GroupNormShape<this["in"], number>;
}
/** That an input has no channels, others than F, or some that the groups do not divide, or null. */
export function groupNormFault(s: Shape, groups: number, features: number | null): Fault | null {
  const [, c = 0] = s;
  if (s.length < 3) return rankFault(s.length, -1, "[N, C, ...]");
  if (clash(c, features)) {
    const text = `input has ${show(c)} channels, but numChannels is ${show(features)}`;
    return { code: "channel-mismatch", text, help: `leave numChannels out (it is inferred), or write ${show(c)}` };
  }
  if (typeof c !== "number" || c % groups === 0) return null;
  return {
    code: "groups",
    text: `numGroups ${groups} does not divide the ${c} channels`,
    help: `use a number of groups that divides ${c}`,
  };
}

/** True, or a message when the last axes of S are not F. */
export type LayerNormFault<S, F> = F extends readonly unknown[]
  ? number extends Length<S> | Length<F>
    ? true
    : S extends readonly [...unknown[], ...Unknowns<F>]
      ? Tail<S, F> extends infer T
        ? AnyClash<T, F> extends true
          ? `layerNorm: normalizedShape is ${Print<F>}, but the last axes have ${Print<T>}`
          : true
        : never
      : `layerNorm: normalizedShape is ${Print<F>}, but the input has ${Length<S>} axes`
  : S extends readonly [...unknown[], infer C]
    ? Clash<C, F> extends true
      ? `layerNorm: normalizedShape is ${Show<F>}, but the last axis has ${Show<C>}`
      : true
    : true;
type Unknowns<F> = { [K in keyof F]: unknown };
/** The last axes of S, as many as F has. */
type Tail<S, F> = Length<S> extends Length<F> ? S : S extends readonly [unknown, ...infer R] ? Tail<R, F> : S;
type AnyClash<S, F> = S extends readonly [infer a, ...infer S1]
  ? F extends readonly [infer b, ...infer F1]
    ? Clash<a, b> extends true
      ? true
      : AnyClash<S1, F1>
    : false
  : false;
/** That the last axes are not the expected ones, or null. */
export function layerNormFault(s: Shape, expected: readonly number[] | null): Fault | null {
  const count = expected?.length ?? 1;
  const shown = expected === null ? "" : expected.length === 1 ? `${expected[0]}` : `[${expected.join(", ")}]`;
  if (count > s.length || count === 0)
    return {
      code: "layer-norm",
      text:
        expected === null
          ? "input has 0 axes, but at least 1 are needed"
          : `normalizedShape is ${shown}, but the input has ${s.length} axes`,
    };
  const tail = s.slice(-count);
  if (expected === null || !tail.some((d, i) => clash(d, expected[i] ?? null))) return null;
  const actual = count === 1 ? `axis has ${show(tail[0])}` : `axes have [${tail.map(show).join(", ")}]`;
  return {
    code: "layer-norm",
    text: `normalizedShape is ${shown}, but the last ${actual}`,
    help: "leave normalizedShape out (it is inferred), or write the last axes",
  };
}
