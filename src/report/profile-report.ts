/** The report of a profile: one HTML file that needs nothing but a browser. */
import { type FlameBox, flameSection } from "./flame.ts";
import { type Html, html, percent } from "./html.ts";
import { type PageHead, renderPage, type Section } from "./page.ts";
import { type RooflinePoint, type Roofs, rooflineSection } from "./roofline.ts";

/** A line of the table. */
export interface ProfileLine {
  readonly label: string;
  readonly op: string;
  readonly line: string;
  readonly microseconds: number;
  readonly share: number;
  readonly flops: number;
  readonly bytes: number;
  readonly roof: { readonly intensity: number; readonly bound: "compute" | "memory"; readonly reached: number } | null;
}
/** Everything that the report shows. */
export interface ProfileReport extends Omit<PageHead, "kind"> {
  readonly flame: FlameBox;
  readonly roofs: Roofs | null;
  readonly points: readonly RooflinePoint[];
  readonly lines: readonly ProfileLine[];
}

/** The page of a profile. */
export function renderProfileReport({ flame, roofs, points, lines, ...head }: ProfileReport): Promise<string> {
  const sections = [flameSection(flame), roofs === null ? null : rooflineSection(roofs, points), tableSection(lines)];
  return renderPage(
    { ...head, kind: "profile" },
    sections.filter((section) => section !== null),
  );
}

const columns: readonly {
  readonly title: string;
  readonly order: "ascending" | "descending";
  readonly cell: (line: ProfileLine) => string;
}[] = [
  { title: "op", order: "ascending", cell: (l) => l.op },
  { title: "line", order: "ascending", cell: (l) => l.line },
  { title: "ms", order: "descending", cell: (l) => (l.microseconds / 1000).toFixed(3) },
  { title: "share", order: "descending", cell: (l) => percent(l.share, 1) },
  {
    title: "GFLOP/s",
    order: "descending",
    cell: (l) => (l.flops > 0 && l.microseconds > 0 ? (l.flops / l.microseconds / 1000).toFixed(1) : ""),
  },
  { title: "MB", order: "descending", cell: (l) => (l.bytes > 0 ? (l.bytes / 1e6).toFixed(2) : "") },
  { title: "FLOP/B", order: "descending", cell: (l) => (l.roof === null || l.roof.intensity === 0 ? "" : l.roof.intensity.toFixed(1)) },
  { title: "bound", order: "ascending", cell: (l) => l.roof?.bound ?? "" },
  { title: "of the roof", order: "descending", cell: (l) => (l.roof === null ? "" : percent(l.roof.reached, 0)) },
];

function tableSection(lines: readonly ProfileLine[]): Section {
  const heading = (title: string, order: string): Html =>
    html`<th scope="col" aria-sort="none" data-order="${order}"><button type="button">${title}</button></th>`;
  const key = (text: string): string => text.replace(/\u202f%$/, "");
  const row = (line: ProfileLine): Html => html`<tr><th scope="row">${line.label}</th>${columns.map(({ cell }) => {
    const text = cell(line);
    return html`<td data-key="${key(text)}">${text}</td>`;
  })}</tr>
`;
  const body = html`<div class="scroll" tabindex="0" role="region" aria-label="Parts of the run"><table class="layers sortable">
<thead><tr>${heading("part", "ascending")}${columns.map(({ title, order }) => heading(title, order))}</tr></thead>
<tbody>${lines.map(row)}</tbody></table></div>`;
  return { id: "parts", title: "Parts", body, scripts: ["sort-tables"] };
}
