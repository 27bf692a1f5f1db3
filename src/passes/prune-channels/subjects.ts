/** Where channels begin to be constant or unread: without one of these nodes there is nothing to prune. */
import { isFloat } from "../../ir/dtype.ts";
import type { Node, Value } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor-data.ts";
import { linearOps } from "../linear/fold-affine.ts";
import { isOneOf, type RewriteContext } from "../rewrite.ts";
import { elementsOf } from "../tensor-elements.ts";

/**
 * True for a sum with a filter or an input channel without weights, for a product with a constant that holds a zero, and for what may cut
 * channels off.
 */
export function isSubject(node: Node, context: RewriteContext): boolean {
  const [x, second] = node.inputs;
  if (isOneOf(node, linearOps)) {
    const weight = second ? context.contents(second) : null;
    const group = isOneOf(node, ["Conv", "ConvTranspose"]) ? node.attributes.group : 1;
    return weight !== null && hasZeroSlice(weight, group);
  }
  if (isOneOf(node, ["BatchNormalization", "InstanceNormalization"])) return holdsZero(second, context);
  if (isOneOf(node, ["Mul"])) return holdsZero(x, context) || holdsZero(second, context);
  // Of a Split whose parts are all read, no channel is cut off.
  if (isOneOf(node, ["Split"]) && node.outputs.every((v) => v !== null && (context.readers(v).length > 0 || context.isOutput(v))))
    return false;
  return isOneOf(node, ["Slice", "Split", "Gather"]) && x !== null && x !== undefined && isFloat(x.type.dtype) && x.type.shape.length > 1;
}
function holdsZero(value: Value | null | undefined, context: RewriteContext): boolean {
  const tensor = value ? context.contents(value) : null;
  if (tensor === null) return false;
  const elements = elementsOf(tensor);
  for (let i = 0; i < elements.length; i++) if (elements[i] === 0) return true;
  return false;
}
/** True when all weights of one position along the first axis, or of one along the second within a group of the first, are zero. */
function hasZeroSlice(weight: TensorData, groups: number): boolean {
  const [first = 1, second = 1, ...kernel] = weight.shape;
  const taps = kernel.reduce((n, k) => n * k, 1);
  const elements = elementsOf(weight);
  const isZero = (start: number, count: number): boolean => {
    for (let at = start; at < start + count; at++) if (elements[at] !== 0) return false;
    return true;
  };
  for (let a = 0; a < first; a++) if (isZero(a * second * taps, second * taps)) return true;
  const perGroup = first / groups;
  for (let g = 0; g < groups; g++) {
    for (let c = 0; c < second; c++) {
      let a = g * perGroup;
      while (a < (g + 1) * perGroup && isZero((a * second + c) * taps, taps)) a++;
      if (a === (g + 1) * perGroup) return true;
    }
  }
  return false;
}
