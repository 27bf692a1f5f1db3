/** Wrong usage: exit code 2, and no stack. */

import { Option } from "commander";

/** What is thrown when the command line itself is wrong. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** How to mend it. */
  readonly help: string | undefined;
  constructor(message: string, help?: string) {
    super(message);
    this.help = help;
  }
}

/** Ends the program with exit code 1 when everything has been said already. */
export class SaidAlready extends Error {
  override readonly name = "SaidAlready";
}

/** A natural number from an option's text. Throws a UsageError on anything else. */
export function naturalNumber(name: string, text: string, least = 0): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
    throw new UsageError(`${name} takes a whole number from ${least} on, not "${text}"`);
  return value;
}
/** A finite number from an option's text. Throws a UsageError on anything else. */
export function finiteNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new UsageError(`${name} takes a number, not "${text}"`);
  return value;
}
/** One of some words. Throws a UsageError on anything else. */
export function oneOf<T extends string>(name: string, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new UsageError(`${name} takes ${words.join(", ")}, not "${text}"`);
  return found;
}
/** An option that may be given several times: a list, empty when it is not given. */
export const repeatable = (flags: string, description: string): Option =>
  new Option(flags, `${description}; may be given several times`)
    .default([], "none")
    .argParser((value: string, earlier: readonly string[]) => [...earlier, value]);
