/** Options as data, so that a command line, documentation and checks come from one table. */

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
