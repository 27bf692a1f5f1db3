/** The one assertion that ties the type to the value. */
import { type Dim, isUnknown } from "../ir/dim.ts";
import { printShape } from "../ir/shape.ts";
import type { Clash, Print } from "./dim-types.ts";
import type { Checked, Length, Tensor } from "./tensor.ts";
import { check, enter, operand, writtenShape } from "./trace.ts";

type Differs<S, E> = S extends string
  ? S
  : number extends Length<S>
    ? true
    : Length<S> extends Length<E>
      ? true extends { [K in keyof E]: K extends keyof S ? Clash<S[K], E[K]> : true }[number & keyof E]
        ? Message<S, E>
        : true
      : Message<S, E>;
type Message<S, E> = `expectShape: the shape is ${Print<S>}, not ${Print<E>}`;

/**
 * A type error when the shape in x's type is not `expected`, a CompileError when the shape at run time is not.
 * Where the type does not know a size, run time alone decides.
 */
export function expectShape<S, const E extends Dim[]>(x: Tensor<S>, expected: Checked<[...E], Differs<S, E>>): void {
  const call = enter("expectShape", expectShape, arguments);
  const value = operand(call, x);
  const [actual, wanted] = [value.type.shape, writtenShape(call, expected)];
  const equal = actual.length === wanted.length && wanted.every((d, i) => d === actual[i] || (typeof d === "string" && isUnknown(d)));
  check(call, [value], equal ? null : { code: "expect-shape", text: `the shape is ${printShape(actual)}, not ${printShape(wanted)}` });
}
