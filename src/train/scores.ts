/** What scores say. */
import type { Scores } from "../runtime/index.ts";

/** The part of the targets that were predicted rightly, 0 to 1; null where the loss does not count them. */
export function accuracyOf({ metrics, targets }: Scores): number | null {
  const correct = metrics["correct"];
  return correct === undefined || targets === 0 ? null : correct / targets;
}
