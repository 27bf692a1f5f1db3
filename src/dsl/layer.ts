/**
 * Layers as values: functions that wait for their input, and `sequential`, which makes one of several.
 *
 * A layer carries its shape rule as a type-level function (an interface whose `out` reads `this["in"]`). Composing the
 * functions' own generic signatures instead ends in TS2589: the checker compares deferred conditional types structurally.
 */
import { userError } from "../ir/diagnostic.ts";
import { captureLocation } from "../ir/location.ts";
import type { Dim } from "./dim-types.ts";
import { describe } from "./shape-rules/show.ts";
import type { Checked, Tensor } from "./tensor.ts";
import { currentTrace, located, scoped } from "./trace.ts";

/** A function from shapes to shapes. */
export interface Rule {
  readonly in: unknown;
  readonly out: unknown;
}
/** What a rule makes of S. */
export type Apply<R, S> = (R & { readonly in: S })["out" & keyof R];
/**
 * The shape that the layers of rules L, one after the other, make of S.
 *
 * In a generic function S is deferred, and so is the result. Were it rule upon rule, `Conv<Conv<Conv<S>>>`, the checker would go one
 * level deeper with each layer and give up (TS2589) at ninety. So the rules of an S that is a deferred result itself come first in one flat
 * list, also where a generic function is called in another: `After<After<S, [Conv]>, [Pool]>` is `After<S, [Conv, Pool]>`.
 *
 * That S is one has to be seen while S is deferred, where a conditional type on S itself would wait. One on `Box<S>`, an object type, does
 * not: it is decided as soon as S fits the pattern for whatever it comes to stand for, and waits as long as S is a bare type parameter.
 * The deferred result is an indexed access, which the checker takes apart by its object type alone when it matches the pattern; a
 * conditional type in its place would be matched by its branches, which hold the pattern, without end.
 */
export type After<S, L> = Stages<S, L>[Stage<S>];
type Stage<S> = Box<S> extends Box<Stages<infer _B, infer _M>[infer _K extends "run"]> ? "run" : "run";
interface Stages<in out S, in out L> {
  readonly run: unknown extends L
    ? Unmatched
    : Box<S> extends Box<Stages<infer B, infer M>[infer _K extends "run"]>
      ? M extends readonly [...infer N]
        ? L extends readonly [...infer O]
          ? After<B, [...N, ...O]>
          : never
        : never
      : Fold<S, L>;
}
interface Box<out T> {
  readonly boxed: T;
}
/** What the pattern stands for where nothing matches it: no shape fits, and a type parameter may still. */
interface Unmatched {
  readonly unmatched: never;
}
// Inferring T makes the checker work out each layer before the next: put off, a hundred of them would nest too deep.
type Fold<S, L> = L extends readonly [infer F]
  ? Apply<F, S>
  : L extends readonly [infer F, infer G, ...infer R]
    ? Apply<G, Apply<F, S>> extends infer T
      ? Fold<T, R>
      : never
    : S;
/**
 * The result of a call whose arguments are checked by Z: Z, or a shape of unknown rank where Z is a message, which stands at an argument
 * already and need not be told again by all that takes the result. Y is Z, by default: in the layer's signature they are two type
 * parameters, so that nothing is decided there; in a generic function they are one deferred type, the fields fit (see `Checked`), and Z
 * stays, so that a message that it comes to stand for is told where the function's result goes.
 *
 * Z comes out as W: were it a branch itself, a shape that is written where the result goes, such as a return type, would be inferred for Z,
 * and any shape would do.
 */
export type Once<Z, Y> = { z: Z; o: 1 } extends { o: [Y, 1] extends [string, [Y] extends [symbol] ? 0 : 1] ? 0 : 1; z: infer W extends Y }
  ? W
  : Dim[];
/** A layer that waits for its input; R is its rule. */
export interface Layer<R> extends AnyLayer {
  readonly rule?: R;
  // The rule is written again for x: passed to a function such as `pipe`, the layer is compared before Z has its default.
  <S, Z = After<S, [R]>, Y = Z>(x: Checked<Tensor<S>, After<S, [R]>>): Tensor<Once<Z, Y>>;
}
/** A layer, its rule forgotten. */
export interface AnyLayer {
  /** Applies the layer, called `name` where it has no name of its own. */
  under(name: string, x: never): unknown;
}
/** The shape stays. */
export interface Same extends Rule {
  readonly out: this["in"];
}

type PublicFunction = (...args: never) => unknown;
type Body = (x: never, name: string | undefined) => unknown;

/** A layer over a function that takes the input and a name. Sound when R is the type-level twin of what it does to shapes. */
export function layerOf<R>(body: Body, publicFunction: PublicFunction): Layer<R> {
  const location = captureLocation(publicFunction);
  const under = (name: string | undefined, x: never): unknown => located(location, () => body(x, name));
  return ruled<R>(Object.assign((x: never) => under(undefined, x), { under }));
}
/** Sound under the condition of `layerOf`; the rule exists only in the type. */
const ruled = <R>(layer: AnyLayer): Layer<R> => layer as Layer<R>;

/** The rules of the layers L, one after the other, as a rule. */
export interface Chain<L> extends Rule {
  readonly out: Fold<this["in"], RulesOf<L>>;
}
type RulesOf<L> = {
  [K in keyof L]: L[K] extends { readonly rule?: infer R } ? NonNullable<R> : never;
};
/** The layers in order, as one layer, each called by its index where it has no name, as in torch.nn.Sequential. */
export function sequential<const L extends readonly AnyLayer[]>(...layers: L): Layer<Chain<L>> {
  const location = captureLocation(sequential);
  for (const [i, layer] of layers.entries()) {
    const text = `sequential: layer ${i} is ${describe(layer)}, but must be a layer value such as layers.relu()`;
    if (typeof layer !== "function" || !("under" in layer)) throw userError("not-a-layer", text, location);
  }
  const run = (x: never): unknown => layers.reduce<never>((y, layer, i) => passed(layer.under(String(i), y)), x);
  const under = (name: string, x: never): unknown => scoped(currentTrace("sequential", location), name, location, () => run(x));
  return ruled<Chain<L>>(Object.assign(run, { under }));
}
/** Sound because Fold has checked that each layer takes what the one before it gives. */
const passed = (y: unknown): never => y as never;
