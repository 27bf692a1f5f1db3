/** Blocks: scopes that name parameters, and repetition. */
import { userError } from "../ir/diagnostic.ts";
import { captureLocation, type SourceLocation } from "../ir/location.ts";
import { printShape, sameShape } from "../ir/shape.ts";
import type { Dim, Print } from "./dim-types.ts";
import type { After, Rule } from "./layer.ts";
import { numeric } from "./shape-rules/axes.ts";
import { describe, shown } from "./shape-rules/show.ts";
import { type Natural, natural } from "./shape-rules/window.ts";
import type { Checked, Length, Tensor } from "./tensor.ts";
import { check, currentTrace, enter, operand, piped, scoped, sharing, type Trace } from "./trace.ts";

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
  return scoped(traceFor("scope", name, body, location), name, location, body);
}
/**
 * A scope with one set of parameters however often it is entered, as when a module of PyTorch is called twice: the towers of a Siamese
 * network, a head over several maps. Each entry declares parameters of the same names and shapes; running statistics are shared too.
 */
export function sharedScope<R>(name: string, body: () => R): R {
  const location = captureLocation(sharedScope);
  return sharing(traceFor("sharedScope", name, body, location), name, location, body);
}
function traceFor(label: string, name: string, body: unknown, location: SourceLocation): Trace {
  const trace = currentTrace(label, location);
  if (typeof body !== "function")
    throw userError("not-a-function", `${label}: the body is ${describe(body)}, but must be a function`, location, {
      help: "write () => before it",
    });
  if (typeof name !== "string" || !/^[\w-]+(?:\.[\w-]+)*$/.test(name)) {
    throw userError(
      "scope-name",
      `${label}: ${shown(name)} is not a name: use letters, digits, "_" and "-", with dots between parts`,
      location,
    );
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

/** Applies a block that keeps the shape n times, each time under the scope of its index, which counts from `first`, 0 when absent. */
export function repeat<S, T, N extends number>(
  x: Tensor<S>,
  n: Checked<N, Natural<"repeat: n", N>>,
  block: (x: Tensor<S>, index: number) => Checked<Tensor<T>, SameAs<S, T>>,
  first?: number,
): Tensor<S> {
  const call = enter("repeat", repeat, arguments);
  const times = numeric(n);
  check(
    call,
    [],
    natural("n", n),
    typeof block === "function" ? null : { code: "not-a-function", text: `the block is ${describe(block)}, but must be a function` },
  );
  let y = x;
  const start = first ?? 0;
  for (let index = start; index < start + times; index++) {
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

/** A function of x and of R, which has to be nothing that must be given. */
type F<A, R extends readonly unknown[], B> = (x: A, ...rest: R) => B;
/** True, or a message: the first of the functions that take R behind their tensor must be given more. */
type MoreFault<R, Index extends readonly unknown[] = [0]> = R extends readonly [infer Q, ...infer Rest]
  ? [] extends Q
    ? MoreFault<Rest, [...Index, 0]>
    : `pipe: function ${Index["length"]} takes more than a tensor: write (x) => f(x, ...)`
  : true;
type Rest = readonly unknown[];
// The message stands at x: the checker prints the whole signature of a function that does not fit.
/** Applies functions and layer values to x, one after the other. */
export function pipe<A, B, R extends Rest = []>(x: Checked<A, MoreFault<[R]>>, f: F<A, R, B>): B;
/** Applies two functions. */
export function pipe<A, B, C, R extends Rest = [], S extends Rest = []>(
  x: Checked<A, MoreFault<[R, S]>>,
  f: F<A, R, B>,
  g: F<NoInfer<B>, S, C>,
): C;
/** Applies three functions. */
export function pipe<A, B, C, D, R extends Rest = [], S extends Rest = [], T extends Rest = []>(
  x: Checked<A, MoreFault<[R, S, T]>>,
  f: F<A, R, B>,
  g: F<NoInfer<B>, S, C>,
  h: F<NoInfer<C>, T, D>,
): D;
/** Applies four functions. */
export function pipe<A, B, C, D, E, R extends Rest = [], S extends Rest = [], T extends Rest = [], U extends Rest = []>(
  x: Checked<A, MoreFault<[R, S, T, U]>>,
  f: F<A, R, B>,
  g: F<NoInfer<B>, S, C>,
  h: F<NoInfer<C>, T, D>,
  i: F<NoInfer<D>, U, E>,
): E;
/** Applies five functions. */
export function pipe<
  A,
  B,
  C,
  D,
  E,
  G,
  R extends Rest = [],
  S extends Rest = [],
  T extends Rest = [],
  U extends Rest = [],
  V extends Rest = [],
>(
  x: Checked<A, MoreFault<[R, S, T, U, V]>>,
  f: F<A, R, B>,
  g: F<NoInfer<B>, S, C>,
  h: F<NoInfer<C>, T, D>,
  i: F<NoInfer<D>, U, E>,
  j: F<NoInfer<E>, V, G>,
): G;
/** Applies six functions. */
export function pipe<
  A,
  B,
  C,
  D,
  E,
  G,
  H,
  R extends Rest = [],
  S extends Rest = [],
  T extends Rest = [],
  U extends Rest = [],
  V extends Rest = [],
  W extends Rest = [],
>(
  x: Checked<A, MoreFault<[R, S, T, U, V, W]>>,
  f: F<A, R, B>,
  g: F<NoInfer<B>, S, C>,
  h: F<NoInfer<C>, T, D>,
  i: F<NoInfer<D>, U, E>,
  j: F<NoInfer<E>, V, G>,
  k: F<NoInfer<G>, W, H>,
): H;
/** The functions in a row. */
export function pipe(x: unknown, ...layers: readonly ((x: unknown) => unknown)[]): unknown {
  const location = captureLocation(pipe);
  const trace = currentTrace("pipe", location);
  return layers.reduce((y, layer, i) => {
    if (typeof layer === "function") return piped(trace, { layer, index: i + 1 }, () => layer(y));
    throw userError("not-a-function", `pipe: function ${i + 1} is ${describe(layer)}, but must be a function of a tensor`, location);
  }, x);
}
