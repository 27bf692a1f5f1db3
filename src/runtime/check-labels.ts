/** Class numbers in targets: one that the model has no output for would count for nothing, in silence. */
import type { Batch } from "../data/batch-loader.ts";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";

/** The class numbers from 0 to classes - 1, and the one that counts for nothing. */
export interface Labels {
  readonly classes: number;
  readonly ignore: number | null;
}

/** Looks at every int64 target of a batch. Throws a CompileError on the first class number out of range. */
export function checkLabels(batch: Batch, targets: readonly string[], labels: Labels | null): void {
  if (labels === null) return;
  for (const name of targets) {
    const data = batch.targets[name]?.data;
    const at = data instanceof BigInt64Array ? firstOutside(data, labels) : -1;
    if (at < 0 || data === undefined) continue;
    throw userError(
      "label-range",
      `target "${name}" has class ${data[at]} at position ${at}, but the model has ${labels.classes} classes, 0 to ${labels.classes - 1}`,
      nowhere,
      {
        help: "give the model as many classes as the data has, or number the classes from 0",
      },
    );
  }
}
/** The position of the first number out of range, or -1. Looks at the halves of each number: bigints would cost more than the step. */
function firstOutside(data: BigInt64Array, { classes, ignore }: Labels): number {
  const halves = new Int32Array(data.buffer, data.byteOffset, 2 * data.length);
  for (let i = 0; i < data.length; i++) {
    const [low, high] = [halves[2 * i] ?? 0, halves[2 * i + 1] ?? 0];
    const small = high === low >> 31;
    if (!small || (low !== ignore && (low < 0 || low >= classes))) return i;
  }
  return -1;
}
