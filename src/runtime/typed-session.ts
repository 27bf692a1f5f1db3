/** Sessions whose feeds and results the type checker knows: types alone, nothing of this runs. */
import type { DType } from "../ir/dtype.ts";
import type { TensorData, TypedArray } from "../ir/tensor-data.ts";
import type { Session } from "./session.ts";
import type { Feed } from "./tensor-handle.ts";

/** The array that holds the elements of each dtype. */
export interface ElementArrays {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  readonly float16: Uint16Array;
  readonly bfloat16: Uint16Array;
  readonly int8: Int8Array;
  readonly int16: Int16Array;
  readonly int32: Int32Array;
  readonly int64: BigInt64Array;
  readonly uint8: Uint8Array;
  readonly uint16: Uint16Array;
  readonly uint32: Uint32Array;
  readonly uint64: BigUint64Array;
  readonly bool: Uint8Array;
  readonly string: readonly string[];
}

/** A float32 tensor in host memory, of shape S. */
export interface HostTensor<S extends readonly number[]> extends TensorData {
  readonly dtype: "float32";
  readonly shape: S;
  readonly data: Float32Array;
}
/** A tensor of another dtype in host memory. */
export interface TypedHostTensor<S extends readonly number[], D extends DType> extends TensorData {
  readonly dtype: D;
  readonly shape: S;
  readonly data: ElementArrays[D];
}
/** The tensor in host memory of a shape and a dtype. */
export type HostTensorOf<S extends readonly number[], D extends DType> = [D] extends ["float32"] ? HostTensor<S> : TypedHostTensor<S, D>;

/** An input or output: a dim is a number, the text of a size that is not fixed, or `number` where nothing is known. */
export interface PortType {
  readonly dtype: DType;
  readonly shape: unknown;
}
/** The inputs and outputs of a model by name, as `striate types` writes them. */
export interface ModelTypes {
  readonly inputs: object;
  readonly outputs: object;
}
/** What a session can be typed by: the file of `striate types`, a model written in TypeScript, or a function that makes one. */
export type TypedModel = ModelTypes | { forward(inputs: never): unknown } | ((...options: never) => { forward(inputs: never): unknown });

/** M, or what it makes. */
export type ModelOf<M> = M extends (...options: never) => infer Made ? Made : M;
/** The inputs and outputs of M. A model that returns one tensor calls it "output". */
export type TypesOf<M> = M extends { forward(inputs: infer I): infer O }
  ? { readonly inputs: I; readonly outputs: O extends PortType ? { readonly output: O } : O }
  : M extends ModelTypes
    ? M
    : never;
type Inputs<M> = TypesOf<M>["inputs"];
type Outputs<M> = TypesOf<M>["outputs"];

/**
 * T where it may be what the input P wants. Otherwise what is wanted, so that the error stands on the dtype, on the shape, or on the one
 * size in it that is wrong.
 */
export type CheckedFeed<P, T> = [TensorData] extends [T]
  ? T
  : P extends { readonly dtype: infer D extends DType; readonly shape: infer S }
    ? T extends { readonly dtype: infer TD; readonly shape: infer TS }
      ? {
          readonly [K in keyof T]: K extends "dtype"
            ? DType extends TD
              ? TD
              : D
            : K extends "shape"
              ? CheckedShape<S, TS>
              : K extends "data"
                ? CheckedData<D, T[K]>
                : T[K];
        }
      : HostTensorOf<readonly number[], D>
    : T;
/** The shape T where no size in it is known to differ from S; sizes that S does not fix are any number. */
type CheckedShape<S, T> = S extends readonly unknown[]
  ? number extends S["length"] | Length<T>
    ? readonly number[]
    : Length<T> extends S["length"]
      ? readonly [...{ [I in keyof S]: CheckedSize<S[I], I extends keyof T ? T[I] : S[I]> }]
      : `${Length<T>} axes, wanted [${Joined<S>}]`
  : readonly number[];
type Length<T> = T extends { readonly length: infer L extends number } ? L : number;
type Joined<S> = S extends readonly [infer D, ...infer R] ? `${Printed<D>}${R extends readonly [] ? "" : `, ${Joined<R>}`}` : "";
type Printed<D> = number extends D ? "?" : D extends number | string ? `${D}` : "?";
type CheckedSize<W, T> = W extends number ? (number extends T ? number : W) : number;
/** The elements T, or the words of the run where they are of another dtype. */
type CheckedData<D extends DType, T> = [T] extends [ElementArrays[D]]
  ? T
  : [TypedArray] extends [T]
    ? T
    : T extends { readonly [Symbol.toStringTag]: infer Got extends string }
      ? `${D} in a ${Got}, wanted a ${ArrayName<ElementArrays[D]>}`
      : ElementArrays[D];
type ArrayName<A> = A extends { readonly [Symbol.toStringTag]: infer Name extends string } ? Name : "list";

/** The result of the output P, after sizes that have names became what B says. */
export type ResultOf<P, B> = P extends { readonly dtype: infer D extends DType; readonly shape: infer S }
  ? HostTensorOf<ResultShape<S, B>, D>
  : TensorData;
type ResultShape<S, B> = S extends readonly unknown[]
  ? number extends S["length"]
    ? readonly number[]
    : { -readonly [I in keyof S]: ResultSize<S[I], B> }
  : readonly number[];
type ResultSize<W, B> = W extends number ? W : W extends keyof B ? B[W] & number : number;
/** What the names of sizes stand for by the feeds F to the inputs I: "N" is 8 where the axis called N has 8 positions. */
export type SizesOf<I, F> = { readonly [P in NamedSize<I, F> as P[0]]: P[1] };
/** A pair of name and size for each axis with a name. */
type NamedSize<I, F> = { [K in keyof I & keyof F]: NamedAxis<ShapeOf<I[K]>, ShapeOf<F[K]>> }[keyof I & keyof F];
type NamedAxis<S, T> = { [X in keyof S & keyof T & `${number}`]: S[X] extends string ? [S[X], T[X]] : never }[keyof S &
  keyof T &
  `${number}`];
type ShapeOf<T> = T extends { readonly shape: infer S } ? S : never;

/** A session of a model whose inputs and outputs are known to the type checker. */
export interface TypedSession<M> extends Omit<Session, "run"> {
  /**
   * Runs once and returns the outputs named, or all. The editor checks names, dtypes and shapes of feeds as far as their types say them,
   * the run checks all of it. Throws a CompileError on feeds that do not fit, and on the runtime's own errors.
   */
  run<const F extends { readonly [K in keyof Inputs<M>]: Feed }, const N extends keyof Outputs<M> & string = keyof Outputs<M> & string>(
    feeds: {
      readonly [K in keyof F]: K extends keyof Inputs<M> ? CheckedFeed<Inputs<M>[K], F[K]> : `the model has no input "${K & string}"`;
    },
    outputs?: readonly N[],
  ): Promise<{ readonly [K in N]: ResultOf<Outputs<M>[K], SizesOf<Inputs<M>, F>> }>;
}
