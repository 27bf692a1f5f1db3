/** Activation functions, as torch.nn.functional: the shape stays. */
import type { OpAttributes, OpType } from "../../ir/op-types.ts";
import { constant, type Init } from "../init.ts";
import { type AxisFault, axisFault, axisOf } from "../shape-rules/axes.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, check, declare, enter, enterLayer, operand, result, within } from "../trace.ts";

/** One node without further inputs. */
function unary<S, T extends OpType>(
  label: string,
  publicFunction: (...args: never) => unknown,
  x: Tensor<S>,
  opType: T,
  attributes: Partial<OpAttributes[T]> = {},
): Tensor<S> {
  const call = enter(label, publicFunction);
  return result(call, add(call, opType, [operand(call, x)], attributes));
}

/** max(x, 0). */
export function relu<S>(x: Tensor<S>): Tensor<S> {
  return unary("relu", relu, x, "Relu");
}
/** min(max(x, 0), 6). */
export function relu6<S>(x: Tensor<S>): Tensor<S> {
  const call = enter("relu6", relu6);
  const { builder } = call;
  return result(call, add(call, "Clip", [operand(call, x), builder.constant("float32", 0), builder.constant("float32", 6)]));
}
/** x where it is positive, negativeSlope x elsewhere. */
export function leakyRelu<S>(x: Tensor<S>, negativeSlope = 0.01): Tensor<S> {
  return unary("leakyRelu", leakyRelu, x, "LeakyRelu", { alpha: negativeSlope });
}
/** x where it is positive, alpha (e^x - 1) elsewhere. */
export function elu<S>(x: Tensor<S>, alpha = 1): Tensor<S> {
  return unary("elu", elu, x, "Elu", { alpha });
}
/** x Phi(x), with Phi the normal distribution's; "tanh" is its approximation (Hendrycks and Gimpel 2016, arXiv:1606.08415). */
export function gelu<S>(x: Tensor<S>, options: { approximate?: "none" | "tanh" } = {}): Tensor<S> {
  return unary("gelu", gelu, x, "Gelu", { approximate: options.approximate ?? "none" });
}
/** x sigmoid(x), also called swish. */
export function silu<S>(x: Tensor<S>): Tensor<S> {
  const call = enter("silu", silu);
  const value = operand(call, x);
  return result(call, add(call, "Mul", [value, within(call, () => call.builder.add("Sigmoid", [value]))]));
}
/** 1 / (1 + e^-x). */
export function sigmoid<S>(x: Tensor<S>): Tensor<S> {
  return unary("sigmoid", sigmoid, x, "Sigmoid");
}
/** The hyperbolic tangent. */
export function tanh<S>(x: Tensor<S>): Tensor<S> {
  return unary("tanh", tanh, x, "Tanh");
}
/** log(1 + e^(beta x)) / beta. */
export function softplus<S>(x: Tensor<S>, options: { beta?: number } = {}): Tensor<S> {
  const call = enter("softplus", softplus);
  const [value, beta] = [operand(call, x), options.beta ?? 1];
  if (beta === 1) return result(call, add(call, "Softplus", [value]));
  const { builder } = call;
  const inner = within(call, () => builder.add("Softplus", [builder.add("Mul", [value, builder.constant("float32", beta)])]));
  return result(call, add(call, "Div", [inner, builder.constant("float32", beta)]));
}
/** min(max(x + 3, 0), 6) / 6. */
export function hardSigmoid<S>(x: Tensor<S>): Tensor<S> {
  return unary("hardSigmoid", hardSigmoid, x, "HardSigmoid", { alpha: 1 / 6, beta: 0.5 });
}
/** x hardSigmoid(x) (Howard et al. 2019, arXiv:1905.02244). */
export function hardSwish<S>(x: Tensor<S>): Tensor<S> {
  return unary("hardSwish", hardSwish, x, "HardSwish");
}
/** x where it is positive, weight x elsewhere, with a learnt weight for all channels or one for each, as torch.nn.PReLU. */
export function prelu<S>(x: Tensor<S>, options: { numParameters?: number; init?: Init; name?: string } = {}): Tensor<S> {
  const call = enterLayer("prelu", prelu, options.name);
  const value = operand(call, x);
  const [n, c] = [options.numParameters ?? 1, value.type.shape[1] ?? 1];
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
  const weight = declare(call, "weight", [n], options.init ?? constant(0.25));
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

/** e^x / sum(e^x) along an axis. */
export function softmax<S, A extends number>(x: Tensor<S>, dim: Checked<A, AxisFault<"softmax", S, A>>): Tensor<S> {
  const call = enter("softmax", softmax);
  const value = operand(call, x);
  const axis = Number(dim);
  check(call, [value], axisFault(value.type.shape.length, axis));
  return result(call, add(call, "Softmax", [value], { axis: axisOf(value.type.shape.length, axis) }));
}
/** log(softmax(x)), without overflow. */
export function logSoftmax<S, A extends number>(x: Tensor<S>, dim: Checked<A, AxisFault<"logSoftmax", S, A>>): Tensor<S> {
  const call = enter("logSoftmax", logSoftmax);
  const value = operand(call, x);
  const axis = Number(dim);
  check(call, [value], axisFault(value.type.shape.length, axis));
  return result(call, add(call, "LogSoftmax", [value], { axis: axisOf(value.type.shape.length, axis) }));
}

/** Zeroes elements with probability p while training and scales the others by 1 / (1 - p); the identity otherwise. */
export function dropout<S>(x: Tensor<S>, p = 0.5): Tensor<S> {
  const call = enter("dropout", dropout);
  const value = operand(call, x);
  check(call, [value], p >= 0 && p < 1 ? null : { code: "option-range", text: `p is ${p}, but must be at least 0 and less than 1` });
  const { builder } = call;
  return result(call, add(call, "Dropout", [value, builder.constant("float32", p), builder.constant("bool", 0)]));
}
/** x itself. */
export function identity<S>(x: Tensor<S>): Tensor<S> {
  const call = enter("identity", identity);
  return result(call, operand(call, x));
}
