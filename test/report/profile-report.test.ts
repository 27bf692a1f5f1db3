import { describe, expect, test } from "vitest";
import { type FlameBox, type ProfileReport, renderProfileReport } from "../../src/report/index.ts";

const box = (name: string, microseconds: number, parts: readonly FlameBox[] = []): FlameBox => ({
  name,
  microseconds,
  bound: "compute",
  detail: "",
  parts,
});
const report: ProfileReport = {
  title: "<b>Net</b>",
  subtitle: "inference",
  figures: [],
  footer: "",
  flame: box("a run", 200, [box("layer1", 150, [box('x"><script>alert(1)</script>', 100), box("conv2", 50)]), box("idle", 0)]),
  roofs: { flops: 5e10, bandwidth: 1e10 },
  points: [
    { bound: "memory", intensity: 0.25, flops: 2e9, share: 0.25 },
    { bound: "compute", intensity: 100, flops: 4e10, share: 0.5 },
    { bound: "memory", intensity: 0, flops: 0, share: 0.25 },
  ],
  lines: [
    {
      label: "layer1",
      op: "Conv",
      line: "net.ts:1:2",
      microseconds: 150,
      share: 0.75,
      flops: 6e6,
      bytes: 3e5,
      roof: { intensity: 20, bound: "compute", reached: 0.8 },
    },
  ],
};

describe("the page of a profile", () => {
  test("boxes stand where their time begins, those of a scope below it", async () => {
    const page = await renderProfileReport(report);
    const boxes = [...page.matchAll(/--from:([\d.]+);--size:([\d.]+);--row:(\d+)" title="([^"]*)"/g)].map(([, from, size, row, told]) => [
      Number(from),
      Number(size),
      Number(row),
      told,
    ]);
    expect(boxes).toEqual([
      [0, 1, 0, "a run: 0.200 ms, 100.0\u202f%"],
      [0, 0.75, 1, "layer1: 0.150 ms, 75.0\u202f%"],
      [0, 0.5, 2, "x&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;: 0.100 ms, 50.0\u202f%"],
      [0.5, 0.25, 2, "conv2: 0.050 ms, 25.0\u202f%"],
      [0.75, 0, 1, "idle: 0.000 ms, 0.0\u202f%"],
    ]);
  });

  test("names are text, and only the page's own scripts run", async () => {
    const page = await renderProfileReport(report);
    expect(page).not.toContain("<script>alert");
    expect(page).toContain("&lt;b&gt;Net&lt;/b&gt;");
    const [, policy = ""] = /Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
    expect(policy).toMatch(/^default-src &#39;none&#39;;/);
    expect([...page.matchAll(/<script\b/g)].length).toBe([...policy.matchAll(/sha256-/g)].length);
  });

  test("the roofline has a dot for each part with arithmetic, and the ridge between its roofs", async () => {
    const page = await renderProfileReport(report);
    const svg = /<svg[\s\S]*?<\/svg>/.exec(page)?.[0] ?? "";
    expect([...svg.matchAll(/fill="var\(--(?:orange|blue)\)"/g)].length).toBe(2);
    expect(page).toContain("50.0 GFLOP/s at most");
    expect(page).toContain("below 5.0 of them");
    expect(await renderProfileReport({ ...report, roofs: null })).not.toContain("Roofline");
  });
});
