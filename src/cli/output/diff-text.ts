/** A comparison of two models as text. */
import type { Dim } from "../../ir/dim.ts";
import { type Graph, type Node, printType, type TensorType } from "../../ir/graph.ts";
import { printLocation } from "../../ir/location.ts";
import { scopePath } from "../../ir/scope-names.ts";
import { printShape } from "../../ir/shape.ts";
import {
  type AxisReceptiveField,
  areSame,
  type Change,
  type Costs,
  type Difference,
  type GraphComparison,
  isNumbered,
  type NodeChange,
  type OutputField,
  type PortChange,
  type WeightChange,
} from "../../passes/index.ts";
import { fieldText } from "../../train/summarize.ts";
import type { OutputComparison, OutputsComparison } from "../running/compare-outputs.ts";
import { columns } from "./table.ts";
import { byteCount, grouped, harmless, outColors } from "./terminal.ts";

/** What is told. */
export interface DiffToTell {
  readonly before: { readonly spec: string; readonly name: string; readonly graph: Graph };
  readonly after: { readonly spec: string; readonly name: string; readonly graph: Graph };
  readonly graphs: GraphComparison;
  readonly outputs: OutputsComparison | null;
  /** True to list every change; else the first of each kind, and how many more there are. */
  readonly all: boolean;
}

/** How many changes of a kind are listed. */
const mostListed = 24;

/** The whole comparison, a paragraph for each kind of change. */
export function diffText({ before, after, graphs, outputs, all }: DiffToTell): string {
  const most = all ? Number.POSITIVE_INFINITY : mostListed;
  const c = outColors();
  const title = `${c.bold(harmless(before.spec))} (${harmless(before.name)}) → ${c.bold(harmless(after.spec))} (${harmless(after.name)})\n`;
  const verdict = areSame(graphs) ? "the graphs are the same: names, nodes, shapes and weights\n" : "";
  return [
    `${title}${verdict}`,
    portsText(graphs.ports),
    nodesText(graphs, most),
    weightsText(graphs, most),
    costText(graphs),
    outputsText(outputs),
  ]
    .filter((text) => text !== "")
    .join("\n");
}

const heading = (text: string, remark = ""): string => `${outColors().bold(text)}${remark === "" ? "" : `  ${outColors().dim(remark)}`}\n`;
type Mark = "+" | "-" | "~" | "→" | "=";
function marked(mark: Mark): string {
  const c = outColors();
  return { "+": c.green, "-": c.red, "~": c.yellow, "→": c.cyan, "=": c.dim }[mark](mark);
}

const listing = (rows: readonly (readonly string[])[], aligns: readonly ("left" | "right")[] = []): string =>
  columns(rows, { aligns, indent: "  " });
/** The first rows, and how many more there are. */
function listed<T>(items: readonly T[], most: number, row: (item: T) => readonly string[]): string {
  if (items.length === 0) return "";
  const surplus = items.length - most;
  const more = surplus > 0 ? `  ${outColors().dim(`and ${surplus} more: --all lists them`)}\n` : "";
  return `${listing((surplus > 0 ? items.slice(0, most) : items).map(row))}${more}`;
}
/** As `listed`, but what would be too long a list stands as scopes with the number of names in each. */
function listedByScope<T extends { readonly name: string }>(
  items: readonly T[],
  most: number,
  mark: Mark,
  row: (item: T) => readonly string[],
): string {
  if (items.length <= most) return listed(items, most, row);
  const scopes = new Map<string, T[]>();
  for (const item of items) scopes.set(scopeOf(item.name), [...(scopes.get(scopeOf(item.name)) ?? []), item]);
  const shown = [...scopes].flatMap(([scope, inner]): readonly (readonly string[])[] =>
    scope === "" || inner.length === 1 ? inner.map(row) : [[marked(mark), `${harmless(scope)}.*`, `${inner.length} in it`]],
  );
  return listed(shown, most, (cells) => cells);
}
const scopeOf = (name: string): string => scopePath(name).at(-2) ?? "";

const typeText = (type: TensorType | null): string => (type === null ? "" : harmless(printType(type)));
const arrow = (before: string, after: string): string => (before === after ? before : `${before} → ${after}`);

function portsText(ports: readonly PortChange[]): string {
  if (ports.length === 0) return "";
  const row = ({ what, name, type }: PortChange): readonly string[] => {
    const mark = name.before === null ? "+" : name.after === null ? "-" : "~";
    const names = arrow(harmless(name.before ?? name.after ?? ""), harmless(name.after ?? name.before ?? ""));
    const types = mark === "~" ? arrow(typeText(type.before), typeText(type.after)) : typeText(type.before ?? type.after);
    return [marked(mark), what, names, types];
  };
  return heading("inputs and outputs") + listing(ports.map(row));
}

function nodesText({ added, removed, changed, same }: GraphComparison, most: number): string {
  const altered = changed.filter(isAltered);
  const resized = changed.filter((change) => !isAltered(change) && change.types.length > 0);
  const renames = renamesOf(changed);
  const counts = [
    `${added.length} added`,
    `${removed.length} removed`,
    `${altered.length + resized.length} changed`,
    `${changed.filter((change) => change.isRenamed).length} renamed`,
    `${same} the same`,
  ];
  const shown = (mark: Mark) => (node: Node) => [
    marked(mark),
    harmless(node.name),
    node.opType,
    typeText(firstType(node)),
    outColors().dim(harmless(printLocation(node.location))),
  ];
  return [
    heading("nodes", counts.join(", ")),
    listedByScope(removed, most, "-", shown("-")),
    listedByScope(added, most, "+", shown("+")),
    listed(altered, most, (change) => [marked("~"), nameOf(change), change.after.opType, changesText(change)]),
    resized.length === 0 ? "" : `  ${outColors().dim("the same but for their shapes")}\n`,
    listed(resized, most, (change) => [marked("~"), nameOf(change), change.after.opType, changesText(change)]),
    renames.length === 0 ? "" : `  ${outColors().dim("renamed")}\n`,
    listed(renames, most, ({ before, after, count }) => [
      marked("→"),
      `${harmless(before)} → ${harmless(after)}`,
      count === 1 ? "" : `${count} nodes`,
    ]),
  ].join("");
}
const firstType = (node: Node): TensorType | null => node.outputs.find((value) => value !== null)?.type ?? null;
const isAltered = ({ op, attributes, reads }: NodeChange): boolean => op !== null || attributes.length > 0 || reads !== null;
const nameOf = ({ before, after }: NodeChange): string => arrow(harmless(before.name), harmless(after.name));

/** No longer than a terminal's line has room for. */
const short = (text: string, most = 60): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
function changesText({ op, attributes, types, reads }: NodeChange): string {
  const value = (text: string | null): string => (text === null ? "default" : short(harmless(text)));
  return [
    ...(op === null ? [] : [`op ${arrow(op.before, op.after)}`]),
    ...attributes.map(({ name, before, after }) => `${harmless(name)} ${value(before)} → ${value(after)}`),
    ...types.map(({ before, after }) =>
      before.dtype === after.dtype ? arrow(printShape(before.shape), printShape(after.shape)) : arrow(typeText(before), typeText(after)),
    ),
    ...(reads === null ? [] : [`reads ${arrow(short(harmless(reads.before.join(", "))), short(harmless(reads.after.join(", "))))}`]),
  ].join("; ");
}

interface Rename {
  readonly before: string;
  readonly after: string;
  readonly count: number;
}
/** Renames with what they have in common: `layer1.* → stage1.*` for all nodes below; counters that moved on are one. */
function renamesOf(changed: readonly NodeChange[]): readonly Rename[] {
  const groups = new Map<string, { before: string; after: string; names: readonly [string, string]; count: number }>();
  for (const { before, after, isRenamed } of changed) {
    if (!isRenamed) continue;
    const [x, y] = withoutCommonEnd(before.name, after.name);
    const key = `${x}\n${y}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { before: x, after: y, names: [before.name, after.name], count: 1 });
    else known.count++;
  }
  const shown = [...groups.values()].map(({ before, after, names, count }) =>
    count === 1 || (before === names[0] && after === names[1])
      ? { before: names[0], after: names[1], count }
      : { before: before === "" ? "*" : `${before}.*`, after: after === "" ? "*" : `${after}.*`, count },
  );
  const counters = shown.filter(({ before, after, count }) => count === 1 && stemOf(before) === stemOf(after));
  if (counters.length < 2) return shown;
  const [first] = counters;
  const rest = shown.filter((rename) => !counters.includes(rename));
  return first === undefined
    ? shown
    : [...rest, { before: first.before, after: `${first.after} and other counters`, count: counters.length }];
}
/** Two dotted names without the parts at the end that they share. */
function withoutCommonEnd(before: string, after: string): readonly [string, string] {
  const [x, y] = [before.split("."), after.split(".")];
  while (x.length > 1 && y.length > 1 && x.at(-1) === y.at(-1)) {
    x.pop();
    y.pop();
  }
  return [x.join("."), y.join(".")];
}
const stemOf = (name: string): string => (isNumbered(name) ? name.replace(/[_:]?\d+$/, "") : name);

/** 0.000123 as 1.23e-4. */
const figure = (n: number): string =>
  n === 0 || !Number.isFinite(n) ? String(n) : n >= 1e-3 && n < 1e5 ? String(Number(n.toPrecision(4))) : n.toExponential(2);
const differenceText = ({ absolute, relative }: Difference): string =>
  absolute === 0 ? "equal" : `largest difference ${figure(absolute)}, ${figure(relative)} of the largest`;

function weightsText({ weights, sameWeights }: GraphComparison, most: number): string {
  const of = (kind: WeightChange["kind"]): readonly WeightChange[] => weights.filter((change) => change.kind === kind);
  const kinds = ["changed", "reshaped", "removed", "added", "renamed"] as const;
  const words = { changed: "changed", reshaped: "of another shape", removed: "removed", added: "added", renamed: "renamed" } as const;
  const marks = { changed: "~", reshaped: "~", removed: "-", added: "+", renamed: "→" } as const;
  const counts = [
    `${sameWeights} identical`,
    ...kinds.flatMap((kind) => (of(kind).length === 0 ? [] : [`${of(kind).length} ${words[kind]}`])),
  ];
  const row = ({ kind, before, after, difference }: WeightChange): readonly string[] => [
    marked(marks[kind]),
    arrow(harmless(before?.name ?? after?.name ?? ""), harmless(after?.name ?? before?.name ?? "")),
    arrow(typeText(before ?? after), typeText(after ?? before)),
    difference === null ? "" : differenceText(difference),
  ];
  const named = (kind: WeightChange["kind"]) => of(kind).map((change) => ({ change, name: (change.before ?? change.after)?.name ?? "" }));
  const body = kinds.map((kind) => listedByScope(named(kind), most, marks[kind], ({ change }) => row(change)));
  return heading("weights", counts.join(", ")) + body.join("");
}

function costText({ cost: { before, after }, receptiveFields }: GraphComparison): string {
  const c = outColors();
  const rows: readonly (readonly [title: string, pick: (costs: Costs) => Dim, print: (n: number) => string])[] = [
    ["nodes", (costs) => costs.nodes, grouped],
    ["parameters", (costs) => costs.parameters, grouped],
    ["MACs", (costs) => costs.macs, grouped],
    ["other operations", (costs) => costs.other, grouped],
    ["weights", (costs) => costs.weightBytes, byteCount],
  ];
  const shown = (value: Dim, print: (n: number) => string): string => (typeof value === "number" ? print(value) : value);
  const body = rows.map(([title, pick, print]) => [
    title,
    shown(pick(before), print),
    shown(pick(after), print),
    deltaText(pick(before), pick(after), print),
  ]);
  const figures = listing([["", c.dim("before"), c.dim("after"), c.dim("change")], ...body], ["left", "right", "right", "right"]);
  return heading("cost") + figures + fieldsText(receptiveFields);
}
function deltaText(before: Dim, after: Dim, print: (n: number) => string): string {
  if (before === after) return outColors().dim("same");
  const [x, y] = [monomial(before), monomial(after)];
  if (x === null || y === null || x.of !== y.of) return "";
  const share = x.times === 0 ? "" : ` (${y.times > x.times ? "+" : ""}${(100 * (y.times / x.times - 1)).toFixed(1)} %)`;
  return `${y.times > x.times ? "+" : "-"}${print(Math.abs(y.times - x.times))}${x.of === "" ? "" : `*${x.of}`}${share}`;
}
/** A number, or a multiple of one symbol; null for longer formulas. */
function monomial(dim: Dim): { readonly times: number; readonly of: string } | null {
  if (typeof dim === "number") return { times: dim, of: "" };
  const [, times, of] = /^(?:(\d+)\*)?([A-Za-z_]\w*)$/.exec(dim) ?? [];
  return of === undefined ? null : { times: Number(times ?? 1), of };
}

function fieldsText({ before, after }: Change<readonly OutputField[]>): string {
  const text = (axes: readonly AxisReceptiveField[] | null): string => (axes === null ? "nothing" : fieldText(axes) || "no axis");
  const rows = before.flatMap(({ output, fields }, i) => {
    const other = after[i];
    return fields.map(({ input, axes }, k) => [
      `${harmless(output)} sees of ${harmless(input)}`,
      arrow(text(axes), text(other?.fields[k]?.axes ?? (other === undefined ? axes : null))),
    ]);
  });
  return rows.length === 0 ? "" : listing(rows);
}

function outputsText(outputs: OutputsComparison | null): string {
  if (outputs === null) return "";
  if (!outputs.ran) return `${heading("outputs")}  not compared: ${harmless(outputs.reason)}\n`;
  const fed = outputs.fed.map(({ name, type }) => `${harmless(name)} ${typeText(type)}`).join(", ");
  const row = ({ before, after, shape, otherShape, difference, agreement }: OutputComparison): readonly string[] => [
    marked(difference?.absolute === 0 ? "=" : "~"),
    arrow(harmless(before), harmless(after)),
    otherShape === null ? printShape(shape) : arrow(printShape(shape), printShape(otherShape)),
    difference === null ? "not comparable" : differenceText(difference),
    agreement === null ? "" : `largest class agrees in ${agreement.same} of ${agreement.of}`,
  ];
  return heading("outputs", `on the same input, ${fed}`) + listing(outputs.outputs.map(row));
}
