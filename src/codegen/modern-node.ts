/**
 * A node of an older opset in today's form. An op's `upgrade` rule does what only that op knows; what the signatures alone can tell is
 * done here: attributes that have become inputs, defaults that have changed, and attributes that no longer exist and say nothing.
 */
import { isDefault } from "../ir/attributes.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import { userError } from "../ir/diagnostic.ts";
import type { Value } from "../ir/graph.ts";
import { type OldNode, RuleFault } from "../ir/op-schema.ts";
import { type Attributes, type AttributeValue, type SignatureVersion, versionAt } from "../ir/op-signature.ts";
import { type OpAttributes, type OpType, signatures } from "../ir/op-types.ts";
import { schemaOf } from "../ir/ops/index.ts";

/** Before opset 6, ops told which buffers they overwrite; it says nothing of the result. */
const meaningless: ReadonlySet<string> = new Set(["consumed_inputs"]);

/** Adds the node in today's form and gives its outputs. Throws a CompileError when the opset does not have the op, or the node breaks its rules. */
export function addModernNode(b: GraphBuilder, old: OldNode, outputNames: readonly (string | null)[]): readonly (Value | null)[] {
  const { versions } = signatures[old.opType];
  const version = versionAt(signatures[old.opType], old.opset);
  const newest = versions.at(-1);
  const { upgrade } = schemaOf(old.opType);
  try {
    if (version === undefined || newest === undefined) {
      throw new RuleFault("opset", `the op comes with opset ${versions[0]?.since ?? "?"}, and the model uses opset ${old.opset}`);
    }
    checkRequired(old, version);
    return b.from(old, () => {
      const upgraded = upgrade === "none" ? "keep" : upgrade(b, old);
      if (upgraded !== "keep") return upgraded;
      const { inputs, attributes } = modernForm(b, old, version, newest);
      const name = old.name === "" ? {} : { name: old.name };
      return b.addNode(old.opType, inputs, uncheckedAttributes(attributes), { ...name, location: old.location, outputs: outputNames })
        .outputs;
    });
  } catch (error) {
    const message = `${old.opType} "${old.name === "" ? (outputNames[0] ?? "") : old.name}": ${error instanceof Error ? error.message : ""}`;
    if (error instanceof RuleFault)
      throw userError(error.code, message, old.location, error.help === undefined ? {} : { help: error.help });
    // JavaScript's own limits, met with the numbers of a file that no program wrote in earnest.
    if (error instanceof RangeError) throw userError("op-range", message, old.location);
    throw error;
  }
}
/** Upgrade rules count on the inputs that the node's own version requires. */
function checkRequired({ inputs }: OldNode, version: SignatureVersion): void {
  const missing = version.inputs.findIndex((parameter, i) => parameter.option === "single" && (inputs[i] ?? null) === null);
  if (missing >= 0) throw new RuleFault("op-arity", `input ${missing} ("${version.inputs[missing]?.name ?? missing}") is missing`);
}
/** Sound because the builder checks every attribute against the op's signature. */
const uncheckedAttributes = (attributes: Attributes): Partial<OpAttributes[OpType]> => attributes as Partial<OpAttributes[OpType]>;

interface Form {
  readonly inputs: readonly (Value | null)[];
  readonly attributes: Attributes;
}
function modernForm(b: GraphBuilder, old: OldNode, version: SignatureVersion, newest: SignatureVersion): Form {
  const inputs = [...old.inputs];
  const attributes: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(old.attributes)) {
    const input = newest.inputs.findIndex((parameter) => parameter.name === name);
    if (newest.attributes[name] !== undefined) attributes[name] = value;
    else if (version.attributes[name] !== undefined && input >= old.inputs.length && isNumeric(value)) {
      while (inputs.length < input) inputs.push(null);
      inputs[input] = b.constant(kindOfInput(newest, input, version.attributes[name].kind), value);
    } else if (!meaningless.has(name) && !(version.attributes[name] !== undefined && isDefault(value, version.attributes[name].default)))
      attributes[name] = value;
  }
  for (const [name, { default: fallback }] of Object.entries(version.attributes)) {
    const today = newest.attributes[name];
    if (attributes[name] === undefined && today !== undefined && fallback !== undefined && !isDefault(fallback, today.default))
      attributes[name] = fallback;
  }
  return { inputs, attributes };
}
const isNumeric = (value: AttributeValue): value is number | readonly number[] =>
  typeof value === "number" || (Array.isArray(value) && value.every((v) => typeof v === "number"));
/** The element type for a constant at an input: the one that the input takes where it takes only one. */
function kindOfInput(newest: SignatureVersion, index: number, kind: string): "int64" | "float32" {
  const type = newest.inputs[index]?.type ?? "";
  const allowed = newest.types[type] ?? [type];
  return allowed.includes("int64") && kind.startsWith("int") ? "int64" : "float32";
}
