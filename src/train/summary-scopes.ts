/** The layers of a model as a tree of scopes. */
import { scopeLabel, scopePath } from "../ir/scope-names.ts";
import { joinedCost, type ModelSummary, type SummaryCost, type SummaryRow } from "./summarize.ts";

/** A scope: what a model calls by one name, such as a stage or a block. */
export interface SummaryScope {
  /** The whole name, `layer1.0`. */
  readonly name: string;
  /** What its parent does not say: `0`. */
  readonly label: string;
  /** Scopes and layers, in the order in which they first run. */
  readonly parts: readonly SummaryPart[];
  /** Of all layers below. */
  readonly cost: SummaryCost;
  /** The layer that runs last: the scope's output and receptive field are its. */
  readonly last: SummaryRow;
}
/** What a scope is made of. */
export type SummaryPart =
  | { readonly kind: "scope"; readonly scope: SummaryScope }
  | { readonly kind: "layer"; readonly label: string; readonly layer: SummaryRow };

/** A summary's layers, nested as their names say. */
export const scopesOf = ({ rows }: Pick<ModelSummary, "rows">): readonly SummaryPart[] =>
  partsOf(
    rows.map((layer) => ({ layer, path: scopePath(layer.name) })),
    0,
  );

interface PlacedRow {
  readonly layer: SummaryRow;
  /** The names of the scopes from the outside in, whole, and of the layer. */
  readonly path: readonly string[];
}

/** The parts of a scope at a depth, of layers that all lie in it. */
function partsOf(rows: readonly PlacedRow[], depth: number): readonly SummaryPart[] {
  const groups = new Map<string, PlacedRow[]>();
  rows.forEach((row, i) => {
    const name = row.path[depth];
    // A layer of this very scope stands alone, whatever else has its name.
    const key = row.path.length === depth + 1 ? `${i}` : `scope ${name}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  });
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [partOf(group, first, depth)];
  });
}

function partOf(group: readonly PlacedRow[], first: PlacedRow, depth: number): SummaryPart {
  const name = first.path[depth] ?? first.layer.name;
  const label = scopeLabel(name, first.path[depth - 1]);
  if (first.path.length === depth + 1) return { kind: "layer", label, layer: first.layer };
  const layers = group.map(({ layer }) => layer);
  const scope = { name, label, parts: partsOf(group, depth + 1), cost: joinedCost(layers), last: layers.at(-1) ?? first.layer };
  return { kind: "scope", scope };
}
