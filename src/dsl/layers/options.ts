/** Options of layers, with their defaults. */
import type { Fault } from "../trace.ts";

/** The default of an option that has to be given: the layer's checks refuse what is missing. */
export const required = undefined;

/**
 * The options with defaults for those that are absent. Sound because a `Checked` option is the option, or an error that never
 * runs; where types were cast away, the layer's checks look at the values, and at each that is required.
 */
export function settings<T extends object>(options: unknown, defaults: { readonly [K in keyof T]: T[K] | typeof required }): T {
  const given = entriesOf(options).filter(([name, value]) => value !== undefined && Object.hasOwn(defaults, name));
  return { ...defaults, ...Object.fromEntries(given) } as T;
}
const entriesOf = (options: unknown): readonly (readonly [string, unknown])[] =>
  typeof options === "object" && options !== null ? Object.entries(options) : [];

/** That options hold one that the layer does not take, or null; `known` has all that it takes. */
export function unknownFault(options: unknown, known: object): Fault | null {
  const unknown = entriesOf(options).find(([name, value]) => value !== undefined && !Object.hasOwn(known, name));
  if (unknown === undefined) return null;
  return { code: "unknown-option", text: `there is no option "${unknown[0]}"`, help: `it takes ${Object.keys(known).join(", ")}` };
}
