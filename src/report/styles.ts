/** The style sheet of reports: light and dark by the reader's preference, legible in print, usable from the keyboard. */
export const styles = `
:root {
  color-scheme: light dark;
  --page: #f7f7f5; --surface: #ffffff; --ink: #1c1d20; --muted: #62656d; --faint: #a3a8b4; --line: #e4e4e0;
  --blue: #2f62d9; --orange: #d9661f; --green: #1d8a5b; --red: #c9303e; --tint: #eef2fc; --raised: #fafaf8; --bar: #a9c0f3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131417; --surface: #1b1d21; --ink: #e8e8e6; --muted: #9ea2ab; --faint: #6b717e; --line: #2e3137;
    --blue: #7ea6ff; --orange: #f6985a; --green: #4cc38a; --red: #ff7a84; --tint: #222a3b; --raised: #23262b; --bar: #47639f;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif; }
header, main, footer { max-width: 1280px; margin: 0 auto; padding: 0 24px; }
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
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 20px; align-items: start; }
.charts > figure { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 16px; min-width: 0; }
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
.note, .passes th:last-child { text-align: left; }
.type { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: 13px; }
.cost { background: linear-gradient(to left, var(--bar) var(--share), transparent var(--share)) bottom / 100% 3px no-repeat; }
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
.graphs { display: block; }
.choice { display: flex; flex-wrap: wrap; gap: 4px; margin: 0 0 12px; padding: 3px; border: 1px solid var(--line); border-radius: 9px; background: var(--surface); width: fit-content; }
.choice legend { position: absolute; left: -999px; } .choice input { position: absolute; opacity: 0; }
.choice label { position: relative; padding: 4px 14px; border-radius: 6px; color: var(--muted); font-size: 14px; cursor: pointer; }
.choice label:has(:checked) { background: var(--tint); color: var(--ink); font-weight: 600; } .choice label:has(:focus-visible) { outline: 2px solid var(--blue); }
.graphs:has([value="0"]:checked) .view-1, .graphs:has([value="1"]:checked) .view-0 { display: none; }
.graph-view { border: 1px solid var(--line); border-radius: 12px; background: var(--surface); overflow: hidden; }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; padding: 8px 10px; border-bottom: 1px solid var(--line); }
.tools button { min-width: 32px; height: 30px; padding: 0 10px; font: inherit; font-size: 13px; color: var(--ink); background: var(--page); border: 1px solid var(--line); border-radius: 7px; cursor: pointer; }
.tools button:hover { border-color: var(--faint); }
.zoom::after { content: var(--zoom); color: var(--muted); font-size: 13px; font-variant-numeric: tabular-nums; } .hint { margin-left: auto; color: var(--muted); font-size: 13px; }
.stage { position: relative; }
.canvas { height: min(680px, 78vh); overflow: auto; padding: 24px 16px; cursor: grab; background-image: radial-gradient(var(--line) 1px, transparent 1px); background-size: 20px 20px; }
.canvas:active { cursor: grabbing; } .canvas svg { display: block; width: var(--w); height: auto; margin: 0 auto; overflow: visible; user-select: none; }
.canvas .edge { fill: none; stroke: var(--faint); stroke-width: 1.4; } .canvas marker path { fill: var(--faint); }
.canvas .box > rect:first-child { fill: var(--surface); stroke: color-mix(in srgb, var(--faint) 60%, var(--line)); stroke-width: 1.2; } .canvas .box[role] { cursor: pointer; outline: none; }
.canvas .weighted > rect:first-child { fill: var(--tint); stroke: color-mix(in srgb, var(--blue) 45%, var(--line)); }
.canvas .scope > rect:first-child { fill: var(--raised); stroke: var(--faint); } .canvas .open > rect:first-child { fill: color-mix(in srgb, var(--raised) 55%, transparent); stroke-dasharray: none; }
.canvas .port > rect:first-child { fill: var(--page); stroke: var(--line); } .canvas .end circle { fill: var(--faint); }
.canvas .box[role]:hover > rect:first-child { stroke: var(--blue); } .canvas .chosen > rect:first-child { stroke: var(--blue); stroke-width: 2; }
.canvas .box:focus-visible > rect:first-child { stroke: var(--blue); stroke-width: 3; }
.canvas text { fill: var(--ink); } .canvas .middle { text-anchor: middle; }
.canvas .line-0 { font: 600 13px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif; } .canvas .line-1 { font: 400 12px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif; fill: var(--muted); }
.canvas .line-2, .canvas .port .line-1 { font: 11px ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; fill: var(--muted); } .canvas .port .line-0 { font-weight: 500; font-size: 12px; }
.canvas .chevron { fill: none; stroke: var(--muted); stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; } .canvas .share { fill: var(--blue); }
.details { position: absolute; top: 12px; right: 12px; width: min(380px, calc(100% - 24px)); max-height: calc(100% - 24px); overflow: auto; margin: 0; padding: 14px 16px; background: var(--surface); border: 1px solid var(--line); border-radius: 10px; box-shadow: 0 8px 28px rgb(0 0 0 / 0.16); font-size: 13px; }
.details { display: grid; grid-template-columns: auto 1fr; gap: 5px 14px; align-items: baseline; } .details[hidden] { display: none; } .details dt { color: var(--muted); }
.details dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 12.5px; }
.tall { max-height: min(720px, 82vh); border: 1px solid var(--line); border-radius: 10px; background: var(--surface); }
.tall thead th { position: sticky; top: 0; z-index: 1; background: var(--surface); box-shadow: inset 0 -1px var(--line); } .tall thead th.left, .tall thead th.right { padding: 0; } .tall tfoot td, .tall tfoot th { position: sticky; bottom: 0; background: var(--surface); box-shadow: inset 0 1px var(--line); }
thead button { all: unset; box-sizing: border-box; width: 100%; padding: 8px 10px; cursor: pointer; white-space: nowrap; } thead button:hover { color: var(--ink); } thead button:focus-visible { outline: 2px solid var(--blue); outline-offset: -2px; border-radius: 6px; }
thead button::after { content: ""; display: inline-block; width: 14px; text-align: right; } [aria-sort="ascending"] button, [aria-sort="descending"] button { color: var(--blue); font-weight: 600; }
[aria-sort="ascending"] button::after { content: "↑"; } [aria-sort="descending"] button::after { content: "↓"; }
.tall th, .tall td { padding: 5px 10px; font-size: 13px; } .tall th:first-child { position: sticky; left: 0; z-index: 1; background: var(--surface); } .tall thead th:first-child { z-index: 2; } .tall .type { font-size: 12px; }
th.left, td.left { text-align: left; } .source { color: var(--muted); }
.filter { margin: 0 0 10px; color: var(--muted); font-size: 14px; } input[type="search"] { font: inherit; color: var(--ink); background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 5px 10px; margin-left: 6px; min-width: 240px; }
.fields { display: grid; grid-template-columns: minmax(0, 1.05fr) minmax(0, 1fr); gap: 20px; align-items: start; } .fields > svg { width: 100%; height: auto; max-height: 76vh; border: 1px solid var(--line); border-radius: 10px; background: var(--surface); }
.padding { fill: var(--page); } .field-box { fill: transparent; stroke: var(--hue); transition: opacity 0.12s; } .field-box, .fields button { --hue: color-mix(in oklch, var(--blue), var(--orange) var(--at)); }
.field-box.whole { stroke-dasharray: 6 4; } .lit .field-box { opacity: 0.12; } .lit .field-box.on { opacity: 1; fill: color-mix(in srgb, var(--hue) 26%, transparent); }
.fields ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 6px; } .fields button { all: unset; box-sizing: border-box; width: 100%; display: grid; grid-template-columns: 14px 1fr auto; gap: 1px 10px; align-items: center; padding: 8px 12px; border: 1px solid var(--line); border-radius: 9px; background: var(--surface); cursor: pointer; }
.fields button:hover, .fields button[aria-pressed="true"] { border-color: var(--hue); } .fields button:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
.swatch { width: 12px; height: 12px; border-radius: 3px; background: var(--hue); } .fields b { overflow-wrap: anywhere; } .fields .type { grid-column: 2; grid-row: 2; color: var(--muted); font-size: 12.5px; } .sees { grid-column: 3; grid-row: 1 / 3; color: var(--muted); font-size: 14px; }
.changes { display: flex; flex-wrap: wrap; gap: 10px 36px; margin: 0 0 18px; } .changes dt { color: var(--muted); font-size: 13px; } .changes dd { margin: 0; font-size: 17px; font-weight: 600; font-variant-numeric: tabular-nums; } .changes .was { color: var(--muted); font-weight: 400; }
.passes td, .passes th { vertical-align: top; } .passes .note ul { margin: 6px 0 2px; padding-left: 18px; } .passes .note li { overflow-wrap: anywhere; } .idle { color: var(--muted); font-size: 14px; }
@media (max-width: 800px) { .fields { grid-template-columns: 1fr; } .hint { margin-left: 0; } }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--muted); } .passes details { margin: 0; white-space: normal; }
footer { padding-bottom: 40px; color: var(--muted); font-size: 13px; overflow-wrap: anywhere; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.92em; }
@media (max-width: 640px) { .pairs { columns: 1; } header, main, footer { padding-left: 16px; padding-right: 16px; } }
@media print { nav, .skip { display: none; } section { break-inside: avoid; } .canvas, .tall { height: auto; max-height: none; } .tools, .filter { display: none; } }
`;
