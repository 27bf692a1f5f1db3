/** A profile by layer, by op or by line, with what each part costs and how near it comes to what the machine can do. */

import type { Graph, Node } from "../../ir/graph.ts";
import { printLocation, type SourceLocation } from "../../ir/location.ts";
import { scopePath } from "../../ir/scope-names.ts";
import { cost, flopsIn } from "../../passes/index.ts";
import { isReorder, type KernelTiming, type MachineRoofs, type ModelProfile } from "../../runtime/index.ts";

/** Parts of a training step. */
export type Phase = "forward" | "backward" | "update";
/** A kernel with what it computes, in the words of the model. */
export interface ProfiledKernel {
  /** Null for what onnxruntime adds of its own. */
  readonly phase: Phase | null;
  /** The layer, such as `layer1.0.conv1`; empty for what onnxruntime adds of its own. */
  readonly layer: string;
  /** The ops that it computes, `Conv+Relu`, or the kernel's own where it computes none. */
  readonly op: string;
  readonly isReorder: boolean;
  readonly location: SourceLocation | null;
  readonly nodes: readonly string[];
  readonly microseconds: number;
  /** Operations, 2 for each multiply-add; null where the graph does not tell. */
  readonly flops: number | null;
  readonly bytes: number;
}
/** What is shown of a part of a model. */
export interface ProfileRow {
  readonly label: string;
  readonly op: string;
  readonly line: string;
  readonly kernels: number;
  readonly microseconds: number;
  /** The part of the whole run, from 0 to 1. */
  readonly share: number;
  readonly flops: number;
  readonly bytes: number;
  readonly roof: RoofPlace | null;
}
/** Where a part stands under the roofs. */
export interface RoofPlace {
  /** Operations per byte. */
  readonly intensity: number;
  /** Which of the two holds it back: below the ridge, where both roofs meet, memory does. */
  readonly bound: "compute" | "memory";
  /** What it reaches of what the machine could do at this intensity. Above 1 where what it reads lies in a cache. */
  readonly reached: number;
}

/** How rows are made. */
export interface Grouping {
  readonly by: "layer" | "op" | "line";
  /** How many scopes deep layers are told apart. */
  readonly depth: number;
}

/** The kernels of a profile. `optimizer` is the name that a training graph's updates begin with. */
export function profiledKernels({ kernels }: ModelProfile, graph: Graph, optimizer: string | null): readonly ProfiledKernel[] {
  const costs = new Map(cost(graph).nodes.map((c) => [c.node, flopsIn(c)]));
  return kernels.map((timing) => {
    const { kernel, nodes, main, microseconds, bytes } = timing;
    const flops = nodes.map((node) => costs.get(node) ?? 0);
    const first = heaviest(timing, costs);
    return {
      ...(main === null ? { phase: null, layer: "" } : placeOf(first ?? main, optimizer)),
      op: nodes.length === 0 ? kernel.opType : opsOf(nodes),
      isReorder: isReorder(kernel),
      location: (first ?? main)?.location ?? null,
      nodes: nodes.map((node) => node.name),
      microseconds,
      flops: flops.every((f) => typeof f === "number") ? flops.reduce((sum: number, f) => sum + Number(f), 0) : null,
      bytes,
    };
  });
}
/** The node that a kernel is shown as: the one with the most arithmetic. */
function heaviest({ nodes, main }: KernelTiming, costs: ReadonlyMap<Node, unknown>): Node | null {
  const weight = (node: Node): number => {
    const flops = costs.get(node);
    return typeof flops === "number" ? flops : 0;
  };
  return nodes.reduce<Node | null>((best, node) => (best === null || weight(node) > weight(best) ? node : best), null) ?? main;
}
const mostOps = 4;
function opsOf(nodes: readonly Node[]): string {
  const ops = [...new Set(nodes.map((node) => node.opType))];
  return ops.length <= mostOps ? ops.join("+") : `${ops.slice(0, mostOps).join("+")}+${ops.length - mostOps} more`;
}

/** The layer of a node, and the part of the step that it belongs to: gradients are named `LAYER/grad/...`, updates `OPTIMIZER/PARAMETER/...`. */
function placeOf({ name, opType }: Node, optimizer: string | null): { readonly phase: Phase; readonly layer: string } {
  const [, differentiated] = /^(.+?)\/grad(?:\/|$)/.exec(name) ?? [];
  if (differentiated !== undefined) return { phase: "backward", layer: differentiated };
  if (optimizer !== null && name.startsWith(`${optimizer}/`)) {
    const rest = name.slice(optimizer.length + 1);
    return { phase: "update", layer: rest.slice(0, Math.max(rest.lastIndexOf("/"), 0)) || rest };
  }
  const at = name.lastIndexOf("/");
  return { phase: "forward", layer: at > 0 && name.slice(at + 1).startsWith(opType) ? name.slice(0, at) : name };
}

const groupOf: Readonly<Record<Grouping["by"], (kernel: ProfiledKernel, depth: number) => string>> = {
  layer: ({ phase, layer }, depth) => {
    const path = scopePath(layer);
    const label = path[Math.min(depth, path.length) - 1] ?? layer;
    return phase === "forward" || phase === null ? label : `${label} (${phase})`;
  },
  op: ({ op }) => op,
  line: ({ location }) => (location === null ? "" : printLocation(location)) || "no line",
};

/** The rows of a profile: what the model's parts take, then what onnxruntime does of its own, and what is lost around the kernels. */
export function profileRows(
  profile: ModelProfile,
  kernels: readonly ProfiledKernel[],
  roofs: MachineRoofs | null,
  { by, depth }: Grouping,
): readonly ProfileRow[] {
  const groups = new Map<string, ProfiledKernel[]>();
  for (const kernel of kernels.filter(({ phase }) => phase !== null)) {
    const key = groupOf[by](kernel, depth);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [kernel]);
    else known.push(kernel);
  }
  const rows = [...groups].map(([label, some]) => row(label, some, profile.wall, roofs));
  const ordered = by === "layer" ? rows : rows.sort((a, b) => b.microseconds - a.microseconds);
  const own = kernels.filter(({ phase }) => phase === null);
  const extra = [
    ["changes of layout", own.filter((kernel) => kernel.isReorder)],
    ["onnxruntime's own", own.filter((kernel) => !kernel.isReorder)],
  ] as const;
  return [
    ...ordered,
    ...extra.flatMap(([label, some]) => (some.length === 0 ? [] : [row(label, some, profile.wall, roofs)])),
    overhead("between kernels", profile.between, profile.wall),
    overhead("tensors in and out", profile.outside, profile.wall),
  ];
}
function row(label: string, kernels: readonly ProfiledKernel[], wall: number, roofs: MachineRoofs | null): ProfileRow {
  const total = (pick: (kernel: ProfiledKernel) => number): number => kernels.reduce((sum, kernel) => sum + pick(kernel), 0);
  const sums = { microseconds: total((k) => k.microseconds), flops: total((k) => k.flops ?? 0), bytes: total((k) => k.bytes) };
  const ops = [...new Set(kernels.map(({ op }) => op))];
  const lines = [...new Set(kernels.map(({ location }) => (location === null ? "" : printLocation(location))))].filter((l) => l !== "");
  return {
    label,
    op: ops.length === 1 ? (ops[0] ?? "") : `${ops.length} ops`,
    line: lines.length === 1 ? (lines[0] ?? "") : lines.length === 0 ? "" : `${lines.length} lines`,
    kernels: kernels.length,
    ...sums,
    share: sums.microseconds / wall,
    roof: roofPlace(sums, roofs),
  };
}
const overhead = (label: string, microseconds: number, wall: number): ProfileRow => ({
  label,
  op: "",
  line: "",
  kernels: 0,
  microseconds,
  share: microseconds / wall,
  flops: 0,
  bytes: 0,
  roof: null,
});

/** Where work stands under the roofs; null where nothing was measured, or where it took no time that the profiler could see. */
export function roofPlace(
  { microseconds, flops, bytes }: { readonly microseconds: number; readonly flops: number; readonly bytes: number },
  roofs: MachineRoofs | null,
): RoofPlace | null {
  if (roofs === null || microseconds <= 0 || bytes <= 0) return null;
  const seconds = microseconds / 1e6;
  const intensity = flops / bytes;
  const isMemory = intensity * roofs.bandwidth < roofs.flops;
  const reached = isMemory ? bytes / seconds / roofs.bandwidth : flops / seconds / roofs.flops;
  return { intensity, bound: isMemory ? "memory" : "compute", reached };
}
