/** Activation functions, as torch.nn.functional: the shape stays. */
import type { OpAttributes, OpType } from "../../ir/op-types.ts";
import { constant, type Init } from "../init.ts";
import { type AxisFault, axisFault, axisOf, numeric } from "../shape-rules/axes.ts";
import { shown } from "../shape-rules/show.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, check, declare, enter, enterLayer, type Fault, floatOperand, operand, result, within } from "../trace.ts";
import { numberFault, ofOneParameter, optionsFault, settings } from "./options.ts";

/** One node without further inputs. */
function unary<S, T extends OpType>(
  label: string,
  publicFunction: (...args: never) => unknown,
  given: ArrayLike<unknown>,
  x: Tensor<S>,
  opType: T,
  attributes: Partial<OpAttributes[T]> = {},
  fault: Fault | null = null,
): Tensor<S> {
  const call = enter(label, publicFunction, given);
  const value = operand(call, x);
  check(call, [value], fault);
  return result(call, add(call, opType, [value], attributes));
}

/** max(x, 0). */
export function relu<S>(x: Tensor<S>): Tensor<S> {
  return unary("relu", relu, arguments, x, "Relu");
}
/** min(max(x, 0), 6). */
export function relu6<S>(x: Tensor<S>): Tensor<S> {
  const call = enter("relu6", relu6, arguments);
  const { builder } = call;
  return result(call, add(call, "Clip", [operand(call, x), builder.constant("float32", 0), builder.constant("float32", 6)]));
}
/** x where it is positive, negativeSlope x (0.01 when absent) elsewhere. */
export function leakyRelu<S>(x: Tensor<S>, negativeSlope?: number): Tensor<S> {
  const alpha = negativeSlope === undefined ? 0.01 : negativeSlope;
  return unary("leakyRelu", leakyRelu, arguments, x, "LeakyRelu", { alpha }, numberFault("negativeSlope", alpha));
}
/** x where it is positive, alpha (e^x - 1) elsewhere; alpha is 1 when absent. */
export function elu<S>(x: Tensor<S>, alpha?: number): Tensor<S> {
  const scale = alpha === undefined ? 1 : alpha;
  return unary("elu", elu, arguments, x, "Elu", { alpha: scale }, numberFault("alpha", scale));
}
/** x Phi(x), with Phi the normal distribution's; "tanh" is its approximation (Hendrycks and Gimpel 2016, arXiv:1606.08415). */
export function gelu<S>(x: Tensor<S>, options?: { approximate?: "none" | "tanh" }): Tensor<S> {
  const o = settings<{ approximate: string }>(options, { approximate: "none" });
  return unary("gelu", gelu, arguments, x, "Gelu", o, optionsFault(options, o));
}
/** x sigmoid(x), also called swish. */
export function silu<S>(x: Tensor<S>): Tensor<S> {
  const call = enter("silu", silu, arguments);
  const value = operand(call, x);
  return result(call, add(call, "Mul", [value, within(call, () => call.builder.add("Sigmoid", [value]))]));
}
/** 1 / (1 + e^-x). */
export function sigmoid<S>(x: Tensor<S>): Tensor<S> {
  return unary("sigmoid", sigmoid, arguments, x, "Sigmoid");
}
/** The hyperbolic tangent. */
export function tanh<S>(x: Tensor<S>): Tensor<S> {
  return unary("tanh", tanh, arguments, x, "Tanh");
}
/** log(1 + e^(beta x)) / beta. */
export function softplus<S>(x: Tensor<S>, options?: { beta?: number }): Tensor<S> {
  const call = enter("softplus", softplus, arguments);
  const value = operand(call, x);
  const o = settings<{ beta: number }>(options, { beta: 1 });
  check(call, [value], optionsFault(options, o));
  const { beta } = o;
  if (beta === 1) return result(call, add(call, "Softplus", [value]));
  const { builder } = call;
  const inner = within(call, () => builder.add("Softplus", [builder.add("Mul", [value, builder.constant("float32", beta)])]));
  return result(call, add(call, "Div", [inner, builder.constant("float32", beta)]));
}
/** min(max(x + 3, 0), 6) / 6. */
export function hardSigmoid<S>(x: Tensor<S>): Tensor<S> {
  return unary("hardSigmoid", hardSigmoid, arguments, x, "HardSigmoid", { alpha: 1 / 6, beta: 0.5 });
}
/** x hardSigmoid(x) (Howard et al. 2019, arXiv:1905.02244). */
export function hardSwish<S>(x: Tensor<S>): Tensor<S> {
  return unary("hardSwish", hardSwish, arguments, x, "HardSwish");
}
/** x where it is positive, weight x elsewhere, with a learnt weight for all channels or one for each, as torch.nn.PReLU. */
export function prelu<S>(x: Tensor<S>, options?: { numParameters?: number; init?: Init; name?: string }): Tensor<S> {
  const o = settings<PreluSettings>(options, { numParameters: 1, init: constant(0.25), name: undefined });
  const call = enterLayer("prelu", prelu, arguments, o.name);
  const value = floatOperand(call, x);
  check(call, [value], optionsFault(options, o, ofOneParameter));
  const [n, c] = [o.numParameters, value.type.shape[1] ?? 1];
  const wrong = n !== 1 && n !== c;
  check(
    call,
    [value],
    wrong
      ? {
          code: "channel-mismatch",
          text: `numParameters is ${n}, but the input has ${c} channels`,
          help: "write 1, or the number of channels",
        }
      : null,
  );
  const weight = declare(call, "weight", [n], o.init);
  const axes = value.type.shape.length - 2;
  const slope =
    n === 1 || axes <= 0
      ? weight
      : within(call, () =>
          call.builder.add("Unsqueeze", [
            weight,
            call.builder.constant(
              "int64",
              Array.from({ length: axes }, (_, i) => i + 1),
            ),
          ]),
        );
  return result(call, add(call, "PRelu", [value, slope]));
}
interface PreluSettings {
  readonly numParameters: number;
  readonly init: Init;
  readonly name: string | undefined;
}

/** e^x / sum(e^x) along an axis. */
export function softmax<S, A extends number>(x: Tensor<S>, dim: Checked<A, AxisFault<"softmax", S, A>>): Tensor<S> {
  const call = enter("softmax", softmax, arguments);
  const value = operand(call, x);
  const axis = numeric(dim);
  check(call, [value], axisFault(value.type.shape.length, axis));
  return result(call, add(call, "Softmax", [value], { axis: axisOf(value.type.shape.length, axis) }));
}
/** log(softmax(x)), without overflow. */
export function logSoftmax<S, A extends number>(x: Tensor<S>, dim: Checked<A, AxisFault<"logSoftmax", S, A>>): Tensor<S> {
  const call = enter("logSoftmax", logSoftmax, arguments);
  const value = operand(call, x);
  const axis = numeric(dim);
  check(call, [value], axisFault(value.type.shape.length, axis));
  return result(call, add(call, "LogSoftmax", [value], { axis: axisOf(value.type.shape.length, axis) }));
}

/** True, or a message when P is not in [0, 1). */
type ProbabilityFault<P extends number> = number extends P
  ? true
  : `${P}` extends "0" | `0.${string}` | `${number}e-${number}`
    ? `${P}` extends `-${string}`
      ? `dropout: p is ${P}, but must be at least 0 and less than 1`
      : true
    : `dropout: p is ${P}, but must be at least 0 and less than 1`;
/** Zeroes elements with probability p while training and scales the others by 1 / (1 - p); the identity otherwise. */
export function dropout<S, P extends number = 0.5>(x: Tensor<S>, p?: Checked<P, ProbabilityFault<P>>): Tensor<S> {
  const call = enter("dropout", dropout, arguments);
  const value = operand(call, x);
  const share = numeric(p ?? 0.5);
  const fits = share >= 0 && share < 1;
  check(call, [value], fits ? null : { code: "option-range", text: `p is ${shown(p)}, but must be at least 0 and less than 1` });
  const { builder } = call;
  return result(call, add(call, "Dropout", [value, builder.constant("float32", share), builder.constant("bool", 0)]));
}
/** x itself. */
export function identity<S>(x: Tensor<S>): Tensor<S> {
  const call = enter("identity", identity, arguments);
  return result(call, operand(call, x));
}
