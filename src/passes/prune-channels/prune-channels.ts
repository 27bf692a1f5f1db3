/** Removes channels that are constant or that nobody reads, with the filters that make them and the weights that would read them. */
import { GraphBuilder } from "../../ir/builder.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import type { OpType } from "../../ir/op-types.ts";
import { reductions } from "../../ir/ops/reduction-axes.ts";
import { eliminateDeadCode } from "../cleanup/dead-code-elimination.ts";
import { copyInterface, copyNode, copyOutputs, mapped, type ValueMap } from "../copy-graph.ts";
import { linearOps } from "../linear/fold-affine.ts";
import { type Applied, contextOf, isOneOf, type Pass, type PassControl, type RewriteContext, unchanged } from "../rewrite.ts";
import { type Liveness, livenessOf, type Pin, type Related } from "./channel-liveness.ts";
import type { Pruned, RelationOutcome, RelationRule } from "./channel-relation.ts";
import { type Channels, type ChannelTable, channelTable } from "./channel-table.ts";
import { mixing } from "./mixing-relations.ts";
import { gathering, joining, measuring, regrouping, regroupingOps, slicing, splitting, transposing } from "./movement-relations.ts";
import { normalization, pointwise, pointwiseOps } from "./pointwise-relations.ts";
import { refusalsOf } from "./refusals.ts";
import { padding, pooling, poolOps, reduction, resizing } from "./spatial-relations.ts";
import { isSubject } from "./subjects.ts";

const rule = "prune-channels";

/**
 * The graph without channels that are zero (or another constant, which goes into the next bias) whatever the inputs are, and without those
 * that no output depends on: the structured sparsity that pruning leaves behind. Inputs and outputs of the graph keep their shapes.
 *
 * A constant is one for finite activations: 0 times infinity counts as 0.
 */
export const pruneChannels: Pass = (given, control = {}) => {
  // What is dead needs no channels at all.
  const { graph } = eliminateDeadCode(given);
  const context = contextOf(graph);
  if (!graph.nodes.some((node) => isSubject(node, context))) return unchanged(given);
  const found = channelsOf(graph, context);
  const { live, applied } = settled(found, context, control);
  const skipped = refusalsOf(found.table, found.related, live);
  if (applied.length === 0) return unchanged(given, skipped);
  return { graph: eliminateDeadCode(withoutIdle(graph, found, live)).graph, applied, skipped };
};

/** What is known of the channels of a graph. */
interface Found {
  readonly table: ChannelTable;
  readonly related: readonly Related[];
  readonly pins: readonly Pin[];
}
/** Each rule with the ops that it is about. */
const rules: readonly {
  readonly opTypes: readonly OpType[];
  relate(node: Node, table: ChannelTable, context: RewriteContext): RelationOutcome;
}[] = [
  about(linearOps, mixing),
  about(pointwiseOps, pointwise),
  about(["BatchNormalization", "InstanceNormalization"], normalization),
  about(poolOps, pooling),
  about(reductions, reduction),
  about(["Resize"], resizing),
  about(["Pad"], padding),
  about(["Concat"], joining),
  about(["Split"], splitting),
  about(["Slice"], slicing),
  about(["Gather"], gathering),
  about(["Transpose"], transposing),
  about(regroupingOps, regrouping),
  about(["Shape"], measuring),
];
function about<T extends OpType>(opTypes: readonly T[], rule: RelationRule<Node<T>>): (typeof rules)[number] {
  return { opTypes, relate: (node, table, context) => (isOneOf(node, opTypes) ? rule(node, table, context) : null) };
}
const byOp = new Map(rules.flatMap(({ opTypes, relate }) => opTypes.map((opType) => [opType, relate] as const)));

function channelsOf(graph: Graph, context: RewriteContext): Found {
  const table = channelTable();
  const related: Related[] = [];
  const pins: Pin[] = [];
  for (const node of graph.nodes) {
    const outcome = byOp.get(node.opType)?.(node, table, context) ?? null;
    if (outcome !== null && !("skip" in outcome)) {
      relate({ node, relation: outcome }, table);
      related.push({ node, relation: outcome });
      pins.push(...pinsOf(outcome.whole, node, "its channels are broadcast", table));
    } else pins.push(...pinsOf(node.inputs, node, outcome?.skip ?? "it is no op of single channels", table));
  }
  for (const output of graph.outputs) {
    const channels = table.of(output);
    if (channels !== null) pins.push({ channels, cause: { node: null, reason: `"${output.name}" is an output of the graph` } });
  }
  return { table, related, pins };
}
function pinsOf(values: readonly (Value | null)[], node: Node, why: string, table: ChannelTable): readonly Pin[] {
  const cause = { node, reason: `${node.opType} "${node.name}" takes its input as it is: ${why}` };
  return values.flatMap((value) => {
    const channels = table.of(value);
    return channels === null ? [] : [{ channels, cause }];
  });
}
/** Enters the outputs of a node into the table, with their ties and constants. */
function relate({ relation }: Related, table: ChannelTable): void {
  const outputs = relation.outputs.map(({ value, axis, count }) => table.add(value, axis, count));
  for (const { input, output, pairs, from, to } of relation.ties) {
    const made = outputs[output];
    if (made !== undefined) for (let n = 0; n < pairs; n++) table.tie(input.first + from(n), made.first + to(n));
  }
  outputs.forEach(({ first, count }, output) => {
    for (let c = 0; c < count; c++) {
      const content = relation.constant(output, c);
      // Infinities do not add up in another order.
      if (Number.isFinite(content)) table.setConstant(first + c, content);
    }
  });
}

/** The liveness after all changes that are accepted: the filters of those that are not stay. */
function settled(
  { table, related, pins }: Found,
  context: RewriteContext,
  { accept = () => true }: PassControl,
): { readonly live: Liveness; readonly applied: readonly Applied[] } {
  const isRead = (value: Value): boolean => context.readers(value).length > 0 || context.isOutput(value);
  const refused: Pin[] = [];
  for (;;) {
    const live = livenessOf(table, related, [...pins, ...refused], isRead);
    const changed = related.filter(
      ({ node, relation }) => relation.mix !== null && outputsOf(node, table).some((own) => keptOf(own, live) !== null),
    );
    const unwanted = changed.filter(({ node }) => !accept(entry(node)));
    if (unwanted.length === 0) return { live, applied: changed.map(({ node }) => entry(node)) };
    for (const { node } of unwanted) {
      const cause = { node, reason: "it was asked to stay" };
      refused.push(...outputsOf(node, table).map((channels) => ({ channels, cause })));
    }
  }
}
const entry = (node: Node): Applied => ({ rule, node: node.name, location: node.location });
const outputsOf = (node: Node, table: ChannelTable): readonly Channels[] => node.outputs.flatMap((v) => table.of(v) ?? []);

/** The channels that stay, null where all do. */
function keptOf({ first, count }: Channels, live: Liveness): readonly number[] | null {
  if (live.areLive(first, count)) return null;
  return Array.from({ length: count }, (_, c) => c).filter((c) => live.isLive(first + c));
}

/** The graph without the channels that can go. */
function withoutIdle(graph: Graph, { table, related }: Found, live: Liveness): Graph {
  const b = new GraphBuilder(graph.name);
  const map: ValueMap = copyInterface(b, graph);
  const keeps = new Map([...table.all()].map((channels) => [channels.value, keptOf(channels, live)]));
  const pruned: Pruned = { kept: (value) => keeps.get(value) ?? null, value: (old) => mapped(map, old) };
  const relations = new Map(related.map(({ node, relation }) => [node, relation]));
  for (const node of graph.nodes) {
    const relation = relations.get(node);
    const isTouched = [...node.inputs, ...node.outputs].some((v) => v !== null && pruned.kept(v) !== null);
    if (relation === undefined || !isTouched) {
      copyNode(b, node, map);
      continue;
    }
    const made = b.from(node, () => relation.rebuild(b, pruned));
    node.outputs.forEach((old, i) => {
      const value = made[i];
      if (old !== null && value) map.set(old, value);
    });
  }
  copyOutputs(b, graph, map);
  return b.build();
}
