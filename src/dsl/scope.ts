/** Blocks: scopes that name parameters, and repetition. */
import { userError } from "../ir/diagnostic.ts";
import { captureLocation, type SourceLocation } from "../ir/location.ts";
import { printShape, sameShape } from "../ir/shape.ts";
import type { Dim, Print } from "./dim-types.ts";
import type { After, Rule } from "./layer.ts";
import { type Natural, natural } from "./shape-rules/window.ts";
import type { Checked, Length, Tensor } from "./tensor.ts";
import { check, currentTrace, enter, operand, scoped, sharing, type Trace } from "./trace.ts";

/** At the borders of blocks: a message that came out of a generic function is an error, and is reported once. */
type Own<S> = S extends string ? S : true;
/** What comes out of a scope, as a rule: a message, which `scope` reports, is forgotten. */
export interface Reported extends Rule {
  readonly out: this["in"] extends string ? Dim[] : this["in"];
}

/**
 * Prefixes the names of the parameters that `body` declares: "layer1.0", then "conv1" within, is "layer1.0.conv1".
 * A mistake inside a generic block is a type error here, where its result comes out.
 */
export function scope<S>(name: string, body: () => Checked<Tensor<S>, Own<S>>): Tensor<After<S, [Reported]>> {
  return sameTensor<After<S, [Reported]>>(scopeOf(name, body));
}
/** `scope` for a body that returns anything but one tensor: several tensors in an array or a record. */
export function scopeOf<R>(name: string, body: () => R): R {
  const location = captureLocation(scopeOf);
  return scoped(traceFor("scope", name, location), name, location, body);
}
/**
 * A scope with one set of parameters however often it is entered, as when a module of PyTorch is called twice: the towers of a Siamese
 * network, a head over several maps. Each entry declares parameters of the same names and shapes; running statistics are shared too.
 */
export function sharedScope<R>(name: string, body: () => R): R {
  const location = captureLocation(sharedScope);
  return sharing(traceFor("sharedScope", name, location), name, location, body);
}
function traceFor(label: string, name: string, location: SourceLocation): Trace {
  const trace = currentTrace(label, location);
  if (!/^[\w-]+(?:\.[\w-]+)*$/.test(name)) {
    throw userError("scope-name", `${label}: "${name}" is not a name: use letters, digits, "_" and "-", with dots between parts`, location);
  }
  return trace;
}
/** Sound because the tensor is passed through unchanged, and its type is the body's own when the body had no fault. */
const sameTensor = <S>(x: unknown): Tensor<S> => x as Tensor<S>;

type SameAs<S, T> = T extends string
  ? T
  : number extends Length<T>
    ? true
    : [S, T] extends [T, S]
      ? true
      : `repeat: the block turns ${Print<S>} into ${Print<T>}`;

/** Applies a block that keeps the shape n times, each time under the scope of its index, which counts from `first`. */
export function repeat<S, T, N extends number>(
  x: Tensor<S>,
  n: Checked<N, Natural<"repeat: n", N>>,
  block: (x: Tensor<S>, index: number) => Checked<Tensor<T>, SameAs<S, T>>,
  first = 0,
): Tensor<S> {
  const call = enter("repeat", repeat);
  const times = Number(n);
  check(call, [], natural("n", times));
  let y = x;
  for (let index = first; index < first + times; index++) {
    const next = sameTensor<S>(scoped(call.trace, String(index), call.location, () => block(y, index)));
    const value = operand(call, y);
    const [before, after] = [value.type.shape, operand(call, next).type.shape];
    const text = `the block turns ${printShape(before)} into ${printShape(after)}`;
    check(
      call,
      [value],
      sameShape(before, after) ? null : { code: "repeat-shape", text, help: "write the first block, which changes the shape, on its own" },
    );
    y = next;
  }
  return y;
}

type F<A, B> = (x: A) => B;
/** Applies functions and layer values to x, one after the other. */
export function pipe<A, B>(x: A, f: F<A, B>): B;
export function pipe<A, B, C>(x: A, f: F<A, B>, g: F<B, C>): C;
export function pipe<A, B, C, D>(x: A, f: F<A, B>, g: F<B, C>, h: F<C, D>): D;
export function pipe<A, B, C, D, E>(x: A, f: F<A, B>, g: F<B, C>, h: F<C, D>, i: F<D, E>): E;
export function pipe<A, B, C, D, E, G>(x: A, f: F<A, B>, g: F<B, C>, h: F<C, D>, i: F<D, E>, j: F<E, G>): G;
export function pipe<A, B, C, D, E, G, H>(x: A, f: F<A, B>, g: F<B, C>, h: F<C, D>, i: F<D, E>, j: F<E, G>, k: F<G, H>): H;
export function pipe(x: unknown, ...layers: readonly F<unknown, unknown>[]): unknown {
  return layers.reduce((y, layer) => layer(y), x);
}
