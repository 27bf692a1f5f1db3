import { userError } from "../../ir/diagnostic.ts";
import { formulas } from "../../ir/formulas.ts";
import { captureLocation } from "../../ir/location.ts";
import type { Optimizer, ParameterGroup } from "./optimizer.ts";
import { decayed } from "./weight-decay.ts";

/** Options of `sgd`. */
export interface SgdOptions {
  readonly lr?: number;
  readonly momentum?: number;
  readonly dampening?: number;
  readonly weightDecay?: number;
  readonly nesterov?: boolean;
  readonly groups?: readonly ParameterGroup[];
}

/** Stochastic gradient descent, as torch.optim.SGD: v = m v + (1 - dampening) g, p = p - lr v. */
export function sgd({
  lr = 0.01,
  momentum = 0,
  dampening = 0,
  weightDecay = 0,
  nesterov = false,
  groups = [],
}: SgdOptions = {}): Optimizer {
  if (nesterov && (momentum <= 0 || dampening !== 0)) {
    throw userError("optimizer-option", "sgd: nesterov needs a momentum above 0 and no dampening", captureLocation(sgd), {
      help: "set momentum, e.g. 0.9, and leave dampening out",
    });
  }
  return {
    name: "sgd",
    defaults: { lr, weightDecay },
    groups,
    slots: momentum === 0 ? [] : ["momentum_buffer"],
    update(b, u) {
      const { add, sub, mul, where, equal } = formulas(b);
      const g = decayed(b, u);
      const before = u.slots["momentum_buffer"];
      if (before === undefined) return { parameter: sub(u.parameter, mul(u.learningRate, g)), slots: {} };
      // PyTorch's first step takes the gradient undamped; the buffer is zero there.
      const share = dampening === 0 ? g : mul(where(equal(u.step(), 1), 1, b.constant(g.type.dtype, 1 - dampening)), g);
      const velocity = add(mul(before, momentum), share);
      const direction = nesterov ? add(g, mul(velocity, momentum)) : velocity;
      return { parameter: sub(u.parameter, mul(u.learningRate, direction)), slots: { momentum_buffer: velocity } };
    },
  };
}
