import type { GraphBuilder } from "../ir/builder.ts";
import { formulas } from "../ir/formulas.ts";
import type { Value } from "../ir/graph.ts";

/** How gradients are held in bounds before an optimizer sees them. */
export interface GradientClipping {
  /** The largest norm of all gradients together, as torch.nn.utils.clip_grad_norm_. */
  readonly norm?: number | undefined;
  /** The largest magnitude of each element, as torch.nn.utils.clip_grad_value_. */
  readonly value?: number | undefined;
}

/** The gradients held in bounds: elements first, then the norm. */
export function clipGradients(b: GraphBuilder, gradients: readonly Value[], { norm, value }: GradientClipping): readonly Value[] {
  const held =
    value === undefined
      ? gradients
      : gradients.map((g) => b.add("Clip", [g, b.constant(g.type.dtype, -value), b.constant(g.type.dtype, value)]));
  return norm === undefined || held.length === 0 ? held : scaledToNorm(b, held, norm);
}

/** g min(1, max / (|g| + 1e-6)), where |g| is the norm of all gradients as one vector. */
function scaledToNorm(b: GraphBuilder, gradients: readonly Value[], most: number): readonly Value[] {
  const { add, div, min, mul, sqrt, square, reduceSum, total } = formulas(b);
  const norm = sqrt(total(gradients.map((g) => reduceSum(square(g)))));
  const factor = min(div(most, add(norm, 1e-6)), 1);
  return gradients.map((g) => mul(g, factor));
}
