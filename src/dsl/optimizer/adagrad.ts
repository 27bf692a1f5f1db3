import { formulas } from "../../ir/formulas.ts";
import type { Optimizer, ParameterGroup } from "./optimizer.ts";
import { decayed } from "./weight-decay.ts";

/** Options of `adagrad`. */
export interface AdagradOptions {
  readonly lr?: number;
  readonly lrDecay?: number;
  readonly weightDecay?: number;
  readonly initialAccumulatorValue?: number;
  readonly eps?: number;
  readonly groups?: readonly ParameterGroup[];
}

/** Adagrad (Duchi et al. 2011), as torch.optim.Adagrad: s = s + g^2, p = p - lr / (1 + (t - 1) decay) g / (sqrt(s) + eps). */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  const { lr = 0.01, lrDecay = 0, weightDecay = 0, initialAccumulatorValue = 0, eps = 1e-10, groups = [] } = options;
  return {
    name: "adagrad",
    defaults: { lr, weightDecay },
    groups,
    slots: ["sum"],
    update(b, u) {
      const { add, sub, mul, div, sqrt, square, cast } = formulas(b);
      const before = u.slots["sum"];
      if (before === undefined) return { parameter: u.parameter, slots: {} };
      const g = decayed(b, u);
      const sum = add(before, square(g));
      // All state starts at zero, so the initial value is added where the sum is read.
      const read = initialAccumulatorValue === 0 ? sum : add(sum, initialAccumulatorValue);
      const rate = lrDecay === 0 ? u.learningRate : div(u.learningRate, add(mul(sub(cast(u.step(), "float32"), 1), lrDecay), 1));
      return { parameter: sub(u.parameter, mul(rate, div(g, add(sqrt(read), eps)))), slots: { sum } };
    },
  };
}
