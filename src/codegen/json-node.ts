/** Reading values out of JSON that somebody else wrote: every mistake is named by its path. */

/** A value of a JSON document and where it stands. Every method ends in `fail` when the value is of another kind. */
export interface JsonNode {
  /** Such as `state[3].shape`. */
  readonly path: string;
  readonly isNull: boolean;
  fail(problem: string): never;
  text(): string;
  /** A finite number. */
  number(): number;
  /** A whole number from 0 to 2^53 - 1. */
  count(): number;
  oneOf<T extends string>(choices: readonly T[]): T;
  list(): readonly JsonNode[];
  /** The entries of an object, in the document's order. */
  entries(): readonly (readonly [string, JsonNode])[];
  /** The fields of an object that has all the required ones and, besides the optional ones, no others. */
  fields<R extends string, O extends string = never>(required: readonly R[], optional?: readonly O[]): Fields<R, O>;
}
/** The nodes of an object's fields. */
export type Fields<R extends string, O extends string> = { readonly [K in R]: JsonNode } & { readonly [K in O]?: JsonNode };

/** A parsed document. `fail` has to throw; it is given the whole message. */
export const jsonNode = (value: unknown, path: string, fail: (message: string) => never): JsonNode => {
  const wrong = (problem: string): never => fail(`${path} ${problem}`);
  const child = (inner: unknown, step: string): JsonNode => jsonNode(inner, path === "" ? step.replace(/^\./, "") : path + step, fail);
  const node: JsonNode = {
    path,
    isNull: value === null,
    fail: wrong,
    text: () => (typeof value === "string" ? value : wrong(`is ${shown(value)}, wanted a text`)),
    number: () => (typeof value === "number" && Number.isFinite(value) ? value : wrong(`is ${shown(value)}, wanted a number`)),
    count: () =>
      typeof value === "number" && Number.isSafeInteger(value) && value >= 0
        ? value
        : wrong(`is ${shown(value)}, wanted a whole number from 0 on`),
    oneOf: (choices) =>
      choices.find((choice) => choice === value) ?? wrong(`is ${shown(value)}, wanted ${choices.map((c) => `"${c}"`).join(" or ")}`),
    list: () => (Array.isArray(value) ? value.map((item, i) => child(item, `[${i}]`)) : wrong(`is ${shown(value)}, wanted a list`)),
    entries: () =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.entries(value).map(([key, item]) => [key, child(item, `.${key}`)])
        : wrong(`is ${shown(value)}, wanted an object`),
    fields: (required, optional = []) => {
      const found = new Map(node.entries());
      for (const key of required) if (!found.has(key)) wrong(`has no "${key}"`);
      const known: readonly string[] = [...required, ...optional];
      for (const key of found.keys()) if (!known.includes(key)) wrong(`has a field "${key}" that nobody knows`);
      return checkedFields(found);
    },
  };
  return node;
};

/** Sound because `fields` has just seen that every required key is there and no unknown one. */
const checkedFields = <R extends string, O extends string>(found: ReadonlyMap<string, JsonNode>): Fields<R, O> =>
  Object.fromEntries(found) as Fields<R, O>;

/** A value as a message shows it: short, and without what is inside. */
function shown(value: unknown): string {
  if (value === undefined) return "absent";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
