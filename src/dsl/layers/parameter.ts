/** Learnt tensors and buffers on their own. */
import type { Value } from "../../ir/graph.ts";
import { type Init, normal, zeros } from "../init.ts";
import { natural } from "../shape-rules/window.ts";
import type { Tensor } from "../tensor.ts";
import { type Call, check, declare, enter, listOf, type Parameter, result } from "../trace.ts";
import { nameFault, ofOneParameter, optionsFault, settings } from "./options.ts";

/** A learnt tensor under the current scope; normal with deviation 1 unless an init is given. */
export function parameter<const S extends number[]>(name: string, shape: [...S], options?: { init?: Init }): Tensor<S> {
  const call = enter("parameter", parameter, arguments, name);
  return result(call, declared(call, name, shape, options, normal(), "parameter"));
}
/** A tensor that belongs to the model's state but is not learnt; zeros unless an init is given. */
export function buffer<const S extends number[]>(name: string, shape: [...S], options?: { init?: Init }): Tensor<S> {
  const call = enter("buffer", buffer, arguments, name);
  return result(call, declared(call, name, shape, options, zeros(), "buffer"));
}
function declared(call: Call, name: unknown, shape: unknown, options: unknown, byDefault: Init, role: Parameter["role"]): Value {
  check(call, [], nameFault(name));
  const o = settings<{ init: Init }>(options, { init: byDefault });
  const sizes = listOf<number>(call, "the shape is", shape);
  const fault = sizes.map((size, axis) => natural(`size ${axis} of the shape`, size)).find((found) => found !== null) ?? null;
  check(call, [], optionsFault(options, o, ofOneParameter));
  check(call, [], fault);
  return declare(call, "", sizes, o.init, role);
}
