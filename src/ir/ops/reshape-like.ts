/** Tensors of another's shape: reshaped to it, or filled with zeros. */
import type { GraphBuilder } from "../builder.ts";
import { exactDiv, productOf } from "../dim.ts";
import { shapeValue } from "../formulas.ts";
import type { Value } from "../graph.ts";
import { elementCount, sameShape } from "../shape.ts";
import { tensorFrom } from "../tensor-data.ts";

/** A value with x's shape, of which it has as many elements; no Shape node, which would keep x alive, where one -1 tells the same. */
export function reshapeLike(b: GraphBuilder, value: Value, x: Value): Value {
  const { shape } = x.type;
  if (sameShape(value.type.shape, shape)) return value;
  const known = shape.filter((d) => typeof d === "number");
  const [symbol] = shape.filter((d) => typeof d !== "number");
  const inferable = known.length === shape.length - 1 && symbol !== undefined && !known.includes(0);
  if (inferable && exactDiv(elementCount(value.type.shape), productOf(known)) === symbol) {
    return b.add("Reshape", [
      value,
      b.constant(
        "int64",
        shape.map((d) => (typeof d === "number" ? d : -1)),
      ),
    ]);
  }
  // Any size may turn out to be 0, which means 0 here.
  return b.add("Reshape", [value, shapeValue(b, x)], { allowzero: 1 });
}

/** A tensor of x's shape and element type that holds one number everywhere. */
export const filledLike = (b: GraphBuilder, x: Value, fill: number): Value =>
  b.add("ConstantOfShape", [shapeValue(b, x)], { value: tensorFrom(x.type.dtype, [1], [fill]) });
