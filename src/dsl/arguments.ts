/** How many arguments the functions of the language are given: the type checker counts them, and JavaScript does not. */
import type { Fault } from "./trace.ts";

/**
 * That a function is given more arguments than it takes, `most`, or null. That is its `length` where none of its parameters has a default
 * in its head, so what may be left out is marked with a question mark.
 */
export function argumentsFault(label: string, most: number, given: ArrayLike<unknown>): Fault | null {
  if (given.length <= most || isCallback(given, most)) return null;
  const help = "lists go into brackets, options into braces; what is behind the last has no effect";
  return { code: "too-many-arguments", text: `there are ${given.length} arguments, but ${label} takes ${most}`, help };
}
/** Functions to which something may be given besides the tensor, but need not be. */
const content: ReadonlySet<string> = new Set([
  ...["leakyRelu", "elu", "gelu", "softplus", "prelu", "dropout"],
  ...["batchNorm1d", "batchNorm2d", "batchNorm3d", "layerNorm", "instanceNorm2d"],
  ...["stack", "flatten", "mean", "sum", "amax", "amin"],
]);
/** That a function of a `pipe`, its index-th, must be given more than the tensor, or null. */
export function moreFault(label: string, most: number, index: number): Fault | null {
  if (content.has(label) || most === 1) return null;
  const text = `function ${index} takes more than a tensor: write (x) => f(x, ...)`;
  return { code: "too-few-arguments", text, help: `write (x) => ${label}(x, ...), or layers.${label}(...) where there is one` };
}
/** True where `map` or `reduce` calls the function: they give the index and the array besides. */
function isCallback(given: ArrayLike<unknown>, most: number): boolean {
  const [element, index, array] = [given[most - 1], given[most], given[most + 1]];
  return given.length === most + 2 && Array.isArray(array) && array[Number(index)] === element;
}
