/** Learnt tensors and buffers on their own. */
import { type Init, normal, zeros } from "../init.ts";
import type { Tensor } from "../tensor.ts";
import { declare, enter, result } from "../trace.ts";

/** A learnt tensor under the current scope; normal with deviation 1 unless an init is given. */
export function parameter<const S extends number[]>(name: string, shape: [...S], options: { init?: Init } = {}): Tensor<S> {
  const call = enter("parameter", parameter, name);
  return result(call, declare(call, "", shape, options.init ?? normal()));
}
/** A tensor that belongs to the model's state but is not learnt; zeros unless an init is given. */
export function buffer<const S extends number[]>(name: string, shape: [...S], options: { init?: Init } = {}): Tensor<S> {
  const call = enter("buffer", buffer, name);
  return result(call, declare(call, "", shape, options.init ?? zeros(), "buffer"));
}
