/** The options of a model's factory: `--set numClasses=10`. */
import { kindFault, unknownOption } from "../../dsl/option.ts";
import { userError } from "../../ir/diagnostic.ts";
import { nowhere } from "../../ir/location.ts";
import { UsageError } from "./usage.ts";

/** A value that `--set` can give. */
export type SetValue = number | boolean | string | null | readonly unknown[];

/** The options in `KEY=VALUE` texts: numbers, true, false, null, JSON arrays, and texts. Throws a UsageError on a text without "=" or a key given twice. */
export function parseSet(texts: readonly string[]): ReadonlyMap<string, SetValue> {
  const values = new Map<string, SetValue>();
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`--set takes KEY=VALUE, not "${text}"`);
    const key = text.slice(0, at);
    if (values.has(key)) throw new UsageError(`--set gives "${key}" twice`);
    values.set(key, parsedValue(text.slice(at + 1)));
  }
  return values;
}

function parsedValue(text: string): SetValue {
  if (/^-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) return Number(text);
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  if (text.startsWith("[") || text.startsWith('"')) {
    try {
      const parsed: unknown = JSON.parse(text);
      if (Array.isArray(parsed) || typeof parsed === "string") return parsed;
    } catch {}
  }
  return text;
}

/** A function from options to a model, which may carry its options' defaults. */
export interface Factory {
  (options: object): unknown;
  readonly options?: unknown;
  readonly name: string;
}

/** A model made with options, and a check to be made once the model has been traced. */
export interface Made {
  readonly model: unknown;
  /** Throws a CompileError when an option was given that nothing ever read. */
  checkAllRead(): void;
}

/**
 * Calls a factory with options. What it takes is found out by watching which options it reads, and of what type they are from the
 * defaults that it declares: in a record `options` on the function, or in the parameter itself, `({ numClasses = 10 } = {})`.
 * Throws a CompileError on a value of another type than the default's.
 */
export function callFactory(factory: Factory, values: ReadonlyMap<string, SetValue>, source: string): Made {
  const defaults = defaultsOf(factory);
  for (const [key, value] of values) {
    const fault = defaults.has(key) ? kindFault(key, value, defaults.get(key)) : null;
    if (fault !== null) throw userError("option-type", `${source}: ${fault}`, nowhere);
  }
  const read = new Set<string>();
  let readsAll = false;
  const note = (key: string | symbol): void => {
    if (typeof key === "string") read.add(key);
  };
  const watched = new Proxy(Object.fromEntries(values), {
    get(target, key) {
      note(key);
      return Reflect.get(target, key);
    },
    has(target, key) {
      note(key);
      return Reflect.has(target, key);
    },
    ownKeys(target) {
      readsAll = true;
      return Reflect.ownKeys(target);
    },
  });
  const unread = (): readonly string[] => (readsAll ? [] : [...values.keys()].filter((key) => !read.has(key) && !defaults.has(key)));
  const checkAllRead = (): void => {
    const [first] = unread();
    if (first === undefined) return;
    throw unknownOption(first, [...new Set([...defaults.keys(), ...read])], nowhere, `${source}: `);
  };
  try {
    return { model: factory(watched), checkAllRead };
  } catch (error) {
    // A misspelt option is why another one is missing.
    checkAllRead();
    throw error;
  }
}

/** The options with known defaults. */
function defaultsOf(factory: Factory): ReadonlyMap<string, unknown> {
  const { options } = factory;
  if (typeof options === "object" && options !== null) return new Map(Object.entries(options));
  const [, parameter = ""] = /^[^({]*\(\s*\{([^{}]*)\}/.exec(Function.prototype.toString.call(factory)) ?? [];
  const literals = parameter.matchAll(
    /(?:^|,)\s*([A-Za-z_$][\w$]*)(?:\s*:\s*[\w$]+)?\s*=\s*(-?\d[\d._e+-]*|true|false|!0|!1|"[^"]*"|'[^']*'|`[^`]*`|\[)/g,
  );
  return new Map([...literals].map(([, name = "", literal = ""]) => [name, exampleOf(literal)]));
}
/** A value of the literal's type. */
const exampleOf = (literal: string): unknown =>
  /^-?\d/.test(literal) ? 0 : /^(?:true|false|!0|!1)$/.test(literal) ? false : literal === "[" ? [] : "";
