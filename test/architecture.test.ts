/** The structure that ARCHITECTURE.md describes, kept true: who imports whom, how long files are, and that every export is documented. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const filesBelow = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.includes(".generated."))
    .map((name) => join(folder, name));
const sources = [...filesBelow("src"), ...filesBelow("models")];
const text = (file: string): string => readFileSync(join(root, file), "utf8");

/** What each folder may import besides itself and packages. "*" is everything. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "src/ir": [],
  "src/random": [],
  "src/passes": ["src/ir"],
  "src/codegen": ["src/ir", "src/version.ts"],
  "src/dsl": ["src/ir", "src/random"],
  "src/runtime": ["src/ir", "src/codegen", "src/data"],
  "src/data": ["src/ir", "src/random"],
  "src/vision": ["src/ir"],
  "src/report": ["src/ir"],
  "src/compile": ["src/ir", "src/passes", "src/codegen", "src/dsl", "src/version.ts"],
  "src/train": ["*"],
  "src/inspect": ["src/ir", "src/passes", "src/compile", "src/codegen", "src/dsl", "src/runtime", "src/random"],
  "src/cli": ["*"],
  "src/editor": ["*"],
  src: ["*"],
  models: ["striate"],
};
const folderOf = (file: string): string => {
  const [top = "", second = ""] = file.split("/");
  return top === "src" && file.split("/").length > 2 ? `${top}/${second}` : top;
};
const importsOf = (file: string): readonly string[] =>
  [...text(file).matchAll(/^\s*(?:import|export)\b[^;]*?\bfrom\s+"([^"]+)"/gm)].flatMap(([, target]) =>
    target === undefined ? [] : [target],
  );

test("imports go only where ARCHITECTURE.md says", () => {
  const wrong = sources.flatMap((file) => {
    const from = folderOf(file);
    const rule = allowed[from] ?? [`${from} has no rule`];
    if (rule.includes("*")) return [];
    const targets = importsOf(file).filter((t) => t.startsWith(".") || t.startsWith("striate"));
    const places = targets.map((t) => (t.startsWith(".") ? relative(root, resolve(root, dirname(file), t)) : t));
    return places
      .filter((place) => folderOf(place) !== from && !rule.some((r) => place === r || place.startsWith(`${r}/`)))
      .map((place) => `${file} imports ${place}`);
  });
  expect(wrong).toEqual([]);
});

test("no file is longer than 400 lines", () => {
  expect(sources.filter((file) => text(file).split("\n").length > 400)).toEqual([]);
});

test("every export has a doc comment", () => {
  const bare = sources.flatMap((file) => {
    const lines = text(file).split("\n");
    return lines.flatMap((line, i) => {
      const exported = /^export (?:abstract )?(?:async )?(?:const|function\*?|class|interface|type) (\w+)/.exec(line);
      // An overload, or the implementation behind overloads, is documented by the first.
      const before = lines[i - 1] ?? "";
      return exported === null || /\*\/\s*$/.test(before) || (/^export function/.test(before) && before.includes(`function ${exported[1]}`))
        ? []
        : [`${file}:${i + 1} ${exported[1]}`];
    });
  });
  expect(bare).toEqual([]);
});

test("framework code does not name an op", () => {
  // A rewrite rule's subject is its op; each such file says so by its name in this list.
  const framework = [...filesBelow("src/passes"), ...filesBelow("src/codegen")].filter((file) =>
    /(rewrite|differentiate|lower|dead-code|common-sub|constant-folding|receptive-field|cost|activation-memory|write|parse|emit)/.test(
      file,
    ),
  );
  const named = framework.flatMap((file) => [...text(file).matchAll(/opType === "(\w+)"/g)].map(([match]) => `${file}: ${match}`));
  expect(named).toEqual([]);
});
