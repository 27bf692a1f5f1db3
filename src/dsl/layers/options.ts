/** Options of layers: their defaults, and what each has to be, whatever the layer. */
import { isInit, type LayerInit } from "../init.ts";
import { shown } from "../shape-rules/show.ts";
import { isTensor } from "../tensor.ts";
import type { Fault } from "../trace.ts";

/** The default of an option that has to be given: the layer's checks refuse what is missing. */
export const required = undefined;

/**
 * The options with defaults for those that are absent. Sound because a `Checked` option is the option, or an error that never
 * runs; where types were cast away, `optionsFault` and the layer's own checks look at the values, and at each that is required.
 */
export function settings<T extends object>(options: unknown, defaults: { readonly [K in keyof T]: T[K] | typeof required }): T {
  const given = entriesOf(options).filter(([name, value]) => value !== undefined && Object.hasOwn(defaults, name));
  return { ...defaults, ...Object.fromEntries(given) } as T;
}
const entriesOf = (options: unknown): readonly (readonly [string, unknown])[] =>
  typeof options === "object" && options !== null ? Object.entries(options) : [];

/** What an option may be, as its message says it. */
interface Kind {
  readonly wanted: string;
  fits(value: unknown): boolean;
}
const flag: Kind = { wanted: "true or false", fits: (value) => typeof value === "boolean" };
const number: Kind = { wanted: "a number", fits: Number.isFinite };
/** Minus infinity pads a maximum, and bounds what has no bound. */
const realOrInfinite: Kind = { wanted: "a number", fits: (value) => typeof value === "number" && !Number.isNaN(value) };
const above0: Kind = { wanted: "a number above 0", fits: (value) => Number.isFinite(value) && Number(value) > 0 };
const from0: Kind = { wanted: "a number from 0 on", fits: (value) => Number.isFinite(value) && Number(value) >= 0 };
const share: Kind = { wanted: "a number from 0 to 1", fits: (value) => typeof value === "number" && value >= 0 && value <= 1 };
// A size that is only checked against the input's may stand aside.
const size: Kind = {
  wanted: "a positive integer",
  fits: (value) => value === null || (Number.isSafeInteger(value) && Number(value) > 0),
};
const name: Kind = {
  wanted: 'a name: letters, digits, "_" and "-", with dots between parts',
  fits: (value) => typeof value === "string" && /^[\w-]+(?:\.[\w-]+)*$/.test(value),
};
const init: Kind = { wanted: "one of init's, such as init.zeros()", fits: isInit };
const inits: Kind = {
  wanted: "{ weight, bias } with one of init's for each, such as init.zeros()",
  fits: (value) => typeof value === "object" && value !== null && !isInit(value) && entriesOf(value).every(isPart),
};
const isPart = ([part, value]: readonly [string, unknown]): boolean => Object.hasOwn(parts, part) && (value === undefined || isInit(value));
const parts: Readonly<Record<keyof LayerInit, true>> = { weight: true, bias: true };
const oneOf = (...values: readonly string[]): Kind => ({
  wanted: values.map((value) => JSON.stringify(value)).join(" or "),
  fits: (value) => typeof value === "string" && values.includes(value),
});

/** The kinds of options by name. The windows of convolutions and pools are not here: `positive` and `natural` know their axes. */
const kinds: Readonly<Record<string, Kind>> = {
  affine: flag,
  alignCorners: flag,
  approximate: oneOf("none", "tanh"),
  beta: above0,
  bias: flag,
  ceilMode: flag,
  countIncludePad: flag,
  elementwiseAffine: flag,
  eps: from0,
  inChannels: size,
  inFeatures: size,
  init: inits,
  max: realOrInfinite,
  min: realOrInfinite,
  momentum: share,
  name,
  numChannels: size,
  numFeatures: size,
  numParameters: size,
  value: realOrInfinite,
};
/** For layers whose `init` is of their one parameter. */
export const ofOneParameter: Readonly<Record<string, Kind>> = { init };

/**
 * What is wrong with options, or null: that they are none, that one of them is unknown to the layer, or of another kind. `known` has all that
 * the layer takes; `own` has kinds that differ from those of other layers.
 */
export function optionsFault(options: unknown, known: object, own: Readonly<Record<string, Kind>> = {}): Fault | null {
  const takes = `it takes ${Object.keys(known).join(", ")}`;
  if (options !== undefined && (typeof options !== "object" || options === null || Array.isArray(options) || isTensor(options))) {
    const text = `the options are ${isTensor(options) ? "a tensor" : shown(options)}, but must be an object`;
    return { code: "options-object", text, help: `${takes}: write { ${Object.keys(known)[0]}: ... }` };
  }
  const given = entriesOf(options).filter(([, value]) => value !== undefined);
  const unknown = given.find(([option]) => !Object.hasOwn(known, option));
  if (unknown !== undefined) return { code: "unknown-option", text: `there is no option "${unknown[0]}"`, help: takes };
  return given.map(([option, value]) => kindFault(option, value, own[option] ?? kinds[option])).find((fault) => fault !== null) ?? null;
}
/** That a number among a call's arguments is of another kind, or null. */
export const numberFault = (argument: string, value: unknown): Fault | null => kindFault(argument, value, number);
/** That the name of a parameter is none, or null. */
export const nameFault = (value: unknown): Fault | null => kindFault("the name", value, name);
/** That an argument is neither true nor false, or null. */
export const flagFault = (argument: string, value: unknown): Fault | null => kindFault(argument, value, flag);
const kindFault = (option: string, value: unknown, kind: Kind | undefined): Fault | null =>
  kind === undefined || kind.fits(value) ? null : { code: "option-kind", text: `${option} is ${shown(value)}, but must be ${kind.wanted}` };
