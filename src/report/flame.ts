/** A flame chart: boxes as wide as the time that they take, those of a scope below it. */
import { type Html, html, percent, trustedMarkup } from "./html.ts";
import type { Section } from "./page.ts";

/** A part of a run, and its parts. */
export interface FlameBox {
  readonly name: string;
  /** In microseconds; that of its parts is no longer. */
  readonly microseconds: number;
  /** What holds it back; "none" for what is no arithmetic of the model's. */
  readonly bound: "compute" | "memory" | "none";
  /** What is told of it besides. */
  readonly detail: string;
  readonly parts: readonly FlameBox[];
}

/**
 * The chart. Positions are parts of the whole, and the style sheet puts them where they belong in what is zoomed to: the script changes two
 * numbers when a box is pressed, and without it the whole is shown.
 */
export function flameSection(root: FlameBox): Section {
  const boxes = placed(root);
  const rows = Math.max(...boxes.map(({ row }) => row)) + 1;
  const body = html`<style>${trustedMarkup(style)}</style>
<p>Press a box to see it alone, and the one at the top, or Escape, to go back.${boxes.some(({ box }) => box.bound !== "none") ? key : null}</p>
<div class="flame" role="group" aria-label="Flame chart" style="--rows:${rows}">${boxes.map((box) => button(box, root.microseconds))}</div>
<p class="flame-told" role="status"></p>`;
  return { id: "flame", title: "Flame chart", body, scripts: ["zoom-flame"] };
}

const key = html` <span class="flame-key compute"></span> bound by arithmetic <span class="flame-key memory"></span> bound by memory
<span class="flame-key none"></span> neither`;

interface Placed {
  readonly box: FlameBox;
  readonly row: number;
  /** Where it begins, in microseconds. */
  readonly start: number;
}
function placed(box: FlameBox, row = 0, start = 0): readonly Placed[] {
  let at = start;
  const below = box.parts.flatMap((part) => {
    const from = at;
    at += part.microseconds;
    return placed(part, row + 1, from);
  });
  return [{ box, row, start }, ...below];
}

function button({ box, row, start }: Placed, whole: number): Html {
  const part = (microseconds: number): string => (whole > 0 ? microseconds / whole : 0).toFixed(6);
  const time = `${(box.microseconds / 1000).toFixed(3)} ms, ${percent(whole > 0 ? box.microseconds / whole : 0, 1)}`;
  const told = `${box.name}: ${time}${box.detail === "" ? "" : `, ${box.detail}`}`;
  return html`<button type="button" class="${box.bound}" style="--from:${part(start)};--size:${part(box.microseconds)};--row:${row}" title="${told}">${box.name}</button>
`;
}

const style = `
.flame { position: relative; --zoom-from: 0; --zoom-size: 1; height: calc(var(--rows) * 25px); overflow: hidden; border-radius: 6px; }
.flame button { --left: clamp(0%, (var(--from) - var(--zoom-from)) / var(--zoom-size) * 100%, 100%);
  --right: clamp(0%, (var(--from) + var(--size) - var(--zoom-from)) / var(--zoom-size) * 100%, 100%);
  position: absolute; top: calc(var(--row) * 25px); left: var(--left); width: calc(var(--right) - var(--left)); height: 24px; margin: 0;
  padding: 0; text-indent: 5px; border: 0; border-right: 1px solid var(--page); overflow: hidden; white-space: nowrap; text-overflow: clip;
  text-align: left; font: inherit; font-size: 12px; line-height: 24px; color: var(--ink); cursor: pointer; }
.flame button:hover, .flame button:focus-visible { filter: brightness(1.12) saturate(1.3); outline-offset: -2px; }
.flame .compute, .flame-key.compute { background: color-mix(in srgb, var(--blue) 38%, var(--surface)); }
.flame .memory, .flame-key.memory { background: color-mix(in srgb, var(--orange) 42%, var(--surface)); }
.flame .none, .flame-key.none { background: color-mix(in srgb, var(--faint) 40%, var(--surface)); }
.flame-key { display: inline-block; width: 14px; height: 14px; margin-left: 12px; border-radius: 3px; vertical-align: -2px; }
.flame-told { min-height: 1.6em; color: var(--muted); }
`;
