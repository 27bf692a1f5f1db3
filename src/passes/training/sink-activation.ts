/** Moves activations behind the max pool that follows them, where they and their gradient work on a fraction of the elements. */
import type { Node } from "../../ir/graph.ts";
import type { OpType } from "../../ir/op-types.ts";
import { isOneOf, type Pass, type RewriteContext, type RewriteOutcome, rewrite, rewriteRule, skip } from "../rewrite.ts";

/** Functions of one element that never fall: their maximum is the function of the maximum. */
const rising = ["Relu", "Clip", "Sigmoid", "Tanh", "Softplus"] as const satisfies readonly OpType[];

/**
 * max(f(x)) = f(max(x)) for a rising f, and the gradients agree: where f is flat, both are zero.
 *
 * For training graphs. A runtime that infers fuses an activation into its convolution, where it costs nothing.
 */
export const sinkActivations: Pass = (graph, control) => rewrite(graph, [rewriteRule("sink-activation", ["MaxPool"], sink)], control);

function sink(pool: Node<"MaxPool">, context: RewriteContext): RewriteOutcome {
  const [input] = pool.inputs;
  const activation = input?.producer;
  if (!input || !activation || !isOneOf(activation, rising)) return "keep";
  const [x, ...bounds] = activation.inputs;
  if (!x) return "keep";
  if (context.isOutput(input)) return skip(`"${input.name}" is an output of the graph`);
  const others = context.readers(input).filter((reader) => reader !== pool);
  if (others[0] !== undefined) return skip(`"${input.name}" is read by "${others[0].name}" as well`);
  if (pool.outputs.length > 1) return skip("the positions of its maxima are read");
  return (b) => {
    const pooled = b.add("MaxPool", [context.value(x)], pool.attributes, { location: pool.location });
    return [
      b.add(activation.opType, [pooled, ...bounds.map((v) => (v === null ? null : context.value(v)))], activation.attributes, {
        location: activation.location,
      }),
    ];
  };
}
