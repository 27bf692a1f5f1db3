import { formulas } from "../../ir/formulas.ts";
import type { Optimizer, ParameterGroup } from "./optimizer.ts";
import { decayed } from "./weight-decay.ts";

/** Options of `rmsprop`. */
export interface RmspropOptions {
  readonly lr?: number;
  readonly alpha?: number;
  readonly eps?: number;
  readonly weightDecay?: number;
  readonly momentum?: number;
  /** Divides by the estimated variance rather than the second moment. */
  readonly centered?: boolean;
  readonly groups?: readonly ParameterGroup[];
}

/** RMSprop (Tieleman and Hinton 2012), as torch.optim.RMSprop: s = a s + (1 - a) g^2, p = p - lr g / (sqrt(s) + eps). */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const { lr = 0.01, alpha = 0.99, eps = 1e-8, weightDecay = 0, momentum = 0, centered = false, groups = [] } = options;
  return {
    name: "rmsprop",
    defaults: { lr, weightDecay },
    groups,
    slots: ["square_avg", ...(centered ? ["grad_avg"] : []), ...(momentum > 0 ? ["momentum_buffer"] : [])],
    update(b, u) {
      const { add, sub, mul, div, sqrt, square } = formulas(b);
      const { square_avg, grad_avg, momentum_buffer } = u.slots;
      if (square_avg === undefined) return { parameter: u.parameter, slots: {} };
      const g = decayed(b, u);
      const s = add(mul(square_avg, alpha), mul(square(g), 1 - alpha));
      const mean = grad_avg === undefined ? undefined : add(mul(grad_avg, alpha), mul(g, 1 - alpha));
      const scaled = div(g, add(sqrt(mean === undefined ? s : sub(s, square(mean))), eps));
      const velocity = momentum_buffer === undefined ? undefined : add(mul(momentum_buffer, momentum), scaled);
      return {
        parameter: sub(u.parameter, mul(u.learningRate, velocity ?? scaled)),
        slots: {
          square_avg: s,
          ...(mean === undefined ? {} : { grad_avg: mean }),
          ...(velocity === undefined ? {} : { momentum_buffer: velocity }),
        },
      };
    },
  };
}
