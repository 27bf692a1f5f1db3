/** `striate profile`. */
import type { Command } from "commander";
import { writeFileAtomically } from "../../codegen/atomic-file.ts";
import { printType } from "../../ir/graph.ts";
import { printLocation } from "../../ir/location.ts";
import { type MachineRoofs, type ModelProfile, measureRoofs, profileModel } from "../../runtime/index.ts";
import { type MeasuredFlags, type MeasuredModel, measuredCommand } from "../input/measured-model.ts";
import { naturalNumber, oneOf } from "../input/usage.ts";
import type { PageContents } from "../output/profile-page.ts";
import { type Grouping, type ProfiledKernel, type ProfileRow, profiledKernels, profileRows, roofPlace } from "../output/profile-rows.ts";
import { type Column, table } from "../output/table.ts";
import { harmless, outColors, writeErr, writeJson, writeOut } from "../output/terminal.ts";

interface Flags extends MeasuredFlags {
  readonly runs: number;
  readonly warmup: number;
  readonly by: Grouping["by"];
  readonly depth?: number;
  readonly roofline: boolean;
  readonly html?: string;
}

const examples = `
The times are onnxruntime's own, means over the runs; kernels that it has fused are one line with all their ops. GFLOP/s count 2 for each
multiply-add. "bound" says which roof is over a part: memory where it does fewer operations per byte than the machine can at its bandwidth,
and how much of what that roof allows it reaches (more than 100 % where what it reads lies in a cache). The roofs are measured beforehand: a
large matrix product, and a pass over 32 MiB.

Examples:
  striate profile models/resnet.ts#resnet50
  striate profile models/resnet.ts#resnet18 --batch 8 --by op --threads 1
  striate profile my-net.ts --mode training --batch 32 --depth 1 --html flame.html
  striate profile detector.onnx --shape image=1,3,640,640 --by line --json`;

/** Runs a model under onnxruntime's profiler and prints where the time goes. */
export function profileCommand(): Command {
  const { command, read } = measuredCommand("profile", (c) =>
    c
      .option("--runs <n>", "runs that count", (text) => naturalNumber("--runs", text, 1), 10)
      .option("--warmup <n>", "runs before them", (text) => naturalNumber("--warmup", text), 2)
      .option("--by <what>", "layer, op or line", (text) => oneOf("--by", text, ["layer", "op", "line"]), "layer")
      .option("--depth <n>", "how many scopes deep layers are told apart; all when absent", (text) => naturalNumber("--depth", text, 1))
      .option("--no-roofline", "do not measure what the machine can do")
      .option("--html <file>", "write a page with a flame chart and the roofline"),
  );
  return command.addHelpText("after", examples).action(async (spec: string, flags: Flags) => {
    const model = await read(spec, flags);
    const { graph, opset, results, session } = model;
    const roofs = flags.roofline ? await measureRoofs(session) : null;
    const profile = await profileModel(graph, {
      opset,
      feeds: model.feeds(),
      outputs: results,
      session,
      runs: flags.runs,
      warmup: flags.warmup,
    });
    const kernels = profiledKernels(profile, graph, model.optimizer);
    const rows = profileRows(profile, kernels, roofs, { by: flags.by, depth: flags.depth ?? Number.POSITIVE_INFINITY });
    if (flags.html !== undefined) await writePage(flags.html, { model, profile, kernels, rows, roofs });
    if (flags.json === true) return writeJson(json(model, profile, kernels, rows, roofs));
    writeOut(text(model, profile, rows, roofs, flags.by));
    if (flags.html !== undefined) writeErr(`the flame chart is in ${harmless(flags.html)}\n`);
  });
}

async function writePage(file: string, contents: PageContents): Promise<void> {
  // What draws charts is loaded for those who want some.
  const { profilePage } = await import("../output/profile-page.ts");
  await writeFileAtomically(file, [Buffer.from(await profilePage(contents))]);
}

const fixed = (value: number, digits: number): string => value.toFixed(digits);
const titles: Readonly<Record<Grouping["by"], string>> = { layer: "layer", op: "op", line: "line" };

const boundOf = ({ roof }: ProfileRow): string => (roof === null ? "" : `${roof.bound}, ${fixed(100 * roof.reached, 0)} %`);

function text(model: MeasuredModel, profile: ModelProfile, rows: readonly ProfileRow[], roofs: MachineRoofs | null, by: Grouping["by"]) {
  const columns: readonly (Column & { readonly cell: (row: ProfileRow) => string })[] = [
    { title: titles[by], align: "left", cell: (r) => r.label },
    ...(by === "op" ? [] : [{ title: "op", align: "left", cell: (r: ProfileRow) => r.op } as const]),
    ...(by === "line" ? [] : [{ title: "line", align: "left", cell: (r: ProfileRow) => r.line } as const]),
    { title: "ms", align: "right", cell: (r) => fixed(r.microseconds / 1000, 3) },
    { title: "share", align: "right", cell: (r) => `${fixed(100 * r.share, 1)} %` },
    { title: "GFLOP/s", align: "right", cell: (r) => (r.flops > 0 && r.microseconds > 0 ? fixed(r.flops / r.microseconds / 1000, 1) : "") },
    { title: "MB", align: "right", cell: (r) => (r.bytes > 0 ? fixed(r.bytes / 1e6, 2) : "") },
    { title: "FLOP/B", align: "right", cell: (r) => (r.bytes > 0 && r.flops > 0 ? fixed(r.flops / r.bytes, 1) : "") },
    ...(roofs === null ? [] : [{ title: "bound", align: "left", cell: boundOf } as const]),
  ];
  const ports = model.inputs.map((input) => `${input.name} ${printType(input.type)}`).join(", ");
  return [
    `${outColors().bold(harmless(model.name))}, ${model.mode}, ${harmless(ports)}\n`,
    table(
      columns,
      rows.map((r) => columns.map(({ cell }) => cell(r))),
    ),
    `${outColors().bold("total")} ${fixed(profile.wall / 1000, 3)} ms in ${profile.kernels.length} kernels, the mean of ${profile.runs.length} runs\n`,
    roofs === null
      ? ""
      : `machine ${fixed(roofs.flops / 1e9, 1)} GFLOP/s, ${fixed(roofs.bandwidth / 1e9, 1)} GB/s: below ${fixed(roofs.flops / roofs.bandwidth, 1)} FLOP/B memory is the bound\n`,
  ].join("");
}

function json(
  { name, mode, inputs }: MeasuredModel,
  profile: ModelProfile,
  kernels: readonly ProfiledKernel[],
  rows: readonly ProfileRow[],
  roofs: MachineRoofs | null,
) {
  return {
    name,
    mode,
    inputs: inputs.map((input) => ({ name: input.name, ...input.type })),
    runs: profile.runs,
    microseconds: profile.wall,
    betweenKernels: profile.between,
    tensorsInAndOut: profile.outside,
    machine: roofs,
    rows,
    kernels: kernels.map(({ location, ...kernel }) => ({
      ...kernel,
      location: location === null ? null : printLocation(location) || null,
      share: kernel.microseconds / profile.wall,
      roof: roofPlace({ ...kernel, flops: kernel.flops ?? 0 }, roofs),
    })),
    folded: profile.folded.map((node) => node.name),
  };
}
