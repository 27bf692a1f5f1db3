/** Takes the order of channels into the weights of the convolution that reads them. */
import { axisOf } from "../../ir/ops/axes.ts";
import { inputAt, numbersIn } from "../../ir/ops/call-inputs.ts";
import { madeBy } from "../recognize/pattern.ts";
import { type RewriteOutcome, type RewriteRule, rewriteRule, skip } from "../rewrite.ts";
import { otherUse } from "../sole-use.ts";

/** A convolution of a Gather that puts all channels in another order: one with its weights in that order, as pixel unshuffling leaves it. */
export const permutedChannels: RewriteRule = rewriteRule("permuted-channels", ["Conv"], (node, context): RewriteOutcome => {
  const [x, w] = [inputAt(node, 0), inputAt(node, 1)];
  const gather = madeBy(x, "Gather");
  if (gather === null || axisOf(gather.attributes.axis, inputAt(gather, 0).type.shape.length) !== 1) return "keep";
  const source = inputAt(gather, 0);
  const channels = source.type.shape[1];
  const order = inputAt(gather, 1).type.shape.length === 1 ? numbersIn(inputAt(gather, 1)) : null;
  if (order === null || typeof channels !== "number" || order.length !== channels) return "keep";
  const places = order.map((place) => axisOf(place, channels));
  // The place in the Gather's result of each channel of its input.
  const back = Array.from({ length: channels }, (_, channel) => places.indexOf(channel));
  if (back.includes(-1)) return "keep";
  if (node.attributes.group !== 1) return skip(`the channels of ${node.attributes.group} groups may not change places`);
  if (context.contents(w) === null) return skip(`the weight of Conv "${node.name}" is not constant`);
  const use = otherUse(context, x, node);
  if (use !== null) return skip(use);
  return (b) => {
    const weight = b.add("Gather", [context.value(w), b.constant("int64", back)], { axis: 1 });
    const rest = node.inputs.slice(2).map((v) => (v === null ? null : context.value(v)));
    return [b.add("Conv", [context.value(source), weight, ...rest], node.attributes, { name: node.name })];
  };
});
