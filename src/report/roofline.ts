/** The roofline (Williams, Waterman and Patterson 2009): what parts of a model reach, under what the machine could do at their intensity. */
import { ScatterChart } from "echarts/charts";
import * as echarts from "echarts/core";
import { axisLines, axisTexts, drawChart } from "./draw-chart.ts";
import { html } from "./html.ts";
import type { Section } from "./page.ts";

/** The two roofs. */
export interface Roofs {
  /** Operations per second. */
  readonly flops: number;
  /** Bytes per second. */
  readonly bandwidth: number;
}
/** A part of a model. */
export interface RooflinePoint {
  readonly bound: "compute" | "memory";
  /** Operations per byte. */
  readonly intensity: number;
  /** Operations per second. */
  readonly flops: number;
  /** Its part of the run's time, from 0 to 1. */
  readonly share: number;
}

const colors = { memory: "var(--orange)", compute: "var(--blue)" } as const;
const decade = (value: number, round: (x: number) => number): number => 10 ** round(Math.log10(value));

/** Smaller parts of the run are too short for the profiler's clock, and would be all that is seen. */
const smallestShare = 0.0005;

/** The chart; parts without arithmetic, and those that take next to no time, have no place in it. */
export function rooflineSection({ flops, bandwidth }: Roofs, points: readonly RooflinePoint[]): Section | null {
  const shown = points.filter((point) => point.intensity > 0 && point.flops > 0 && point.share >= smallestShare);
  if (shown.length === 0) return null;
  echarts.use([ScatterChart]);
  const ridge = flops / bandwidth;
  const xs = [...shown.map((point) => point.intensity), ridge];
  const [left, right] = [decade(Math.min(...xs), Math.floor), decade(Math.max(...xs) * 1.5, Math.ceil)];
  const ys = [...shown.map((point) => point.flops), flops];
  const [bottom, top] = [decade(Math.min(...ys), Math.floor), decade(Math.max(...ys) * 1.2, Math.ceil)];
  const start = Math.max(left, bottom / bandwidth);
  const roof = [
    [start, start * bandwidth],
    [ridge, flops],
    [right, flops],
  ];
  const series = (["memory", "compute"] as const).map((bound) => ({
    type: "scatter",
    silent: true,
    data: shown
      .filter((point) => point.bound === bound)
      .map(({ intensity, flops: reached, share }) => ({ value: [intensity, reached], symbolSize: 5 + 30 * Math.sqrt(share) })),
    itemStyle: { color: colors[bound], opacity: 0.55, borderColor: colors[bound] },
  }));
  const chart = drawChart(
    {
      title: "Operations per second over operations per byte",
      legend: [
        { name: "bound by memory", color: colors.memory },
        { name: "bound by arithmetic", color: colors.compute },
        { name: "the machine", color: "var(--muted)" },
      ],
    },
    {
      grid: { left: 66, right: 20, top: 14, bottom: 44 },
      xAxis: {
        ...axisLines,
        type: "log",
        min: left,
        max: right,
        name: "FLOP per byte",
        nameLocation: "middle",
        nameGap: 28,
        nameTextStyle: axisTexts,
        axisLabel: { ...axisTexts, formatter: plain },
      },
      yAxis: {
        ...axisLines,
        type: "log",
        min: bottom,
        max: top,
        axisLabel: { ...axisTexts, formatter: (value: number) => `${plain(value / 1e9)} G` },
      },
      series: [{ type: "line", silent: true, symbol: "none", data: roof, lineStyle: { color: "var(--muted)", width: 2 } }, ...series],
    },
    340,
  );
  const note = html`<p>The line is what this machine can do: ${(flops / 1e9).toFixed(1)} GFLOP/s at most, and ${(bandwidth / 1e9).toFixed(1)} GB/s times the
operations per byte below ${ridge.toFixed(1)} of them. A dot's area is its time, and there is none
for less than 0.05\u202f% of it. Dots above the slope read from a cache.</p>`;
  return { id: "roofline", title: "Roofline", body: html`${note}<div class="charts" style="max-width:760px">${chart}</div>` };
}
const plain = (value: number): string => String(Number(value.toPrecision(3)));
