/** Clips of what is clipped already: Clip, Relu, and Min and Max with a number. */
import { isFloat } from "../../ir/dtype.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { clampOf } from "../recognize/pattern.ts";
import { type RewriteOutcome, type RewriteRule, rewriteRule, skip } from "../rewrite.ts";
import { otherUse, sameType } from "../sole-use.ts";

/** One Clip in the place of two or more in a row, or a Relu where that is what remains. */
export const mergeClips: RewriteRule = rewriteRule("merge-clips", ["Clip", "Relu", "Min", "Max"], (node, context): RewriteOutcome => {
  const y = outputAt(node.outputs, 0);
  const whole = isFloat(y.type.dtype) ? clampOf(y, context) : null;
  const [input] = node.inputs.filter((v) => v !== null && context.contents(v) === null);
  if (whole === null || !input || whole.x === input || !sameType(whole.x, y)) return "keep";
  const use = otherUse(context, input, node);
  if (use !== null) return skip(use);
  const { x, low, high } = whole;
  const options = { name: node.name };
  return (b) => {
    if (low === 0 && high === Number.POSITIVE_INFINITY) return [b.add("Relu", [context.value(x)], {}, options)];
    const bound = (v: number) => (Number.isFinite(v) ? b.constant(y.type.dtype, v) : null);
    return [b.add("Clip", [context.value(x), bound(low), bound(high)], {}, options)];
  };
});
