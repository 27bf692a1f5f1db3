/** `striate memory`. */
import { availableParallelism } from "node:os";
import { printType, type TensorType, type Value } from "../../ir/graph.ts";
import { nowhere, printLocation, type SourceLocation } from "../../ir/location.ts";
import { type AliveValue, activationMemory, type KeptForBackward, keptForBackward, type MemoryPeak } from "../../passes/index.ts";
import { executedGraphOf, kernelNodes, type MemoryPlan, measuredPeak, planMemory } from "../../runtime/index.ts";
import { type MeasuredFlags, type MeasuredModel, measuredCommand } from "../input/measured-model.ts";
import { naturalNumber } from "../input/usage.ts";
import { table } from "../output/table.ts";
import { byteCount, harmless, outColors, writeJson, writeOut } from "../output/terminal.ts";

interface Flags extends MeasuredFlags {
  readonly measure?: boolean;
  readonly top: number;
}

const examples = `
The first figure is a bound: nodes run in the graph's order, and each value has a buffer from the node that makes it to the last that reads
it. The second is what onnxruntime's CPU provider allocates for the graph that it makes of this one: fused, blocked, written in place and
in buffers that are used again, with what a kernel needs for itself. Weights, and inputs in the second, are the caller's and do not count.

Examples:
  striate memory models/resnet.ts#resnet50 --batch 8
  striate memory models/resnet.ts#resnet50 --batch 8 --mode training --optimizer adam
  striate memory detector.onnx --shape image=1,3,640,640 --measure --json`;

/** Prints how much memory the activations of a model take at most, and which tensors they are. */
export function memoryCommand() {
  const { command, read } = measuredCommand("memory", (c) =>
    c
      .option("--measure", "run the model too, and say what onnxruntime's allocator was asked for")
      .option("--top <n>", "how many tensors are listed", (text) => naturalNumber("--top", text, 1), 15),
  );
  return command.addHelpText("after", examples).action(async (spec: string, flags: Flags) => {
    const model = await read(spec, flags);
    const report = await memoryReport(model, flags.measure === true);
    if (flags.json === true) writeJson(json(model, report));
    else writeOut(text(model, report, flags.top));
  });
}

/** A tensor at the peak of onnxruntime's plan. */
interface HeldBuffer {
  /** The value that lies in it then, by the model's name; null for one of onnxruntime's own. */
  readonly value: Value | null;
  readonly name: string;
  readonly bytes: number;
  readonly isOutput: boolean;
}
interface MemoryReport {
  readonly liveness: MemoryPeak;
  readonly kept: KeptForBackward | null;
  readonly plan: MemoryPlan;
  readonly planNode: string;
  readonly held: readonly HeldBuffer[];
  readonly measured: number | null;
}

async function memoryReport(model: MeasuredModel, measure: boolean): Promise<MemoryReport> {
  const { graph, opset, session, loss, isActivation } = model;
  const { executed, probe } = await executedGraphOf(graph, opset, session);
  const plan = planMemory(executed, { threads: session.intraOpThreads ?? availableParallelism() });
  const { kernels } = kernelNodes(executed, probe);
  const madeBy = (t: number): Value | null => kernels[t]?.nodes.at(-1)?.outputs[0] ?? kernels[t]?.main?.outputs[0] ?? null;
  const held = plan.buffers
    .filter(({ from, to }) => from <= plan.peak && plan.peak <= to)
    .map(({ values, value: first, bytes, isOutput }) => {
      // Of the values that lie in the buffer one after the other, the last that has been made by then.
      const makers = values.map((name) => executed.nodes.findIndex((node) => node.outputs.includes(name)));
      const current = values[makers.findLastIndex((t) => t <= plan.peak)] ?? first;
      const value = probe.value(current) ?? madeBy(executed.nodes.findIndex((node) => node.outputs.includes(current)));
      return { value, name: value?.name ?? current, bytes, isOutput };
    })
    .sort((a, b) => b.bytes - a.bytes);
  const measured = measure ? await measuredPeak(graph, { opset, feeds: model.feeds(), outputs: model.results, session }) : null;
  return {
    liveness: activationMemory(graph, { isActivation }),
    kept: loss === null ? null : keptForBackward(graph, loss, { isActivation }),
    plan,
    planNode: madeBy(plan.peak)?.producer?.name ?? executed.nodes[plan.peak]?.opType ?? "",
    held,
    measured,
  };
}

const locationOf = (value: Value | null): SourceLocation => value?.producer?.location ?? nowhere;

function text({ name, mode, inputs }: MeasuredModel, report: MemoryReport, top: number): string {
  const { liveness, kept, plan, planNode, measured } = report;
  const c = outColors();
  const columns = [
    { title: "peak of activations", align: "left" },
    { title: "bytes", align: "right" },
    { title: "at", align: "left" },
    { title: "", align: "left" },
  ] as const;
  const off = measured === null ? "" : `${(100 * (plan.peakBytes / measured - 1)).toFixed(1)} %`;
  const rows = [
    ["liveness", byteCount(liveness.bytes), liveness.node?.name ?? "", "each value in a buffer of its own"],
    ["onnxruntime, CPU", byteCount(plan.peakBytes), planNode, planRemark(plan)],
    ...(measured === null ? [] : [["measured", byteCount(measured), "", `what its allocator was asked for; the plan is off by ${off}`]]),
    ...(kept === null ? [] : [["kept for backward", byteCount(kept.bytes), "", `${kept.values.length} values`]]),
  ];
  const ports = inputs.map((input) => `${input.name} ${printType(input.type)}`).join(", ");
  return [
    `${c.bold(harmless(name))}, ${mode}, ${harmless(ports)}\n`,
    table(columns, rows),
    `\n${c.bold("alive at the peak of liveness")}\n${aliveTable(liveness.alive, top)}`,
    `\n${c.bold("held at onnxruntime's peak")}\n${heldTable(report.held, top)}`,
    ...(kept === null ? [] : [`\n${c.bold("kept for backward")}\n${aliveTable(kept.values, top)}`]),
  ].join("");
}
function planRemark({ scratchBytes, patternBytes, unknown }: MemoryPlan): string {
  const scratch = scratchBytes === 0 ? "" : `, ${byteCount(scratchBytes)} of it the kernel's own`;
  const missing = unknown.length === 0 ? "" : `; ${unknown.length} values of unknown size count as nothing`;
  return `as it fuses and reuses${scratch}; ${byteCount(patternBytes)} in one block with its memory pattern${missing}`;
}

function aliveTable(alive: readonly AliveValue[], top: number): string {
  const rows = alive
    .slice(0, top)
    .map(({ value, bytes, until }) => [
      value.name,
      printType(value.type),
      byteCount(bytes),
      value.producer === null ? "an input" : printLocation(locationOf(value)),
      until?.name ?? "the end",
    ]);
  const columns = [...tensorColumns, { title: "made at", align: "left" }, { title: "last read by", align: "left" }] as const;
  return `${table(columns, rows)}${rest(alive, top)}`;
}
function heldTable(held: readonly HeldBuffer[], top: number): string {
  const rows = held
    .slice(0, top)
    .map(({ value, name, bytes, isOutput }) => [
      name,
      value === null ? "" : printType(value.type),
      byteCount(bytes),
      `${printLocation(locationOf(value))}${isOutput ? " (an output)" : ""}`.trim(),
    ]);
  return `${table([...tensorColumns, { title: "made at", align: "left" }], rows)}${rest(held, top)}`;
}
const tensorColumns = [
  { title: "tensor", align: "left" },
  { title: "type", align: "left" },
  { title: "bytes", align: "right" },
] as const;
function rest(all: readonly { readonly bytes: number }[], top: number): string {
  const more = all.slice(top);
  return more.length === 0 ? "" : `and ${more.length} more of ${byteCount(more.reduce((sum, { bytes }) => sum + bytes, 0))}\n`;
}

function json({ name, mode, inputs, graph }: MeasuredModel, { liveness, kept, plan, planNode, held, measured }: MemoryReport) {
  const port = (value: Value): TensorType & { readonly name: string } => ({ name: value.name, ...value.type });
  const alive = ({ value, bytes, until }: AliveValue) => ({
    ...port(value),
    bytes,
    location: printLocation(locationOf(value)),
    lastReadBy: until?.name ?? null,
  });
  return {
    name,
    mode,
    nodes: graph.nodes.length,
    inputs: inputs.map(port),
    liveness: { bytes: liveness.bytes, node: liveness.node?.name ?? null, alive: liveness.alive.map(alive) },
    onnxruntime: {
      bytes: plan.peakBytes,
      node: planNode,
      scratchBytes: plan.scratchBytes,
      patternBytes: plan.patternBytes,
      unknownSizes: plan.unknown.length,
      held: held.map(({ value, name: own, bytes, isOutput }) => ({
        name: own,
        bytes,
        isOutput,
        location: printLocation(locationOf(value)),
        ...(value === null ? {} : { dtype: value.type.dtype, shape: value.type.shape }),
      })),
    },
    ...(measured === null ? {} : { measured }),
    ...(kept === null ? {} : { keptForBackward: { bytes: kept.bytes, values: kept.values.map(alive) } }),
  };
}
