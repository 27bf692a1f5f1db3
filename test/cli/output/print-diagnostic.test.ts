import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { printDiagnosticWithSource } from "../../../src/cli/output/print-diagnostic.ts";
import type { Diagnostic } from "../../../src/ir/diagnostic.ts";
import { locationAt, nowhere } from "../../../src/ir/location.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-frames-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => {
  process.env["NO_COLOR"] = "1";
});
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const at = (path: string, line: number, column: number): Diagnostic => ({
  severity: "error",
  code: "wrong",
  message: "it is wrong",
  location: locationAt(path, line, column),
  notes: [],
  help: undefined,
});

test("the faulty word is underlined, with notes and help below", () => {
  const path = file("net.ts", "const a = 1;\nconst y = layers.conv2d(x, 3);\n");
  const notes = [{ message: "x comes from here", location: locationAt(path, 1, 7) }];
  expect(printDiagnosticWithSource({ ...at(path, 2, 11), notes, help: "write 4" })).toBe(`${path}:2:11 error[wrong]: it is wrong

  2 │ const y = layers.conv2d(x, 3);
    │           ~~~~~~~~~~~~~
  note: ${path}:1:7 x comes from here
  help: write 4`);
});

test("a tab counts as one column, and what a terminal would obey is shown", () => {
  const path = file("odd.ts", "\tlet \u001b[31mx;\n");
  expect(
    printDiagnosticWithSource({ ...at(path, 1, 2), message: "\u001b]0;title\u0007" }),
  ).toBe(`${path}:1:2 error[wrong]: \ufffd]0;title\ufffd

  1 │  let \ufffd[31mx;
    │  ~~~`);
});

test("a long line is cut around the word", () => {
  const path = file("long.js", `${"a".repeat(1000)} here ${"b".repeat(1000)}`);
  const [, , line = "", marker = ""] = printDiagnosticWithSource(at(path, 1, 1002)).split("\n");
  expect(line.length).toBeLessThan(150);
  expect(line.slice(marker.indexOf("~"), marker.lastIndexOf("~") + 1)).toBe("here");
});

test.each([
  ["a line that is not there", () => at(file("short.ts", "x\n"), 9, 1)],
  ["a column that is not there", () => at(file("short2.ts", "x\n"), 1, 9)],
  ["a file that is not there", () => at(join(folder, "none.ts"), 1, 1)],
  ["a file that is no source", () => at(file("secrets.txt", "password\n"), 1, 1)],
  ["a folder", () => at(folder, 1, 1)],
  ["a device", () => at("/dev/zero", 1, 1)],
])("%s is named without its text", (_, make) => {
  expect(printDiagnosticWithSource(make())).toMatch(/^\S+:\d+:\d+ error\[wrong\]: it is wrong$/);
});

test("a diagnostic without a place is one line", () => {
  expect(printDiagnosticWithSource({ ...at("", 1, 1), location: nowhere, severity: "warning" })).toBe("warning[wrong]: it is wrong");
});
