/** The style sheet of reports: light and dark by the reader's preference, legible in print, usable from the keyboard. */
export const styles = `
:root {
  color-scheme: light dark;
  --page: #f7f7f5; --surface: #ffffff; --ink: #1c1d20; --muted: #62656d; --faint: #a3a8b4; --line: #e4e4e0;
  --blue: #2f62d9; --orange: #d9661f; --green: #1d8a5b; --red: #c9303e; --tint: #eef2fc;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131417; --surface: #1b1d21; --ink: #e8e8e6; --muted: #9ea2ab; --faint: #6b717e; --line: #2e3137;
    --blue: #7ea6ff; --orange: #f6985a; --green: #4cc38a; --red: #ff7a84; --tint: #222a3b;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif; }
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 40px; }
h1 { margin: 0; font-size: 30px; line-height: 1.2; letter-spacing: -0.01em; overflow-wrap: anywhere; }
header p { margin: 6px 0 0; color: var(--muted); overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 4px 20px; margin-top: 18px; padding-bottom: 12px; border-bottom: 1px solid var(--line); }
a { color: var(--blue); text-decoration: none; } a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 16px; top: 12px; background: var(--surface); padding: 6px 12px; }
section { margin: 44px 0; }
h2 { margin: 0 0 14px; font-size: 20px; } h3 { margin: 22px 0 8px; font-size: 15px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 1px; margin: 24px 0; border: 1px solid var(--line); border-radius: 10px; overflow: hidden; background: var(--line); }
.figures div { background: var(--surface); padding: 14px 18px; }
.figures dt { color: var(--muted); font-size: 13px; } .figures dd { margin: 2px 0 0; font-size: 18px; font-weight: 600; white-space: nowrap; font-variant-numeric: tabular-nums; }
figure { margin: 0; }
figcaption { font-weight: 600; }
.charts, .graphs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 20px; align-items: start; }
.charts > figure, .graphs > figure { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 16px; min-width: 0; }
.charts svg { display: block; width: 100%; height: auto; margin-top: 8px; }
.charts figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 16px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 0; padding: 0; list-style: none; font-weight: 400; font-size: 13px; color: var(--muted); }
.key { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px; vertical-align: middle; }
.scroll { overflow: auto; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
.layers, .passes { width: 100%; }
th, td { padding: 6px 12px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 500; font-size: 13px; } tfoot th, tfoot td { font-weight: 600; border-bottom: 0; }
th:first-child { text-align: left; } tbody th { font-weight: 600; }
.layers td:nth-child(2), .layers td:nth-child(3), .layers th:nth-child(2), .layers th:nth-child(3), .note, .passes th:last-child { text-align: left; }
.type { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: 13px; }
.cost { background: linear-gradient(to left, var(--tint) var(--share), transparent var(--share)); }
.confusion { border-spacing: 2px; border-collapse: separate; }
.confusion th, .confusion td { border: 0; padding: 0 6px; min-width: 46px; height: 38px; text-align: center; border-radius: 5px; }
.confusion thead th:first-child, .confusion tbody th, .confusion tfoot th { text-align: right; padding-right: 10px; }
.confusion .right { background: color-mix(in srgb, var(--green) var(--shade), var(--surface)); font-weight: 600; }
.confusion .wrong { background: color-mix(in srgb, var(--red) var(--shade), var(--surface)); }
.confusion .none { color: var(--faint); } .confusion .margin { color: var(--muted); font-weight: 400; font-size: 13px; }
.pairs { margin: 0; padding-left: 22px; columns: 2; } .pairs .count { color: var(--muted); margin-left: 6px; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 14px; margin: 0; padding: 0; list-style: none; }
.mistakes figure { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.mistakes img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; background: #000; }
.mistakes figcaption { padding: 8px 12px 10px; font-weight: 400; overflow-wrap: anywhere; } .mistakes span { display: block; }
.sure { color: var(--muted); font-size: 13px; } .bad { color: var(--red); }
.graph { max-height: 78vh; margin-top: 10px; text-align: center; }
.graph svg { height: auto; max-width: none; }
.graph polygon, .graph path { stroke: var(--muted); } .graph text { fill: var(--ink); }
.graph .edge text { fill: var(--muted); } .graph .edge polygon { fill: var(--muted); }
.graph .node path { fill: var(--surface); stroke: var(--faint); }
.graph .weighted path { fill: var(--tint); stroke: var(--blue); } .graph .terminal path { fill: transparent; stroke: var(--muted); stroke-dasharray: 3 3; }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--muted); } .passes details { margin: 0; white-space: normal; }
footer { padding-bottom: 40px; color: var(--muted); font-size: 13px; overflow-wrap: anywhere; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.92em; }
@media (max-width: 640px) { .pairs { columns: 1; } header, main, footer { padding-left: 16px; padding-right: 16px; } }
@media print { nav, .skip { display: none; } section { break-inside: avoid; } .graph { max-height: none; } }
`;
