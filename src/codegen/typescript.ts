/** A model's inputs and outputs as a TypeScript declaration. */
import { type Dim, isUnknown } from "../ir/dim.ts";
import { printType, type Value } from "../ir/graph.ts";
import { version } from "../version.ts";

/** The inputs and outputs that a session of a model has. */
export interface ModelPorts {
  readonly name: string;
  readonly inputs: readonly Pick<Value, "name" | "type">[];
  readonly outputs: readonly Pick<Value, "name" | "type">[];
}

/**
 * The text of a .d.ts file for `createSession<typeof model>`. It imports nothing, and is the same for the same model. Names in it come from
 * anybody's file: whatever they hold stays within a string or a comment.
 */
export function printModelTypes({ name, inputs, outputs }: ModelPorts): string {
  const typeName = interfaceName(name);
  const types = (ports: ModelPorts["inputs"]): string => ports.map((port) => `${port.name} ${printType(port.type)}`).join(", ");
  return [
    `// Made by striate ${version} from a model's inputs and outputs, for createSession<typeof model>.`,
    "",
    `/** ${comment(`${name}: ${types(inputs)} -> ${types(outputs)}`)} */`,
    `export interface ${typeName} {`,
    ...group("inputs", inputs),
    ...group("outputs", outputs),
    "}",
    `declare const model: ${typeName};`,
    "export default model;",
    "",
  ].join("\n");
}

const group = (title: string, ports: ModelPorts["inputs"]): readonly string[] => [
  `  readonly ${title}: {`,
  ...ports.map(
    ({ name, type }) =>
      `    readonly ${key(name)}: { readonly dtype: "${type.dtype}"; readonly shape: [${type.shape.map(dim).join(", ")}] };`,
  ),
  "  };",
];
/** A number, the text of a size with a name, or `number` where nothing is known. */
const dim = (d: Dim): string => (typeof d === "number" ? String(d) : isUnknown(d) ? "number" : quoted(d));
const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name));
/** A string literal of printable ASCII. */
const quoted = (text: string): string => JSON.stringify(text).replace(unprintable, escaped);
const unprintable = /[^\x20-\x7e]/g;
const escaped = (ch: string): string => `\\u${ch.charCodeAt(0).toString(16).padStart(4, "0")}`;
const comment = (text: string): string => text.replaceAll("*/", "*\\/").replace(unprintable, escaped);

/** A name in PascalCase that TypeScript takes: "torch_jit" is TorchJit, and what has no letters is Model. */
function interfaceName(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  const joined = words.join("");
  return /^[A-Za-z]/.test(joined) ? joined : `Model${joined}`;
}
