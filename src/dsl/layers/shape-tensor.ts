/** Shapes as values: what Reshape and Expand read. */

import { userError } from "../../ir/diagnostic.ts";
import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/graph.ts";
import type { Shape } from "../../ir/shape.ts";
import { show } from "../shape-rules/show.ts";
import { type Call, within } from "../trace.ts";

/**
 * An int64 vector of the sizes, -1 allowed: a constant where all are numbers, else read from the axes of `x` and of the
 * model's inputs that have those sizes. Throws a CompileError on a symbol that is the size of no axis.
 */
export function shapeTensor(call: Call, x: Value, sizes: Shape): Value {
  const { builder } = call;
  if (sizes.every((d) => typeof d === "number")) return builder.constant("int64", sizes);
  return within(call, () => builder.add("Concat", pieces(call, x, sizes), { axis: 0 }));
}
/** Runs of numbers as constants, each symbol as a slice of a Shape. */
function pieces(call: Call, x: Value, sizes: Shape): readonly Value[] {
  const { builder } = call;
  const out: Value[] = [];
  let run: number[] = [];
  const flush = (): void => {
    if (run.length > 0) out.push(builder.constant("int64", run));
    run = [];
  };
  for (const size of sizes) {
    if (typeof size === "number") run.push(size);
    else {
      flush();
      out.push(sizeOf(call, x, size));
    }
  }
  flush();
  return out;
}
function sizeOf(call: Call, x: Value, size: Dim): Value {
  const { builder, trace } = call;
  const source = [x, ...trace.inputs].find((v) => v.type.shape.includes(size));
  if (source === undefined) {
    throw userError(
      "unknown-size",
      `${call.shown}: "${show(size)}" is the size of no axis of the input or of the model's inputs`,
      call.location,
      {
        help: "write -1 for one size that follows from the others",
      },
    );
  }
  const axis = source.type.shape.indexOf(size);
  return builder.add("Shape", [source], { start: axis, end: axis + 1 });
}
