/** Options as data, so that a command line, documentation and checks come from one table. */

import { type CompileError, userError } from "../ir/diagnostic.ts";
import { captureLocation, type SourceLocation } from "../ir/location.ts";

/** What an option takes. */
export type OptionType = "number" | "numbers" | "boolean" | "string";
/** A value of an option. */
export type OptionValue = number | readonly number[] | boolean | string;
/** One option: its type, its default (null: none), and a sentence on it. */
export interface OptionSpec {
  readonly type: OptionType;
  readonly default: OptionValue | null;
  readonly doc: string;
}
/** Options by name. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;
/** Options as a command line gives them, checked against their specs. */
export type OptionValues = Readonly<Record<string, OptionValue | null | undefined>>;

/** A kind of loss or optimizer that is made by name. */
export interface Maker<T> {
  readonly doc: string;
  readonly options: OptionSpecs;
  create(options: OptionValues): T;
}

/** Reads checked values back with their types; each falls back to the given default. */
export const reader = (values: OptionValues) => ({
  number: (name: string, otherwise: number): number => (typeof values[name] === "number" ? values[name] : otherwise),
  numbers: (name: string): readonly number[] | undefined => {
    const value = values[name];
    return Array.isArray(value) ? (value as readonly number[]) : undefined;
  },
  boolean: (name: string): boolean => values[name] === true,
  string: (name: string, otherwise: string): string => (typeof values[name] === "string" ? values[name] : otherwise),
});

/**
 * Options with defaults for those that are absent. A factory that is generic over its options, `<K extends number = 10>`, keeps
 * them in its model's type; each default has to be the type parameter's. Throws a CompileError on an option that has no default here,
 * or is of another kind than its default.
 */
export function withDefaults<O extends object>(options: O, defaults: { readonly [K in keyof O]-?: unknown }): Required<O> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const known = new Map(Object.entries(defaults));
  for (const [key, value] of given) {
    const fault = known.has(key) ? kindFault(key, value, known.get(key)) : null;
    if (fault !== null) throw userError("option-type", fault, captureLocation(withDefaults));
    if (!known.has(key)) throw unknownOption(key, [...known.keys()], captureLocation(withDefaults));
  }
  return allOf<O>({ ...defaults, ...Object.fromEntries(given) });
}
/** Sound as long as the defaults are those of the type parameters, which stand beside them. */
const allOf = <O extends object>(options: object): Required<O> => options as Required<O>;

const kindOf = (value: unknown): string => (Array.isArray(value) ? "array" : value === null ? "null" : typeof value);
const kindNames: Readonly<Record<string, string>> = {
  number: "a number",
  boolean: "true or false",
  string: "a text",
  array: "an array",
};
/** Why a value cannot take a default's place, or null: it is of another kind. A default of another kind than those an option may be says nothing. */
export function kindFault(key: string, value: unknown, byDefault: unknown): string | null {
  const wanted = kindNames[kindOf(byDefault)];
  const fits = value === null || wanted === undefined || kindOf(value) === kindOf(byDefault);
  return fits ? null : `option "${key}" takes ${wanted}, not ${JSON.stringify(value)}`;
}
/** The error of an option that nothing takes. */
export const unknownOption = (key: string, known: readonly string[], location: SourceLocation, source = ""): CompileError =>
  userError("unknown-option", `${source}there is no option "${key}"`, location, {
    help: known.length === 0 ? "it takes no options" : `it takes ${known.toSorted().join(", ")}`,
  });
