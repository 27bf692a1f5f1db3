/** Attributes seen without knowing the op. */
import type { Node } from "./graph.ts";
import type { Attributes, AttributeValue } from "./op-signature.ts";

/** A node's attributes by name. Sound because `OpAttributes` is generated from signatures whose kinds are those of `AttributeValue`. */
export const attributesOf = (node: Node): Attributes => node.attributes as Attributes;

/** True when a value is an attribute's default. */
export function isDefault(value: AttributeValue, fallback: number | string | readonly number[] | undefined): boolean {
  if (!Array.isArray(fallback)) return Object.is(value, fallback);
  return Array.isArray(value) && value.length === fallback.length && value.every((v, i) => Object.is(v, fallback[i]));
}
