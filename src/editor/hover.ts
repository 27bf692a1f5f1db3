/** What is shown over a call of a layer, in Markdown. */
import type { CallFacts, LayerFact } from "./call-facts.ts";

/** 1234567 as 1 234 567; a symbolic figure as it is. */
export const grouped = (n: number | string): string => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, " ");

const mostShown = 6;

/** The Markdown of a call. */
export function hoverText(facts: CallFacts): string {
  const { layers } = facts;
  if (layers.length === 0) return shapesText(facts);
  const kinds = distinctLayers(layers);
  const shown = kinds.slice(0, mostShown).map(({ layer, names }) => layerText(layer, names));
  const rest = kinds.length - shown.length;
  return [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join("\n\n---\n\n");
}

function shapesText({ call, shapes }: CallFacts): string {
  const list = [...new Set(shapes)].slice(0, mostShown);
  return [`**${call.name}** gives`, ...list.map((shape) => `- \`${shape}\``)].join("\n");
}

/** Calls that differ in nothing but their names are told together. */
function distinctLayers(layers: readonly LayerFact[]): readonly { readonly layer: LayerFact; readonly names: readonly string[] }[] {
  const kinds = new Map<string, { layer: LayerFact; names: string[] }>();
  for (const layer of layers) {
    const key = JSON.stringify({ ...layer, name: "", field: "" });
    const known = kinds.get(key);
    if (known === undefined) kinds.set(key, { layer, names: [layer.name] });
    else known.names.push(layer.name);
  }
  return [...kinds.values()];
}

function layerText(layer: LayerFact, names: readonly string[]): string {
  const listed = names.slice(0, 4).map((name) => `\`${name}\``);
  const title = `**${layer.label}** ${listed.join(", ")}${names.length > 4 ? ` and ${names.length - 4} more` : ""}`;
  const shapes = `\`${layer.inputs.join(" , ")} -> ${layer.output}\``;
  const rows = [
    ...layer.sums.map((sum) => `\`${sum}\``),
    ...(layer.parameters === 0 ? [] : [`parameters: ${grouped(layer.parameters)}`]),
    ...(layer.macs === 0 ? [] : [`MACs: ${grouped(layer.macs)}`]),
    ...(layer.field === "" ? [] : [`receptive field: ${layer.field}`]),
    `ONNX: ${[...new Set(layer.ops)].join(", ")}`,
  ];
  return [title, "", shapes, "", ...rows.map((row) => `- ${row}`), "", `\`${layer.formula}\``].join("\n");
}
