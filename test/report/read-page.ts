/** What a report page says, read from its text. */
import { expect } from "vitest";
import type { GraphData } from "../../src/report/browser/graph-data.ts";

const voidTags = new Set(["meta", "img", "br", "hr", "input", "link", "!doctype"]);
/** The tags of a page. Fails when they do not nest. */
export function tagsOf(page: string): readonly string[] {
  const open: string[] = [];
  const seen: string[] = [];
  const marked = page.replace(/<style>[\s\S]*?<\/style>/g, "").replace(/(<script [^>]*>)[\s\S]*?<\/script>/g, "$1</script>");
  for (const [, slash, name = "", rest] of marked.matchAll(/<(\/?)([!a-zA-Z][\w-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>/g)) {
    const tag = name.toLowerCase();
    if (slash === "/") expect(open.pop()).toBe(tag);
    else {
      seen.push(tag);
      if (!voidTags.has(tag) && !rest?.endsWith("/")) open.push(tag);
    }
  }
  expect(open).toEqual([]);
  return seen;
}
/** The graphs that its viewer is given. */
export const graphsOf = (page: string): readonly GraphData[] =>
  [...page.matchAll(/<script type="application\/json">([\s\S]*?)<\/script>/g)].map(([, text = "{}"]): GraphData => JSON.parse(text));
