/**
 * A node in the form of an opset. Graphs in memory hold each op's newest form; whatever an older version says otherwise is turned into its
 * words here when that needs no more than the signatures: attributes at a default that the version lacks are dropped, and known inputs
 * that the version has as attributes become attributes. The rest is the business of the op's `lower` rule, or an error.
 */
import { attributesOf, isDefault } from "../ir/attributes.ts";
import { parameterAt } from "../ir/check-call.ts";
import { type CompileError, InternalError, userError } from "../ir/diagnostic.ts";
import type { DType } from "../ir/dtype.ts";
import type { Node, Value } from "../ir/graph.ts";
import { type AttributeSchema, type AttributeValue, type ParameterSchema, type SignatureVersion, versionAt } from "../ir/op-signature.ts";
import { signatures } from "../ir/op-types.ts";

/** What the file says of a node. */
export interface EmittedNode {
  readonly node: Node;
  readonly inputs: readonly (Value | null)[];
  /** With their kinds, in the order of the signature. */
  readonly attributes: readonly EmittedAttribute[];
}
/** An attribute that the file spells out. */
export interface EmittedAttribute {
  readonly name: string;
  readonly kind: AttributeSchema["kind"];
  readonly value: AttributeValue;
}

/** The form of a node in an opset. Throws a CompileError when the opset cannot say it, and an InternalError on an op of the compiler's own. */
export function emitNode(node: Node, opset: number): EmittedNode {
  const signature = signatures[node.opType];
  if (signature.domain !== "") throw new InternalError(`${node.opType} "${node.name}" is an op of the compiler's own: lower the graph before writing it`);
  const version = versionAt(signature, opset);
  const newest = signature.versions.at(-1);
  if (version === undefined || newest === undefined) {
    throw refusal(node, opset, `is not in the opset before ${signature.versions[0]?.since ?? "any"}`, signature.versions[0]?.since);
  }
  const moved = movedInputs(node, opset, version, newest);
  const inputs = node.inputs.slice(0, version.inputs.at(-1)?.option === "variadic" ? undefined : version.inputs.length);
  const kept = inputs.slice(0, inputs.findLastIndex((v) => v !== null) + 1);
  const attributes = Object.entries({ ...attributesOf(node), ...moved });
  checkTypes(node, opset, version, kept);
  checkPresent(node, opset, version, new Set(attributes.map(([name]) => name)));
  return { node, inputs: kept, attributes: attributes.flatMap(([name, value]) => emitAttribute(node, opset, version, newest, name, value)) };
}

/** Inputs that the version does not have, as the attributes of the same names that it has. */
function movedInputs(node: Node, opset: number, version: SignatureVersion, newest: SignatureVersion): Readonly<Record<string, AttributeValue>> {
  const moved: Record<string, AttributeValue> = {};
  node.inputs.forEach((value, i) => {
    if (value === null || parameterAt(version.inputs, i) !== undefined) return;
    const parameter = parameterAt(newest.inputs, i);
    const schema = parameter === undefined ? undefined : version.attributes[parameter.name];
    if (parameter === undefined || schema === undefined) {
      throw refusal(node, opset, `has no input "${parameter?.name ?? i}" (version ${version.since} of the op)`, newest.since);
    }
    moved[parameter.name] = asAttribute(value, schema) ?? fail(node, opset, parameter, newest);
  });
  return moved;
}
function fail(node: Node, opset: number, parameter: ParameterSchema, newest: SignatureVersion): never {
  throw refusal(node, opset, `takes "${parameter.name}" as an attribute, and its value is computed in the graph`, newest.since);
}
/** Known contents as an attribute's value, or null. */
function asAttribute(value: Value, { kind }: AttributeSchema): AttributeValue | null {
  const { elements } = value;
  if (elements === null || !elements.every((e) => typeof e === "number")) return null;
  if (kind === "ints" || kind === "floats") return elements;
  return (kind === "int" || kind === "float") && elements.length === 1 ? (elements[0] ?? null) : null;
}

function emitAttribute(
  node: Node, opset: number, version: SignatureVersion, newest: SignatureVersion, name: string, value: AttributeValue,
): readonly EmittedAttribute[] {
  const schema = version.attributes[name];
  if (schema === undefined) {
    if (isDefault(value, newest.attributes[name]?.default)) return [];
    throw refusal(node, opset, `has no attribute "${name}" (version ${version.since} of the op), which is ${printValue(value)} here`, newest.since);
  }
  return isDefault(value, schema.default) ? [] : [{ name, kind: schema.kind, value }];
}
const printValue = (value: AttributeValue): string => (typeof value === "object" && !Array.isArray(value) ? "a tensor or graph" : JSON.stringify(value));

function checkPresent(node: Node, opset: number, version: SignatureVersion, given: ReadonlySet<string>): void {
  for (const [name, schema] of Object.entries(version.attributes)) {
    if (schema.required && !given.has(name)) throw refusal(node, opset, `needs the attribute "${name}"`, undefined);
  }
  const limit = version.outputs.at(-1)?.option === "variadic" ? Number.POSITIVE_INFINITY : version.outputs.length;
  const last = node.outputs.findLastIndex((v) => v !== null);
  if (last >= limit) throw refusal(node, opset, `has ${limit} outputs, and output ${last} is used`, undefined);
}

function checkTypes(node: Node, opset: number, version: SignatureVersion, inputs: readonly (Value | null)[]): void {
  const bound = new Map<string, DType>();
  const check = (kind: string, parameters: readonly ParameterSchema[], value: Value | null, i: number): void => {
    const parameter = parameterAt(parameters, i);
    if (value === null || parameter === undefined) return;
    const { dtype } = value.type;
    const allowed: readonly string[] = version.types[parameter.type] ?? [parameter.type];
    if (!allowed.includes(dtype)) throw refusal(node, opset, `has no ${dtype} for its ${kind} "${parameter.name}" (it takes ${allowed.join(", ")})`, laterSince(node, opset));
    const other = bound.get(parameter.type) ?? dtype;
    if (other !== dtype && parameter.option !== "variadic") {
      throw refusal(node, opset, `wants one type for all its ${parameter.type}, got ${other} and ${dtype}`, laterSince(node, opset));
    }
    bound.set(parameter.type, dtype);
  };
  inputs.forEach((value, i) => {
    check("input", version.inputs, value, i);
  });
  node.outputs.forEach((value, i) => {
    check("output", version.outputs, value, i);
  });
}
/** The next later opset in which the op has another form. */
const laterSince = (node: Node, opset: number): number | undefined => signatures[node.opType].versions.find((v) => v.since > opset)?.since;

function refusal(node: Node, opset: number, why: string, since: number | undefined): CompileError {
  const help = since === undefined || since <= opset ? "lower the graph for this opset before writing it" : `compile for opset ${since} or later`;
  return userError("opset", `${node.opType} "${node.name}" ${why} in opset ${opset}`, node.location, { help });
}
