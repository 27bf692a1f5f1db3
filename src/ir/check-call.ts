/** Checks a call against the op's signature: arity, element types, attributes. The one place where this is done. */
import type { DType } from "./dtype.ts";
import type { Value } from "./graph.ts";
import { RuleFault } from "./op-schema.ts";
import type { AttributeSchema, AttributeValue, ParameterSchema, SignatureVersion } from "./op-signature.ts";
import { type OpAttributes, type OpType, signatures } from "./op-types.ts";

interface CheckedCall<T extends OpType> {
  readonly inputs: readonly (Value | null)[];
  readonly attributes: OpAttributes[T];
}

/** The inputs without trailing nulls, and the attributes with their defaults. Throws a RuleFault on what the signature does not allow. */
export function checkCall<T extends OpType>(
  opType: T,
  inputs: readonly (Value | null)[],
  attributes: Partial<OpAttributes[T]>,
  outputCount: number,
): CheckedCall<T> {
  const version = signatures[opType].versions.at(-1);
  if (version === undefined) throw new RuleFault("unknown-op", `${opType} has no version`);
  const trimmed = inputs.slice(0, inputs.findLastIndex((v) => v !== null) + 1);
  checkArity(
    "input",
    version.inputs,
    trimmed.length,
    trimmed.map((v) => v === null),
  );
  checkArity("output", version.outputs, outputCount, []);
  checkTypes(version, trimmed);
  return { inputs: trimmed, attributes: withDefaults(version, attributes) };
}

/** The parameter at a position; a variadic one covers all that follow. */
export function parameterAt(parameters: readonly ParameterSchema[], index: number): ParameterSchema | undefined {
  const last = parameters.at(-1);
  return parameters[index] ?? (last?.option === "variadic" ? last : undefined);
}

function checkArity(kind: "input" | "output", parameters: readonly ParameterSchema[], count: number, missing: readonly boolean[]): void {
  const required =
    parameters.filter((p) => p.option === "single").length +
    (parameters.at(-1)?.option === "variadic" ? (parameters.at(-1)?.least ?? 1) : 0);
  const most = parameters.at(-1)?.option === "variadic" ? Number.POSITIVE_INFINITY : parameters.length;
  // Outputs may be left out at the end even where the schema calls them single.
  const least = kind === "input" ? required : 0;
  if (count < least || count > most) {
    const wanted = least === most ? `${least}` : most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`;
    throw new RuleFault("op-arity", `got ${count} ${kind}s, wanted ${wanted}`);
  }
  const hole = missing.findIndex((absent, i) => absent && parameterAt(parameters, i)?.option !== "optional");
  if (hole >= 0) throw new RuleFault("op-arity", `${kind} ${hole} ("${parameters[hole]?.name ?? hole}") is missing`);
}

function checkTypes(version: SignatureVersion, inputs: readonly (Value | null)[]): void {
  const bound = new Map<string, { readonly dtype: DType; readonly name: string }>();
  inputs.forEach((value, i) => {
    const parameter = parameterAt(version.inputs, i);
    if (value === null || parameter === undefined) return;
    const { dtype } = value.type;
    const allowed = version.types[parameter.type] ?? [parameter.type];
    if (!(allowed as readonly string[]).includes(dtype)) {
      throw new RuleFault("op-dtype", `input "${parameter.name}" is ${dtype}, wanted ${allowed.join(", ")}`);
    }
    const other = bound.get(parameter.type);
    // Variadic parameters share a type in every op of the table.
    if (other !== undefined && other.dtype !== dtype) {
      throw new RuleFault("op-dtype", `input "${parameter.name}" is ${dtype}, but "${other.name}" is ${other.dtype}`, "cast one of them");
    }
    bound.set(parameter.type, { dtype, name: parameter.name });
  });
}

function withDefaults<T extends OpType>(version: SignatureVersion, given: Partial<OpAttributes[T]>): OpAttributes[T] {
  const out: Record<string, AttributeValue> = {};
  for (const [name, schema] of Object.entries(version.attributes)) {
    const value = (given as Readonly<Record<string, AttributeValue | undefined>>)[name] ?? schema.default;
    if (value !== undefined) out[name] = checkedAttribute(name, schema, value);
    else if (schema.required) throw new RuleFault("op-attribute", `attribute "${name}" is missing`);
  }
  const surplus = Object.entries(given).find(([name, value]) => value !== undefined && !Object.hasOwn(version.attributes, name));
  if (surplus !== undefined)
    throw new RuleFault(
      "op-attribute",
      `there is no attribute "${surplus[0]}"`,
      `the attributes are ${Object.keys(version.attributes).join(", ")}`,
    );
  return typedAttributes<T>(Object.keys(out).length === 0 ? none : out);
}
/** Most nodes of a graph have none: they share these. */
const none: Readonly<Record<string, AttributeValue>> = Object.freeze({});
/** Sound because every attribute of the signature that `OpAttributes` is generated from has just been checked. */
const typedAttributes = <T extends OpType>(attributes: Readonly<Record<string, AttributeValue>>): OpAttributes[T] =>
  attributes as unknown as OpAttributes[T];

const fits: Readonly<Record<AttributeSchema["kind"], (value: AttributeValue) => boolean>> = {
  int: (v) => typeof v === "number" && Number.isInteger(v),
  float: (v) => typeof v === "number",
  string: (v) => typeof v === "string",
  ints: (v) => Array.isArray(v) && v.every((e) => Number.isInteger(e)),
  floats: (v) => Array.isArray(v) && v.every((e) => typeof e === "number"),
  strings: (v) => Array.isArray(v) && v.every((e) => typeof e === "string"),
  tensor: (v) => typeof v === "object" && "data" in v,
  graph: (v) => typeof v === "object" && "nodes" in v,
};
function checkedAttribute(name: string, schema: AttributeSchema, value: AttributeValue): AttributeValue {
  if (!fits[schema.kind](value)) throw new RuleFault("op-attribute", `attribute "${name}" is not of kind ${schema.kind}`);
  return value;
}
