import sharp from "sharp";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";
import { renderTrainingReport, type TrainingReport } from "../../src/report/index.ts";

function graphOf(name: string, layer: string): Graph {
  const b = new GraphBuilder(name);
  const x = b.input("input", { dtype: "float32", shape: ["N", 1, 4, 4] });
  const weight = b.initializer(`${layer}.weight`, tensorFrom("float32", [2, 1, 3, 3], Array<number>(18).fill(0)));
  const y = b.add("Conv", [x, weight], {}, { name: layer });
  b.output(b.add("Relu", [y], {}, { name: "relu" }));
  return b.build();
}

const small: TrainingReport = {
  title: "SmallNet",
  subtitle: "two images",
  figures: [{ label: "accuracy", value: "50.00 %" }],
  steps: [
    { epoch: 0.5, loss: 2 },
    { epoch: 1, loss: 1 },
  ],
  epochs: [{ epoch: 1, loss: 1.5, accuracy: 0.5, validationLoss: 1.25, validationAccuracy: 0.75 }],
  classes: ["cat", "dog"],
  confusion: [
    [7, 1],
    [2, 1234],
  ],
  mistakes: [{ pixels: Uint8Array.of(1, 2, 3, 4), width: 2, height: 2, channels: 1, predicted: 1, truth: 0, probability: 0.987, row: 5 }],
  layers: [
    {
      name: "conv1",
      kind: "Conv",
      output: { dtype: "float32", shape: ["N", 2, 2, 2] },
      parameters: 18,
      macs: 72,
      receptiveField: "3x3, stride 1",
    },
  ],
  before: graphOf("SmallNet", "conv1"),
  after: graphOf("SmallNet", "conv1"),
  passes: [{ name: "fuse-batch-norm", applied: 1, nodesBefore: 3, nodesAfter: 2, refusals: ["relu: nothing to fuse"] }],
  footer: "striate",
};

const voidTags = new Set(["meta", "img", "br", "hr", "input", "link", "!doctype"]);
/** The tags of a page. Fails when they do not nest. */
function tagsOf(page: string): readonly string[] {
  const open: string[] = [];
  const seen: string[] = [];
  for (const [, slash, name = "", rest] of page
    .replace(/<style>[\s\S]*?<\/style>/g, "")
    .matchAll(/<(\/?)([!a-zA-Z][\w-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>/g)) {
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
/** What a reader sees of a table, row by row. */
const textOf = (page: string, table: string): readonly string[] =>
  (new RegExp(`<table class="${table}">([\\s\\S]*?)</table>`).exec(page)?.[1] ?? "")
    .split("</tr>")
    .map((row) =>
      row
        .replace(/<\/t[hd]>/g, "|")
        .replace(/<[^>]*>/g, "")
        .trim(),
    )
    .filter((row) => row !== "");

test("a report is one well-formed page that needs nothing else", async () => {
  const page = await renderTrainingReport(small);
  const tags = tagsOf(page);
  expect(tags.filter((tag) => tag === "section")).toHaveLength(6);
  expect(tags).not.toContain("script");
  expect(tags).not.toContain("link");
  const addresses = [...page.matchAll(/(?:src|href|url)\s*[=(]\s*"?([^"\s)>]+)/g)].map(([, address = ""]) => address);
  expect(addresses.filter((address) => !/^(?:#|data:image\/png;base64,)/.test(address))).toEqual([]);
  // What is left of "http" are the names of XML namespaces, which nobody loads.
  expect(page.replace(/xmlns(?::\w+)?="[^"]*"/g, "")).not.toContain("http:");
  expect(page).toContain(`content="default-src &#39;none&#39;; img-src data:; style-src &#39;unsafe-inline&#39;"`);
});

test("the confusion matrix has its counts, recall and precision", async () => {
  expect(textOf(await renderTrainingReport(small), "confusion")).toEqual([
    "true \\ predicted|cat|dog|recall|",
    "cat|7|1|87.5\u202f%|",
    "dog|2|1\u202f234|99.8\u202f%|",
    "precision|77.8\u202f%|99.9\u202f%||",
  ]);
});

test("the layer table has shapes, costs and totals", async () => {
  expect(textOf(await renderTrainingReport(small), "layers")).toEqual([
    "layer|op|output|parameters|MACs per image|receptive field|",
    "conv1|Conv|float32[N, 2, 2, 2]|18|72|3x3, stride 1|",
    "total|||18|72||",
  ]);
});

test("a mistake's picture holds its pixels, and says what was taken for what", async () => {
  const page = await renderTrainingReport(small);
  const [, base64 = ""] = /src="data:image\/png;base64,([^"]+)"/.exec(page) ?? [];
  const pixels = await sharp(Buffer.from(base64, "base64")).toColourspace("b-w").raw().toBuffer();
  expect([...pixels]).toEqual([1, 2, 3, 4]);
  expect(page).toContain(`alt="Example 5: cat taken for dog"`);
  expect(page).toContain("98.7\u202f% sure · #5");
});

test("a colour picture keeps its channels", async () => {
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6);
  const page = await renderTrainingReport({
    ...small,
    mistakes: [{ pixels, width: 2, height: 1, channels: 3, predicted: 1, truth: 0, probability: 1, row: 0 }],
  });
  const [, base64 = ""] = /src="data:image\/png;base64,([^"]+)"/.exec(page) ?? [];
  expect([...(await sharp(Buffer.from(base64, "base64")).raw().toBuffer())]).toEqual([1, 3, 5, 2, 4, 6]);
});

test("the graphs show ops, names, shapes and weights", async () => {
  const page = await renderTrainingReport(small);
  const texts = [...page.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text = ""]) => text.replaceAll("&#160;", " ").trim());
  for (const text of ["Conv", "conv1", "[2, 1, 3, 3]", "Relu", "relu", "float32[N, 1, 4, 4]", "[N, 2, 2, 2]"])
    expect(texts).toContain(text);
});

const hostile = `</title><script>alert(1)</script><img src=x onerror="alert(2)">&lt;\\N\\"'\u0000\u0007${"x".repeat(60)}`;

test("names are shown as text, whatever they hold", async () => {
  const page = await renderTrainingReport({
    ...small,
    title: hostile,
    subtitle: hostile,
    footer: hostile,
    figures: [{ label: hostile, value: hostile }],
    classes: [hostile, hostile],
    layers: small.layers.map((layer) => ({ ...layer, name: hostile, kind: hostile, receptiveField: hostile })),
    before: graphOf(hostile, hostile),
    passes: [{ name: hostile, applied: 0, nodesBefore: 0, nodesAfter: 0, refusals: [hostile] }],
  });
  const tags = tagsOf(page);
  expect(tags).not.toContain("script");
  expect(tags.filter((tag) => tag === "img")).toHaveLength(1);
  expect(page).not.toMatch(/<[^>]*\sonerror="/);
  expect(page).not.toContain("\u0000");
  expect(page).toContain("&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
});

test("sections without data are left out, and a graph that is too large is not drawn", async () => {
  const b = new GraphBuilder("long");
  let x = b.input("input", { dtype: "float32", shape: [1] });
  for (let i = 0; i < 601; i++) x = b.add("Relu", [x]);
  b.output(x);
  const empty = { ...small, steps: [], epochs: [], confusion: [], mistakes: [], layers: [], passes: [] };
  const page = await renderTrainingReport({ ...empty, before: b.build(), after: null });
  expect([...page.matchAll(/<h2[^>]*>([^<]*)/g)].map(([, title]) => title)).toEqual(["Graph before and after optimisation"]);
  expect(page).toContain("Before: 601 nodes</figcaption><p>Too large to draw");
  expect(await renderTrainingReport({ ...empty, before: null, after: null })).not.toContain("<section");
});

test("many classes are reported by their most frequent confusions", async () => {
  const n = 40;
  const confusion = Array.from({ length: n }, (_, truth) =>
    Array.from({ length: n }, (_, k) => (truth === k ? 5 : truth === 3 && k === 30 ? 2 : 0)),
  );
  const page = await renderTrainingReport({ ...small, confusion, classes: Array.from({ length: n }, (_, k) => `class ${k}`) });
  expect(page).not.toContain(`<table class="confusion">`);
  expect(page).toContain(`<li><b>class 3</b> taken for <b>class 30</b> <span class="count">2</span></li>`);
});
