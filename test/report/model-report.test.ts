import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { locationAt } from "../../src/ir/location.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";
import type { GraphData, ScopeData } from "../../src/report/browser/graph-data.ts";
import { type ModelReport, renderModelReport } from "../../src/report/index.ts";
import { layOutGraph } from "../../src/report/lay-out-scopes.ts";
import { type Browser, type BrowserPage, chromium, openPage } from "../support/chromium.ts";
import { graphsOf, tagsOf } from "./read-page.ts";

/** A stem, two blocks of two convolutions with a shortcut, and a head, their names below a prefix. */
function blocks(prefix: string): Graph {
  const b = new GraphBuilder("blocks");
  let x = b.input("image", { dtype: "float32", shape: ["N", 2, 8, 8] });
  const conv = (name: string) => {
    const weight = b.initializer(`${name}.weight`, tensorFrom("float32", [2, 2, 3, 3], Array<number>(36).fill(0)));
    return b.add("Conv", [x, weight], { pads: [1, 1, 1, 1] }, { name });
  };
  x = conv(`${prefix}stem`);
  for (const block of ["stage.0", "stage.1"]) {
    const shortcut = x;
    x = conv(`${prefix}${block}.conv1`);
    x = b.add("Relu", [x], {}, { name: `${prefix}${block}.relu` });
    x = conv(`${prefix}${block}.conv2`);
    x = b.add("Add", [x, shortcut], {}, { name: `${prefix}${block}.add` });
  }
  b.output(b.add("GlobalAveragePool", [x], {}, { name: `${prefix}pool` }));
  return b.build();
}

const hostile = `"onmouseover="throw 1" <script>throw 2</script><!-- \u0000`;
const rows = ["stem", "stage.0.conv1", "stage.1.conv2"].map((name, i) => ({
  name,
  kind: "Conv",
  output: { dtype: "float32", shape: ["N", 2, 8, 8] } as const,
  parameters: [36, 9, 100][i] ?? 0,
  macs: [2304, 7000, 100][i] ?? 0,
  weightBytes: 144,
  outputBytes: 512,
  receptiveField: ["3x3, stride 1", "whole input", "11x11, stride 1"][i] ?? "",
  location: locationAt("/net.ts", i + 1, 1),
}));
const box = { type: "float32[N, 2, 8, 8]", left: 2, top: 2, width: 3, height: 3, isWhole: false };
const reportOf = (graph: Graph, name: string): ModelReport => ({
  title: name,
  subtitle: name,
  figures: [{ label: name, value: name }],
  layers: [...rows, ...rows.slice(0, 1).map((row) => ({ ...row, name, kind: name, receptiveField: name }))],
  before: graph,
  after: blocks(""),
  figuresOf: ({ opType }) => (opType === "Conv" ? { parameters: 36, macs: 2304 } : null),
  fields: {
    input: name,
    width: 8,
    height: 8,
    picture: null,
    boxes: [
      { ...box, value: name, field: name },
      { ...box, value: "add", field: "19x19", width: 19, height: 19 },
    ],
  },
  passes: [
    {
      name,
      applied: 1,
      nodeDelta: -1,
      macDelta: 0,
      byteDelta: 0,
      refusals: [{ node: name, reason: name, location: locationAt(name, 1, 1) }],
    },
  ],
  sizes: [{ what: name, before: name, after: "after" }],
  footer: name,
});

const scope = (data: GraphData, name: string): ScopeData | undefined => data.scopes.find((s) => s.name === name);
const boxesOf = (data: GraphData, name: string): readonly string[] =>
  scope(data, name)
    ?.boxes.map((b) => b.lines[0] ?? "")
    .filter((l) => l !== "") ?? [];

test("a graph is laid out scope by scope, with what comes in from outside", async () => {
  const data = await layOutGraph(blocks(""), () => null);
  expect(data.scopes.map((s) => s.name)).toEqual(["blocks", "stage", "stage.0", "stage.1"]);
  expect(boxesOf(data, "blocks")).toEqual(["stem", "stage", "pool", "image", "pool"]);
  expect(boxesOf(data, "stage")).toEqual(["0", "1", "from stem"]);
  expect(boxesOf(data, "stage.1")).toEqual(["conv1", "relu", "conv2", "add", "from stage.0.add"]);
  const { boxes = [], edges = [] } = scope(data, "stage.1") ?? {};
  const links = edges.map(({ from, to }) => `${boxes[from]?.lines[0] ?? ""}>${boxes[to]?.lines[0] ?? ""}`).toSorted();
  expect(links).toEqual(["add>", "conv1>relu", "conv2>add", "from stage.0.add>add", "from stage.0.add>conv1", "relu>conv2"]);
});

test("boxes of one scope do not overlap, and edges begin and end at the edge of theirs", async () => {
  const data = await layOutGraph(blocks(""), () => null);
  for (const { boxes, edges, w, h } of data.scopes) {
    for (const [i, a] of boxes.entries()) {
      expect(a.x - a.w / 2).toBeGreaterThanOrEqual(-1);
      expect(a.y + a.h / 2).toBeLessThanOrEqual(h + 1);
      expect(a.x + a.w / 2).toBeLessThanOrEqual(w + 1);
      for (const b of boxes.slice(i + 1))
        expect(Math.abs(a.x - b.x) >= (a.w + b.w) / 2 || Math.abs(a.y - b.y) >= (a.h + b.h) / 2).toBe(true);
    }
    for (const { from, points } of edges) {
      const [a, y = 0] = [boxes[from], points[1]];
      // Graphviz rounds to a hundredth of an inch.
      expect(Math.abs(y - ((a?.y ?? 0) + (a?.h ?? 0) / 2))).toBeLessThan(2);
    }
  }
});

test("names without scopes are shown in pieces, and a name of many dots is no deep nest", async () => {
  const b = new GraphBuilder("long");
  let x = b.input("input", { dtype: "float32", shape: [1] });
  for (let i = 0; i < 400; i++) x = b.add("Relu", [x], {}, { name: i === 7 ? "a.".repeat(5000) : `n${i}` });
  b.output(x);
  const data = await layOutGraph(b.build(), () => null);
  expect(Math.max(...data.scopes.map((s) => s.boxes.length))).toBeLessThan(100);
  expect(boxesOf(data, "long").slice(0, 2)).toEqual(["parts 1 to 40", "parts 41 to 80"]);
});

test("every name is text, in the page and in the data of its scripts", async () => {
  const page = await renderModelReport(reportOf(blocks(`${hostile}.`), hostile));
  // Three scripts of ours, and the data of two graphs.
  expect(tagsOf(page).filter((tag) => tag === "script")).toHaveLength(5);
  expect(page).not.toMatch(/<[^>]*\sonmouseover="/);
  expect(page).not.toContain("\u0000");
  expect(page).not.toContain("<script>throw");
  expect(graphsOf(page)[0]?.scopes[1]?.name).toBe(hostile);
});

if (chromium === null) console.warn("the tests in Chromium are skipped: there is none here (apt-get install chromium)");
describe.skipIf(chromium === null)("in Chromium", () => {
  const folder = mkdtempSync(join(tmpdir(), "striate-report-"));
  let browser: Browser;
  let page: BrowserPage;
  const text = (selector: string): Promise<unknown> =>
    page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.textContent)`);
  const attribute = (selector: string, name: string): Promise<unknown> =>
    page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.getAttribute(${JSON.stringify(name)})`);
  const names = (): Promise<unknown> => text("#layer-table tbody th");
  const stage = `.view-1 .scope[data-key="0.1"]`;
  beforeAll(async () => {
    writeFileSync(join(folder, "report.html"), await renderModelReport(reportOf(blocks(`${hostile}.`), hostile)));
    browser = await openPage(join(folder, "report.html"));
    page = browser.page;
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  test("headings sort by click and by key, and say so", async () => {
    const seen = hostile.replace("\u0000", "\ufffd");
    const inOrder = ["stem", "stage.0.conv1", "stage.1.conv2", seen];
    expect(await names()).toEqual(inOrder);
    await page.click("#layer-table thead th:nth-child(5) button");
    expect(await names()).toEqual(["stage.0.conv1", "stem", seen, "stage.1.conv2"]);
    expect(await attribute("#layer-table thead th:nth-child(5)", "aria-sort")).toBe("descending");
    await page.evaluate(`document.querySelector("#layer-table thead th:nth-child(4) button").focus()`);
    await page.press("Enter");
    expect(await names()).toEqual(["stage.1.conv2", "stem", seen, "stage.0.conv1"]);
    expect(await attribute("#layer-table thead th:nth-child(5)", "aria-sort")).toBe("none");
    await page.press(" ");
    expect(await attribute("#layer-table thead th:nth-child(4)", "aria-sort")).toBe("ascending");
    await page.press(" ");
    expect(await names()).toEqual(inOrder);
  });

  test("receptive fields sort by size, the whole input as the largest", async () => {
    await page.click("#layer-table thead th:nth-child(9) button");
    expect(await text("#layer-table .field")).toEqual([
      "whole input",
      hostile.replace("\u0000", "\ufffd"),
      "11x11, stride 1",
      "3x3, stride 1",
    ]);
  });

  test("the table shows only the rows that hold what is sought", async () => {
    await page.evaluate(`document.querySelector("[data-filters]").focus()`);
    for (const key of "whole") await page.press(key);
    expect(await text("#layer-table tbody tr:not([hidden]) th")).toEqual(["stage.0.conv1"]);
  });

  test("a scope opens by click, folds by key, and what is in it can be reached by arrows", async () => {
    await page.click(`.choice label:nth-of-type(2)`);
    expect(await attribute(stage, "aria-expanded")).toBe("false");
    expect(await text(`.view-1 .box .line-0`)).toEqual(["stem", "stage", "pool", "image", "pool"]);
    await page.click(stage);
    expect(await attribute(stage, "aria-expanded")).toBe("true");
    expect(await text(`.view-1 .box .line-0`)).toContain("from stem");
    await page.press("ArrowDown");
    const focused = `document.activeElement.getAttribute("aria-label")`;
    expect(await page.evaluate(focused)).toMatch(/^stage\.0, 4 nodes/);
    await page.press("Enter");
    expect(await attribute(`.view-1 [data-key="0.1.0"]`, "aria-expanded")).toBe("true");
    await page.press("Escape");
    expect(await attribute(stage, "aria-expanded")).toBe("false");
    expect(await page.evaluate(focused)).toMatch(/^stage, /);
  });

  test("an open scope stands clear of its neighbours", async () => {
    await page.click(`.view-1 [data-do="open"]`);
    const overlaps = await page.evaluate(`(() => {
      const boxes = [...document.querySelectorAll(".view-1 .canvas svg > .box")].map((e) => ({ open: e.classList.contains("open"), r: e.querySelector("rect, circle").getBoundingClientRect() }));
      const inside = (a, b) => a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
      const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
      return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => !apart(a.r, b.r) && !(a.open && inside(b.r, a.r)) && !(b.open && inside(a.r, b.r)))).length;
    })()`);
    expect(overlaps).toBe(0);
    expect(await text(`.view-1 .box.open`)).toHaveLength(3);
    await page.click(`.view-1 [data-do="fold"]`);
    expect(await text(`.view-1 .box.open`)).toEqual([]);
  });

  test("a node tells what it is, and the picture zooms by key", async () => {
    await page.click(`.view-1 [data-key="0.0"]`);
    expect(await page.evaluate(`document.querySelector(".view-1 .details").hidden`)).toBe(false);
    expect(await text(".view-1 .details dd")).toContain("stem.weight: float32[2, 2, 3, 3]");
    const width = `document.querySelector(".view-1 .canvas svg").getBoundingClientRect().width`;
    const before = Number(await page.evaluate(width));
    await page.evaluate(`document.querySelector(".view-1 [data-key='0.0']").focus()`);
    await page.press("+");
    expect(Number(await page.evaluate(width)) / before).toBeCloseTo(1.25, 2);
    await page.press("-");
    expect(Number(await page.evaluate(width)) / before).toBeCloseTo(1, 2);
  });

  test("a button lights up its receptive field", async () => {
    await page.click(".fields li:nth-child(2) button");
    expect(await attribute(".fields .field-box.on", "data-box")).toBe("1");
    expect(await attribute(".fields li:nth-child(2) button", "aria-pressed")).toBe("true");
  });

  test("dark and light follow the reader's preference", async () => {
    const background = `getComputedStyle(document.body).backgroundColor`;
    await page.prefer("dark");
    expect(await page.evaluate(background)).toBe("rgb(19, 20, 23)");
    await page.prefer("light");
    expect(await page.evaluate(background)).toBe("rgb(247, 247, 245)");
  });

  test("nothing was said in the console, and nothing was loaded but the file", () => {
    expect(page.messages).toEqual([]);
    expect(page.requests.filter((address) => !address.startsWith("data:"))).toHaveLength(1);
  });
});
