/** HTML that cannot be forgotten to escape: text goes in through the template, markup only as markup. */
import type { Dim } from "../ir/dim.ts";

/** Markup, escaped already. */
export interface Html {
  readonly markup: string;
}
type Child = Html | string | number | null | readonly Child[];

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text as HTML shows it, in elements and in quoted attributes. */
export const escapeHtml = (text: string): string => Array.from(visible(text), (ch) => entities[ch] ?? ch).join("");
/** Text with its control characters, which neither HTML nor SVG can hold, shown as U+FFFD. */
export const visible = (text: string): string => Array.from(text, (ch) => (isControl(ch) ? "\ufffd" : ch)).join("");
const isControl = (ch: string): boolean => (ch < " " ? !"\t\n\r".includes(ch) : ch >= "\u007f" && ch <= "\u009f");

/** A template of HTML: strings are escaped, markup is not, lists are joined, null is nothing. */
export const html = (parts: TemplateStringsArray, ...children: readonly Child[]): Html => ({
  markup: parts.map((part, i) => part + render(children[i] ?? null)).join(""),
});
function render(child: Child): string {
  if (child === null) return "";
  if (typeof child === "string" || typeof child === "number") return escapeHtml(String(child));
  return isList(child) ? child.map(render).join("") : child.markup;
}
const isList = (child: Child): child is readonly Child[] => Array.isArray(child);

/** Markup that another program made and escaped, such as a picture in SVG. */
export const trustedMarkup = (markup: string): Html => ({ markup });

/** 1234567 as 1 234 567, its thin spaces unbreakable. */
export const grouped = (n: number | string): string => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
/** 0.98765 as 98.77 %. */
export const percent = (part: number, digits = 2): string => `${(part * 100).toFixed(digits)}\u202f%`;
/** A size with its digits grouped, a formula as it is, and nothing for none. */
export const shownDim = (value: Dim): string => (value === 0 ? "" : typeof value === "number" ? grouped(value) : value);
/** +12 or −12; nothing for 0. */
export const signed = (n: number, print: (n: number) => string = grouped): string =>
  n === 0 ? "" : `${n < 0 ? "−" : "+"}${print(Math.abs(n))}`;
/** 25578 bytes as 25.6 kB. */
export function byteText(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"] as const;
  const power = Math.min(units.length - 1, n < 1000 ? 0 : Math.floor(Math.log10(n) / 3));
  const value = n / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)}\u202f${units[power]}`;
}
