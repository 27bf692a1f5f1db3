/** The scripts of report pages: files of `browser/`, as a browser takes them. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

/** A script that stands in a page. */
export interface PageScript {
  readonly code: string;
  /** Its source in a Content-Security-Policy: `'sha256-…'`. */
  readonly policy: string;
}
/** The scripts that there are. */
export type ScriptName = "sort-tables" | "view-graphs" | "light-up" | "zoom-flame";

const made = new Map<ScriptName, Promise<PageScript>>();
/** A script, compiled: from JavaScript in an installed package, from TypeScript in a checkout. */
export function pageScript(name: ScriptName): Promise<PageScript> {
  const script = made.get(name) ?? readScript(name);
  made.set(name, script);
  return script;
}

async function readScript(name: ScriptName): Promise<PageScript> {
  const isSource = import.meta.url.endsWith(".ts");
  const text = await readFile(new URL(`./browser/${name}.${isSource ? "ts" : "js"}`, import.meta.url), "utf8");
  const code = `\n${(isSource ? await compiled(text) : text).replace(/^export \{\};?\n?/gm, "").trim()}\n`;
  // What would end the element, or begin another, stands in no script of ours.
  if (/<\/script|<!--/i.test(code)) throw new RangeError(`script ${name} cannot stand in a page`);
  return { code, policy: `'sha256-${createHash("sha256").update(code).digest("base64")}'` };
}

async function compiled(source: string): Promise<string> {
  const { ts } = await import("ts-morph");
  const { target, module } = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  return ts.transpileModule(source, { compilerOptions: { target, module, removeComments: true } }).outputText;
}
