/** Where a model's cost lies: layer by layer in the order in which they run, and stage by stage. */
import type { Dim } from "../ir/dim.ts";
import { scopeLabel, scopePath } from "../ir/scope-names.ts";
import { axisLines, axisTexts, drawChart } from "./draw-chart.ts";
import { type Html, html, percent, visible } from "./html.ts";
import type { LayerRow } from "./layers.ts";
import type { Section } from "./page.ts";

/** What is drawn of each layer. */
interface Measure {
  readonly title: string;
  readonly color: string;
  readonly pick: (row: LayerRow) => Dim;
  readonly unit: string;
}
const macs: Measure = { title: "MACs", color: "var(--blue)", pick: (row) => row.macs, unit: "" };
const parameters: Measure = { title: "Parameters", color: "var(--orange)", pick: (row) => row.parameters, unit: "" };
const activations: Measure = { title: "Activations", color: "var(--green)", pick: (row) => row.outputBytes, unit: "B" };

/** The charts; measures whose sizes are symbolic, or nothing, are left out. */
export function costSection(layers: readonly LayerRow[]): Section | null {
  const shown = [macs, parameters, activations].filter(({ pick }) =>
    layers.some((row) => typeof pick(row) === "number" && pick(row) !== 0),
  );
  if (shown.length === 0) return null;
  const stages = stagesOf(layers);
  const charts = [...shown.map((measure) => byLayer(measure, layers, stages)), ...byStage(stages)];
  const note = html`<p>Layers in the order in which they run, per image; their numbers stand in the table of layers.</p>`;
  return { id: "costs", title: "Costs", body: html`${note}<div class="charts">${charts}</div>` };
}

const amount = (value: Dim): number => (typeof value === "number" ? value : 0);

/** 118013952 as 118 M. */
function short(n: number, unit: string): string {
  const prefixes = ["", "k", "M", "G", "T", "P"] as const;
  const power = n < 1000 ? 0 : Math.min(prefixes.length - 1, Math.floor(Math.log10(n) / 3));
  const suffix = `${prefixes[power]}${unit}`;
  return `${Number((n / 1000 ** power).toPrecision(3))}${suffix === "" ? "" : ` ${suffix}`}`;
}

/** Bars thinner than a pixel say nothing: beyond this many, neighbours are summed. */
const mostBars = 260;

function byLayer({ title, color, pick, unit }: Measure, layers: readonly LayerRow[], stages: readonly Stage[]): Html {
  const width = Math.ceil(layers.length / mostBars);
  const bars = Array.from({ length: Math.ceil(layers.length / width) }, (_, i) =>
    layers.slice(i * width, (i + 1) * width).reduce((sum, row) => sum + amount(pick(row)), 0),
  );
  // Stages of one layer have no room for a name.
  const starts = new Map(
    stages.filter((stage) => stage.layers > 1).map((stage) => [Math.floor(stage.first / width), fitting(stage.label)]),
  );
  return drawChart(
    { title: `${title} of each layer`, legend: [] },
    {
      grid: { left: 60, right: 8, top: 12, bottom: 30, outerBoundsMode: "none" },
      xAxis: {
        ...axisLines,
        type: "category",
        data: bars.map((_, i) => starts.get(i) ?? ""),
        splitLine: { show: false },
        axisLabel: {
          ...axisTexts,
          interval: (i: number) => starts.has(i),
          hideOverlap: true,
          align: "left",
        },
      },
      yAxis: {
        ...axisLines,
        type: "value",
        axisLine: { show: false },
        splitNumber: 4,
        axisLabel: { ...axisTexts, formatter: (n: number) => short(n, unit) },
      },
      series: [
        {
          type: "bar",
          silent: true,
          barCategoryGap: "12%",
          barMaxWidth: 26,
          data: bars.map((value) => (value === 0 ? "-" : value)),
          itemStyle: { color },
          emphasis: { disabled: true },
        },
      ],
    },
  );
}

/** Layers under one name, at a depth where there are several of them. */
interface Stage {
  readonly label: string;
  /** The position of its first layer. */
  readonly first: number;
  readonly layers: number;
  readonly macs: number;
  readonly parameters: number;
}
const fewestStages = 4;

/** The stages of a model: the first depth of scopes at which its work is not all in a few. */
function stagesOf(layers: readonly LayerRow[]): readonly Stage[] {
  let found: readonly Stage[] = [];
  for (const depth of [0, 1, 2]) {
    const stages = stagesAt(layers, depth);
    if (stages.length > mostBars) break;
    found = stages;
    if (stages.filter((stage) => stage.macs > 0).length >= fewestStages) break;
  }
  return shortened(found);
}
/** Stages by the ends of their names, where those tell them apart: `encoder.layers.4` is `4` among others like it. */
function shortened(stages: readonly Stage[]): readonly Stage[] {
  const ends = stages.map(({ label }) => scopeLabel(label, scopePath(label).at(-2)));
  return new Set(ends).size === ends.length ? stages.map((stage, i) => ({ ...stage, label: ends[i] ?? stage.label })) : stages;
}
/** What there is room for: of a long name the end, which says more. */
const mostCharacters = 14;
const fitting = (label: string): string => visible(label.length <= mostCharacters ? label : `…${label.slice(1 - mostCharacters)}`);
function stagesAt(layers: readonly LayerRow[], depth: number): readonly Stage[] {
  const stages = new Map<string, { label: string; first: number; layers: number; macs: number; parameters: number }>();
  layers.forEach((row, first) => {
    const path = scopePath(row.name);
    const label = path[Math.min(depth, path.length - 1)] ?? row.name;
    const stage = stages.get(label) ?? { label, first, layers: 0, macs: 0, parameters: 0 };
    stage.layers++;
    stage.macs += amount(row.macs);
    stage.parameters += amount(row.parameters);
    stages.set(label, stage);
  });
  return [...stages.values()];
}

/** More stages than this are summed as one. */
const mostStages = 12;
/** Stages with a smaller part of the whole have no bar that one could see. */
const leastPart = 0.002;

/** The part that each stage has in all MACs and parameters. */
function byStage(all: readonly Stage[]): readonly Html[] {
  const sum = (stages: readonly Stage[], pick: (stage: Stage) => number): number => stages.reduce((total, stage) => total + pick(stage), 0);
  const totals = {
    macs: Math.max(
      1,
      sum(all, (s) => s.macs),
    ),
    parameters: Math.max(
      1,
      sum(all, (s) => s.parameters),
    ),
  };
  const weight = (stage: Stage): number => stage.macs / totals.macs + stage.parameters / totals.parameters;
  const costly = all.filter((stage) => weight(stage) >= leastPart);
  if (costly.length < 2) return [];
  const kept = costly.length <= mostStages ? costly : costly.toSorted((a, b) => weight(b) - weight(a)).slice(0, mostStages - 1);
  const rest = costly.filter((stage) => !kept.includes(stage));
  const inOrder = costly.filter((stage) => kept.includes(stage));
  const other = {
    label: `${rest.length} others`,
    first: 0,
    layers: 0,
    macs: sum(rest, (s) => s.macs),
    parameters: sum(rest, (s) => s.parameters),
  };
  const shown = (rest.length === 0 ? inOrder : [...inOrder, other]).toReversed();
  const series = [
    { name: "MACs", color: macs.color, pick: (stage: Stage) => stage.macs, of: totals.macs },
    { name: "parameters", color: parameters.color, pick: (stage: Stage) => stage.parameters, of: totals.parameters },
  ].filter(({ pick }) => sum(costly, pick) > 0);
  const chart = drawChart(
    { title: "Parts of the whole by stage", legend: series },
    {
      grid: { left: 110, right: 24, top: 8, bottom: 28, outerBoundsMode: "none" },
      xAxis: { ...axisLines, type: "value", splitNumber: 4, axisLabel: { ...axisTexts, formatter: (n: number) => percent(n, 0) } },
      yAxis: {
        ...axisLines,
        type: "category",
        data: shown.map((stage) => fitting(stage.label)),
        splitLine: { show: false },
        axisLabel: { ...axisTexts },
      },
      series: series.map(({ color, pick, of }) => ({
        type: "bar",
        silent: true,
        barMaxWidth: 12,
        barGap: "10%",
        data: shown.map((stage) => pick(stage) / of),
        itemStyle: { color, borderRadius: [0, 2, 2, 0] },
        emphasis: { disabled: true },
      })),
    },
    Math.max(280, 40 + 26 * shown.length),
  );
  return [chart];
}
