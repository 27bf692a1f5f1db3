import type { GraphBuilder } from "../../ir/builder.ts";
import { formulas } from "../../ir/formulas.ts";
import type { Value } from "../../ir/graph.ts";
import type { Optimizer, ParameterGroup, UpdateInputs, UpdateOutputs } from "./optimizer.ts";
import { decayed } from "./weight-decay.ts";

/** Options of `adam` and `adamW`. */
export interface AdamOptions {
  readonly lr?: number;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  readonly weightDecay?: number;
  /** Divides by the largest second moment so far (Reddi et al. 2018). */
  readonly amsgrad?: boolean;
  readonly groups?: readonly ParameterGroup[];
}

/** Adam (Kingma and Ba 2014, arXiv:1412.6980), as torch.optim.Adam; weightDecay is an L2 penalty. */
export function adam(options: AdamOptions = {}): Optimizer {
  const { weightDecay = 0 } = options;
  return adamLike("adam", options, weightDecay, (b, u) => moments(b, u, decayed(b, u), options));
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2017, arXiv:1711.05101), as torch.optim.AdamW. */
export function adamW(options: AdamOptions = {}): Optimizer {
  const { weightDecay = 0.01 } = options;
  return adamLike("adamw", options, weightDecay, (b, u) => {
    const { mul, sub } = formulas(b);
    const shrunk = u.weightDecay === 0 ? u.parameter : mul(u.parameter, sub(1, mul(u.learningRate, u.weightDecay)));
    return moments(b, { ...u, parameter: shrunk }, u.gradient, options);
  });
}

function adamLike(
  name: string,
  { lr = 1e-3, amsgrad = false, groups = [] }: AdamOptions,
  weightDecay: number,
  update: Optimizer["update"],
): Optimizer {
  const slots = amsgrad ? ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] : ["exp_avg", "exp_avg_sq"];
  return { name, defaults: { lr, weightDecay }, groups, slots, update };
}

/** m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, p = p - lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps). */
function moments(b: GraphBuilder, u: UpdateInputs, g: Value, { betas = [0.9, 0.999], eps = 1e-8 }: AdamOptions): UpdateOutputs {
  const { add, sub, mul, div, sqrt, square, max } = formulas(b);
  const { exp_avg, exp_avg_sq, max_exp_avg_sq } = u.slots;
  if (exp_avg === undefined || exp_avg_sq === undefined) return { parameter: u.parameter, slots: {} };
  const m = add(mul(exp_avg, betas[0]), mul(g, 1 - betas[0]));
  const v = add(mul(exp_avg_sq, betas[1]), mul(square(g), 1 - betas[1]));
  const largest = max_exp_avg_sq === undefined ? undefined : max(max_exp_avg_sq, v);
  const rate = div(u.learningRate, biasCorrection(b, u.step(), betas[0]));
  const deviation = div(sqrt(largest ?? v), sqrt(biasCorrection(b, u.step(), betas[1])));
  const parameter = sub(u.parameter, mul(rate, div(m, add(deviation, eps))));
  return { parameter, slots: { exp_avg: m, exp_avg_sq: v, ...(largest === undefined ? {} : { max_exp_avg_sq: largest }) } };
}

/** 1 - beta^t as a float32 scalar; computed in float64, for in float32 1 - 0.999 has lost five digits. */
function biasCorrection(b: GraphBuilder, step: Value, beta: number): Value {
  const { cast, sub, pow } = formulas(b);
  return cast(sub(1, pow(b.constant("float64", beta), cast(step, "float64"))), "float32");
}
