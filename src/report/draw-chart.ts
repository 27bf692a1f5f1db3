/** Charts as SVG, drawn by ECharts in the colours of the page. */
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { type Html, html, trustedMarkup } from "./html.ts";

/** What stands above a chart. */
export interface ChartHead {
  readonly title: string;
  readonly legend: readonly { readonly name: string; readonly color: string }[];
}

const size = { width: 560, height: 280 } as const;
let registered = false;

/** A chart with its title and legend. It says nothing to a screen reader: its numbers stand in a table. */
export function drawChart({ title, legend }: ChartHead, option: echarts.EChartsCoreOption, height: number = size.height): Html {
  if (!registered) echarts.use([BarChart, LineChart, GridComponent, SVGRenderer]);
  registered = true;
  const canvas = echarts.init(null, null, { renderer: "svg", ssr: true, ...size, height });
  try {
    canvas.setOption({ animation: false, ...option });
    const svg = withoutStyle(canvas.renderToSVGString());
    const keys = legend.map(({ name, color }) => html`<li><span class="key" style="background:${color}"></span>${name}</li>`);
    return html`<figure><figcaption>${title}<ul class="legend">${keys}</ul></figcaption>${trustedMarkup(svg)}</figure>`;
  } finally {
    // ECharts holds the process open until its charts are disposed of.
    canvas.dispose();
  }
}

/** The picture at the width that the page gives it, without the style that ECharts adds for the mouse. */
const withoutStyle = (svg: string): string =>
  svg.replace(/^<svg width="\d+" height="\d+"/, '<svg aria-hidden="true"').replace(/<style[^>]*>[\s\S]*?<\/style>/g, "");

/** How axes look. */
export const axisLines = {
  axisLine: { lineStyle: { color: "var(--line)" } },
  axisTick: { show: false },
  splitLine: { lineStyle: { color: "var(--line)" } },
} as const;
/** How the texts of axes look. */
export const axisTexts = { color: "var(--muted)", fontSize: 12, fontFamily: "inherit" } as const;
