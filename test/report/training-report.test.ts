import { createHash } from "node:crypto";
import sharp from "sharp";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { locationAt, nowhere } from "../../src/ir/location.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";
import { renderTrainingReport, type TrainingReport } from "../../src/report/index.ts";
import { graphsOf, tagsOf } from "./read-page.ts";

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
      weightBytes: 72,
      outputBytes: 32,
      receptiveField: "3x3, stride 1",
      location: locationAt("/models/net.ts", 8, 3),
    },
  ],
  before: graphOf("SmallNet", "conv1"),
  after: graphOf("SmallNet", "conv1"),
  passes: [
    {
      name: "fuse-batch-norm",
      applied: 1,
      nodeDelta: -1,
      macDelta: 0,
      byteDelta: -1024,
      refusals: [{ node: "relu", reason: "nothing to fuse", location: locationAt("/models/net.ts", 9, 1) }],
    },
    { name: "fuse-pad", applied: 0, nodeDelta: 0, macDelta: 0, byteDelta: 0, refusals: [] },
  ],
  footer: "striate",
};

/** What a reader sees of a table, row by row. */
const textOf = (page: string, table: string): readonly string[] =>
  (new RegExp(`<table class="${table}\\b[^>]*>([\\s\\S]*?)</table>`).exec(page)?.[1] ?? "")
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
  expect(tags.filter((tag) => tag === "link")).toHaveLength(1);
  const addresses = [...page.matchAll(/(?:src|href|url)\s*[=(]\s*"?([^"\s)>]+)/g)].map(([, address = ""]) => address);
  expect(addresses.filter((address) => !/^(?:#|data:image\/png;base64,|data:,$)/.test(address))).toEqual([]);
  // What is left of "http" are the names of XML namespaces, which nobody loads.
  expect(page.replace(/xmlns(?::\w+)?="[^"]*"|"http:\/\/www.w3.org\/2000\/svg"/g, "")).not.toContain("http:");
  const [, policy = ""] = /<meta http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
  const scripts = [...page.matchAll(/<script type="module">([\s\S]*?)<\/script>/g)].map(([, code = ""]) => code);
  const hashes = scripts.map((code) => `'sha256-${createHash("sha256").update(code).digest("base64")}'`);
  expect(scripts).toHaveLength(2);
  expect(policy.replaceAll("&#39;", "'")).toBe(
    `default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; script-src ${hashes.join(" ")}`,
  );
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
    "layer|op|output|parameters|MACs per image|share|weights|output bytes|receptive field|source|",
    "conv1|Conv|[N, 2, 2, 2]|18|72|100.0\u202f%|72\u202fB|32\u202fB|3x3, stride 1|/models/net.ts:8:3|",
    "total|||18|72||72\u202fB||||",
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

test("the passes have what they changed, and where and why they did not", async () => {
  const page = await renderTrainingReport(small);
  expect(textOf(page, "passes")).toEqual([
    "pass|changes|nodes|MACs|weights|left alone, and why|",
    "fuse-batch-norm|1|−1||−1.0\u202fkB|1 placerelu: nothing to fuse /models/net.ts:9:1|",
  ]);
  expect(page).toContain("Nothing to do: fuse-pad.");
});

test("the graphs show ops, names, shapes and weights", async () => {
  const [before] = graphsOf(await renderTrainingReport(small));
  expect(before?.scopes[0]?.boxes.map((box) => box.lines).toSorted()).toEqual([
    ["conv1", "Conv", "[N, 2, 2, 2]"],
    ["input", "float32[N, 1, 4, 4]"],
    ["relu", "Relu", "[N, 2, 2, 2]"],
    ["relu", "float32[N, 2, 2, 2]"],
  ]);
  const conv = before?.scopes[0]?.boxes.find((box) => box.kind === "weighted");
  expect(conv?.details).toContainEqual(["weights", "conv1.weight: float32[2, 1, 3, 3]"]);
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
    passes: small.passes.map((pass) => ({ ...pass, name: hostile, refusals: [{ node: hostile, reason: hostile, location: nowhere }] })),
  });
  const tags = tagsOf(page);
  // Two scripts of ours, and the data of two graphs.
  expect(tags.filter((tag) => tag === "script")).toHaveLength(4);
  expect(tags.filter((tag) => tag === "img")).toHaveLength(1);
  expect(page).not.toMatch(/<[^>]*\sonerror="/);
  expect(page).not.toContain("\u0000");
  expect(page).toContain("&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
});

test("sections without data are left out", async () => {
  const empty = { ...small, steps: [], epochs: [], confusion: [], mistakes: [], layers: [], passes: [] };
  const page = await renderTrainingReport({ ...empty, before: graphOf("net", "conv1"), after: null });
  expect([...page.matchAll(/<h2[^>]*>([^<]*)/g)].map(([, title]) => title)).toEqual(["Graph before and after optimisation"]);
  const bare = await renderTrainingReport({ ...empty, before: null, after: null });
  expect(bare).not.toContain("<section");
  expect(bare).not.toContain("<script");
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
