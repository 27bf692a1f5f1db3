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
import { microsoftDomain } from "../ir/microsoft-ops.ts";
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

/** A node, and the two versions of its op between which it is put into other words. */
interface Emission {
  readonly node: Node;
  readonly opset: number;
  readonly version: SignatureVersion;
  readonly newest: SignatureVersion;
}

/** The form of a node in an opset. Throws a CompileError when the opset cannot say it, and an InternalError on an op of the compiler's own. */
export function emitNode(node: Node, opset: number): EmittedNode {
  const signature = signatures[node.opType];
  if (signature.domain !== "" && signature.domain !== microsoftDomain) {
    throw new InternalError(`${node.opType} "${node.name}" is an op of the compiler's own: lower the graph before writing it`);
  }
  const version = versionAt(signature, opset);
  const newest = signature.versions.at(-1);
  if (version === undefined || newest === undefined) {
    throw refusal(node, opset, `the op comes with opset ${signature.versions[0]?.since ?? "?"}`, () => true);
  }
  const emission: Emission = { node, opset, version, newest };
  const inputs = node.inputs.filter((_, i) => parameterAt(version.inputs, i) !== undefined);
  const kept = inputs.slice(0, inputs.findLastIndex((v) => v !== null) + 1);
  const attributes = { ...attributesOf(node), ...movedInputs(emission) };
  checkPresent(emission, attributes);
  checkTypes(emission, kept);
  return { node, inputs: kept, attributes: Object.entries(attributes).flatMap(([name, value]) => emitAttribute(emission, name, value)) };
}

/** Inputs that the version does not have, as the attributes of the same names that it has. */
function movedInputs({ node, opset, version, newest }: Emission): Readonly<Record<string, AttributeValue>> {
  const moved: Record<string, AttributeValue> = {};
  node.inputs.forEach((value, i) => {
    if (value === null || parameterAt(version.inputs, i) !== undefined) return;
    const name = parameterAt(newest.inputs, i)?.name ?? `${i}`;
    const schema = version.attributes[name];
    const hasInput = (v: SignatureVersion): boolean => parameterAt(v.inputs, i) !== undefined;
    if (schema === undefined) throw refusal(node, opset, `version ${version.since} of the op has no input "${name}"`, hasInput);
    const attribute = asAttribute(value, schema);
    if (attribute === null)
      throw refusal(node, opset, `it takes "${name}" as an attribute there, and the value is computed in the graph`, hasInput);
    moved[name] = attribute;
  });
  return moved;
}
/** Known contents as an attribute's value, or null. */
function asAttribute(value: Value, { kind }: AttributeSchema): AttributeValue | null {
  const { elements } = value;
  if (elements === null || !elements.every((e) => typeof e === "number")) return null;
  if (kind === "ints" || kind === "floats") return elements;
  return (kind === "int" || kind === "float") && elements.length === 1 ? (elements[0] ?? null) : null;
}

function emitAttribute({ node, opset, version, newest }: Emission, name: string, value: AttributeValue): readonly EmittedAttribute[] {
  const schema = version.attributes[name];
  if (schema === undefined) {
    if (isDefault(value, newest.attributes[name]?.default)) return [];
    throw refusal(
      node,
      opset,
      `version ${version.since} of the op has no attribute "${name}", which is ${printValue(value)}`,
      (v) => v.attributes[name] !== undefined,
    );
  }
  return isDefault(value, schema.default) ? [] : [{ name, kind: schema.kind, value }];
}
const printValue = (value: AttributeValue): string =>
  typeof value === "object" && !Array.isArray(value) ? "a tensor or graph" : JSON.stringify(value);

function checkPresent({ node, opset, version }: Emission, attributes: Readonly<Record<string, AttributeValue>>): void {
  for (const [name, schema] of Object.entries(version.attributes)) {
    if (schema.required && attributes[name] === undefined) {
      throw refusal(
        node,
        opset,
        `version ${version.since} of the op needs the attribute "${name}"`,
        (v) => v.attributes[name]?.required !== true,
      );
    }
  }
  const last = node.outputs.findLastIndex((v) => v !== null);
  if (last >= 0 && parameterAt(version.outputs, last) === undefined) {
    throw refusal(
      node,
      opset,
      `version ${version.since} of the op has no output ${last}`,
      (v) => parameterAt(v.outputs, last) !== undefined,
    );
  }
}

function checkTypes({ node, opset, version }: Emission, inputs: readonly (Value | null)[]): void {
  const bound = new Map<string, DType>();
  const check = (kind: "inputs" | "outputs", value: Value | null, i: number): void => {
    const parameter = parameterAt(version[kind], i);
    if (value === null || parameter === undefined) return;
    const { dtype } = value.type;
    const allowed = allowedIn(version, parameter);
    const takes = (v: SignatureVersion): boolean => {
      const other = parameterAt(v[kind], i);
      return other !== undefined && allowedIn(v, other).includes(dtype);
    };
    const what = `${kind === "inputs" ? "input" : "output"} "${parameter.name}"`;
    if (!allowed.includes(dtype)) {
      throw refusal(
        node,
        opset,
        `version ${version.since} of the op takes ${allowed.join(", ")} for its ${what}, and this one is ${dtype}`,
        takes,
      );
    }
    const other = bound.get(parameter.type) ?? dtype;
    if (other !== dtype) {
      const own = (v: SignatureVersion): boolean => parameterAt(v[kind], i)?.type !== parameter.type;
      throw refusal(
        node,
        opset,
        `version ${version.since} of the op wants one type for all its ${parameter.type}, and its ${what} is ${dtype} beside ${other}`,
        own,
      );
    }
    bound.set(parameter.type, dtype);
  };
  for (const [i, value] of inputs.entries()) check("inputs", value, i);
  for (const [i, value] of node.outputs.entries()) check("outputs", value, i);
}
const allowedIn = (version: SignatureVersion, { type }: ParameterSchema): readonly string[] => version.types[type] ?? [type];

/** The error of a node that an opset cannot say; `mended` is true of versions of the op that can. */
function refusal(node: Node, opset: number, why: string, mended: (version: SignatureVersion) => boolean): CompileError {
  const later = signatures[node.opType].versions.find((version) => version.since > opset && mended(version));
  const help =
    later === undefined
      ? "lower the graph for this opset before writing it"
      : `write opset ${later.since} or later, or lower the graph for this one first`;
  return userError("opset", `${node.opType} "${node.name}" cannot be written in opset ${opset}: ${why}`, node.location, { help });
}
