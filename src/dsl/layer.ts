/**
 * Layers as values: functions that wait for their input, and `sequential`, which makes one of several.
 *
 * A layer carries its shape rule as a type-level function (an interface whose `out` reads `this["in"]`). Composing the
 * functions' own generic signatures instead ends in TS2589: the checker compares deferred conditional types structurally.
 */
import { captureLocation } from "../ir/location.ts";
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
 * level deeper with each layer and give up (TS2589) at ninety. A parameter of type `Tensor<After<S, L> | S>` takes such a result apart
 * instead: of an alias the checker infers the arguments, and the layer adds its rule to the list. Anything else, a shape that is known or
 * a type of another form, is S, and L is empty. NoInfer keeps S from being inferred out of the conditional type itself.
 */
export type After<S, L> = [NoInfer<S>, NoInfer<L>] extends [infer T, infer M] ? Fold<T, M> : never;
// Inferring T makes the checker work out each layer before the next: put off, a hundred of them would nest too deep.
type Fold<S, L> = L extends readonly [infer F, ...infer R]
  ? Apply<F, S> extends infer T
    ? Fold<T, R>
    : never
  : // A shape that no rule has changed still carries the NoInfer of `After`: its dims, taken out one by one, do not.
    S extends readonly [...infer T]
    ? T
    : S;
/** A layer that waits for its input; R is its rule. */
export interface Layer<R> extends AnyLayer {
  readonly rule?: R;
  <S, L extends readonly unknown[] = []>(x: Checked<Tensor<After<S, L> | S>, After<S, [...L, R]>>): Tensor<After<S, [...L, R]>>;
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

interface Chain<L> extends Rule {
  readonly out: Fold<this["in"], RulesOf<L>>;
}
type RulesOf<L> = {
  [K in keyof L]: L[K] extends { readonly rule?: infer R } ? NonNullable<R> : never;
};
/** The layers in order, as one layer, each called by its index where it has no name, as in torch.nn.Sequential. */
export function sequential<const L extends readonly AnyLayer[]>(...layers: L): Layer<Chain<L>> {
  const run = (x: never): unknown => layers.reduce<never>((y, layer, i) => passed(layer.under(String(i), y)), x);
  const location = captureLocation(sequential);
  const under = (name: string, x: never): unknown => scoped(currentTrace("sequential", location), name, location, () => run(x));
  return ruled<Chain<L>>(Object.assign(run, { under }));
}
/** Sound because Fold has checked that each layer takes what the one before it gives. */
const passed = (y: unknown): never => y as never;
