/** Tensors and numbers in the text form of graphs. */
import { dtypes } from "./dtype.ts";
import type { TensorType } from "./graph.ts";
import type { SourceLocation } from "./location.ts";
import { staticShape } from "./shape.ts";
import { arrayOf, type TensorData, tensorFrom } from "./tensor-data.ts";
import type { Tokens } from "./tokens.ts";

/** The elements of a tensor whose type has been read: `{1, 2}`, or base64 in quotes. Throws a CompileError on others than the type asks for. */
export function parseTensor(tokens: Tokens, { dtype, shape }: TensorType): TensorData {
  const place = tokens.place();
  const sizes = staticShape(shape);
  if (sizes === null) throw tokens.fail("the sizes of a tensor with contents are numbers", place);
  const count = sizes.reduce((product, d) => product * d, 1);
  const base64 = dtype === "string" ? null : tokens.quoted();
  if (base64 !== null) {
    const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
    if (bytes.length !== count * dtypes[dtype].size)
      throw tokens.fail(`the tensor holds ${bytes.length} bytes, and its type asks for ${count * dtypes[dtype].size}`, place);
    return { dtype, shape: sizes, data: arrayOf(dtype, bytes) };
  }
  const texts = elements(tokens, dtype === "string");
  if (texts.length !== count) throw tokens.fail(`the tensor holds ${texts.length} elements, and its type asks for ${count}`, place);
  if (dtype === "string") return { dtype, shape: sizes, data: texts };
  if (dtype === "int64" || dtype === "uint64") {
    const big = texts.map((text) => bigFrom(tokens, text, place));
    return { dtype, shape: sizes, data: dtype === "int64" ? BigInt64Array.from(big) : BigUint64Array.from(big) };
  }
  return tensorFrom(
    dtype,
    sizes,
    texts.map((text) => numberFrom(tokens, text, place)),
  );
}
function elements(tokens: Tokens, strings: boolean): readonly string[] {
  const out: string[] = [];
  tokens.expect("{");
  while (!tokens.take("}")) {
    if (out.length > 0) tokens.expect(",");
    const text = strings ? tokens.quoted() : tokens.word("a number");
    if (text === "...") throw tokens.fail("the contents of this tensor were left out when the graph was printed");
    if (text === null) throw tokens.fail("wanted a text in quotes");
    out.push(text);
  }
  return out;
}

/** A number. Throws a CompileError on anything else. */
export function parseNumber(tokens: Tokens): number {
  const place = tokens.place();
  return numberFrom(tokens, tokens.word("a number"), place);
}
const named: ReadonlyMap<string, number> = new Map([
  ["inf", Infinity],
  ["-inf", -Infinity],
  ["nan", Number.NaN],
]);
function numberFrom(tokens: Tokens, text: string, place: SourceLocation): number {
  const value = named.get(text) ?? (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : null);
  if (value === null) throw tokens.fail(`"${text}" is not a number`, place);
  return value;
}
function bigFrom(tokens: Tokens, text: string, place: SourceLocation): bigint {
  if (!/^-?\d+$/.test(text)) throw tokens.fail(`"${text}" is not a whole number`, place);
  return BigInt(text);
}
