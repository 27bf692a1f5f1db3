/** Activations that multiply a value by a smooth gate of itself. */
import type { GraphBuilder } from "../builder.ts";
import { type Formulas, formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import type { OpFamily, Target } from "../op-schema.ts";
import { inputAt } from "./call-inputs.ts";
import { type UnaryDerivative, unary } from "./elementwise.ts";

/** The records of Mish and Swish. */
export const gatedActivationOps: OpFamily<"Mish" | "Swish"> = {
  Mish: {
    ...unary<"Mish">({
      evaluate: "none",
      derivative: mishDerivative,
      docs: {
        summary: "Multiplies by the tanh of the softplus.",
        formula: "y = x tanh(ln(1 + e^x))",
        source: "Misra, arXiv:1908.08681; ONNX Mish-22",
      },
    }),
    lower: (b, node, { opset }) => (opset >= 18 ? "keep" : [formulas(b).mul(inputAt(node, 0), mishGate(b, inputAt(node, 0)))]),
  },
  Swish: {
    ...unary<"Swish">({
      evaluate: "none",
      derivative: swishDerivative,
      docs: {
        summary: "Multiplies by a sigmoid; with alpha 1 it is SiLU, with 1.702 an approximation of Gelu.",
        formula: "y = x / (1 + e^(-alpha x))",
        source: "Ramachandran, Zoph and Le, arXiv:1710.05941; ONNX Swish-24",
      },
    }),
    lower: lowerSwish,
  },
};

const mishGate = (b: GraphBuilder, x: Value): Value => b.add("Tanh", [b.add("Softplus", [x])]);
/** With t = tanh(softplus(x)): dy/dx = t + x sigmoid(x) (1 - t^2). */
function mishDerivative(...[f, { x, dy, b }]: Parameters<UnaryDerivative<"Mish">>): Value {
  const t = mishGate(b, x);
  return f.mul(dy, f.add(t, f.mul(f.mul(x, b.add("Sigmoid", [x])), f.sub(1, f.square(t)))));
}

const swishGate = (b: GraphBuilder, f: Formulas, x: Value, alpha: number): Value => b.add("Sigmoid", [alpha === 1 ? x : f.mul(x, alpha)]);
/** With s = sigmoid(alpha x): dy/dx = s + alpha y (1 - s). */
function swishDerivative(
  ...[
    f,
    {
      x,
      y,
      dy,
      attributes: { alpha },
      b,
    },
  ]: Parameters<UnaryDerivative<"Swish">>
): Value {
  const s = swishGate(b, f, x, alpha);
  const rest = f.mul(y, f.sub(1, s));
  return f.mul(dy, f.add(s, alpha === 1 ? rest : f.mul(rest, alpha)));
}
/** onnxruntime 1.30 writes Swish out in parts at opset 24, and has nothing for it in later ones. */
function lowerSwish(b: GraphBuilder, node: Node<"Swish">, { opset }: Target): readonly Value[] | "keep" {
  if (opset === 24) return "keep";
  const [f, x] = [formulas(b), inputAt(node, 0)];
  return [f.mul(x, swishGate(b, f, x, node.attributes.alpha))];
}
