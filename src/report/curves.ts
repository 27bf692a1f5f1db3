/** Loss and accuracy over the epochs, drawn by ECharts as SVG. */
import type { EChartsCoreOption } from "echarts/core";
import { axisLines, axisTexts, drawChart } from "./draw-chart.ts";
import { type Html, html, percent } from "./html.ts";
import type { Section } from "./page.ts";
import type { EpochPoint, StepPoint, TrainingReport } from "./training-report.ts";

interface Curve {
  readonly name: string;
  /** A colour of the page's style sheet. */
  readonly color: string;
  readonly points: readonly (readonly [number, number])[];
  /** Thin lines are for curves of many points. */
  readonly thin: boolean;
}
interface Chart {
  readonly title: string;
  readonly curves: readonly Curve[];
  readonly axis: (value: number) => string;
}

/** The charts, and their numbers as a table. */
export function curvesSection({ steps, epochs }: TrainingReport): Section | null {
  if (steps.length === 0 && epochs.length === 0) return null;
  const charts = [lossChart(steps, epochs), accuracyChart(epochs)].filter((chart) => chart.curves.length > 0);
  const body = html`<div class="charts">${charts.map(drawn)}</div>${epochs.length === 0 ? null : table(epochs)}`;
  return { id: "curves", title: "Learning curves", body };
}

const values = (epochs: readonly EpochPoint[], pick: (e: EpochPoint) => number | null): readonly (readonly [number, number])[] =>
  epochs.flatMap((e) => {
    const value = pick(e);
    return value === null || !Number.isFinite(value) ? [] : [[e.epoch, value] as const];
  });
const present = (curves: readonly Curve[]): readonly Curve[] => curves.filter((c) => c.points.length > 0);

const lossChart = (steps: readonly StepPoint[], epochs: readonly EpochPoint[]): Chart => ({
  title: "Loss",
  axis: (value) => String(Number(value.toPrecision(6))),
  curves: present([
    { name: "each step, smoothed", color: "var(--faint)", points: smoothed(steps), thin: true },
    { name: "training", color: "var(--blue)", points: values(epochs, (e) => e.loss), thin: false },
    { name: "validation", color: "var(--orange)", points: values(epochs, (e) => e.validationLoss), thin: false },
  ]),
});
const accuracyChart = (epochs: readonly EpochPoint[]): Chart => ({
  title: "Accuracy",
  axis: (value) => `${Number((value * 100).toFixed(2))} %`,
  curves: present([
    { name: "training", color: "var(--blue)", points: values(epochs, (e) => e.accuracy), thin: false },
    { name: "validation", color: "var(--orange)", points: values(epochs, (e) => e.validationAccuracy), thin: false },
  ]),
});

const mostPoints = 400;
/** Means of equally long stretches: no more points than a screen has room for. */
function smoothed(steps: readonly StepPoint[]): readonly (readonly [number, number])[] {
  const finite = steps.filter((s) => Number.isFinite(s.loss));
  const stretch = Math.max(1, Math.ceil(finite.length / mostPoints));
  return Array.from({ length: Math.ceil(finite.length / stretch) }, (_, i) => {
    const some = finite.slice(i * stretch, (i + 1) * stretch);
    const mean = (pick: (s: StepPoint) => number): number => some.reduce((sum, s) => sum + pick(s), 0) / some.length;
    return [mean((s) => s.epoch), mean((s) => s.loss)];
  });
}

const drawn = (chart: Chart): Html => drawChart({ title: chart.title, legend: chart.curves }, option(chart));

function option({ title, curves, axis }: Chart): EChartsCoreOption {
  const all = curves.flatMap((c) => c.points.map(([epoch]) => epoch));
  const last = Math.max(1, ...all);
  // A loss falls by orders of magnitude: on a linear axis all but the first steps would be one flat line.
  const logarithmic = title === "Loss" && curves.every((c) => c.points.every(([, loss]) => loss > 0));
  return {
    grid: { left: 56, right: 16, top: 12, bottom: 40 },
    xAxis: {
      ...axisLines,
      type: "value",
      name: "epoch",
      nameLocation: "middle",
      nameGap: 26,
      nameTextStyle: axisTexts,
      min: 0,
      max: last,
      minInterval: last < 2 ? 0.25 : 1,
      axisLabel: { ...axisTexts, showMaxLabel: true },
      splitLine: { show: false },
    },
    yAxis: {
      ...axisLines,
      type: logarithmic ? "log" : "value",
      scale: true,
      axisLine: { show: false },
      axisLabel: { ...axisTexts, formatter: axis },
    },
    series: curves.map(({ name, color, points, thin }) => ({
      name,
      type: "line",
      data: points,
      silent: true,
      symbol: "circle",
      symbolSize: 6,
      showSymbol: !thin,
      lineStyle: { color, width: thin ? 1 : 2.25 },
      itemStyle: { color },
      emphasis: { disabled: true },
    })),
  };
}

function table(epochs: readonly EpochPoint[]): Html {
  const number = (value: number | null, print: (v: number) => string): string => (value === null ? "" : print(value));
  const loss = (v: number): string => v.toPrecision(4);
  return html`<details><summary>The numbers</summary><div class="scroll" tabindex="0" role="region" aria-label="Results of each epoch"><table>
<thead><tr><th scope="col">epoch</th><th scope="col">loss</th><th scope="col">accuracy</th><th scope="col">validation loss</th><th scope="col">validation accuracy</th></tr></thead>
<tbody>${epochs.map(
    (
      e,
    ) => html`<tr><th scope="row">${e.epoch}</th><td>${number(e.loss, loss)}</td><td>${number(e.accuracy, percent)}</td><td>${number(e.validationLoss, loss)}</td><td>${number(e.validationAccuracy, percent)}</td></tr>
`,
  )}</tbody></table></div></details>`;
}
