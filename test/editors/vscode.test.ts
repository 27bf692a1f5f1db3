/** The VS Code extension: what it decides without an editor, what is in its package, and the whole of it in a real window. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { reportPage } from "../../editors/vscode/src/report.ts";
import { findServer, initializationOptions } from "../../editors/vscode/src/server.ts";
import { statusText } from "../../editors/vscode/src/status.ts";
import { withSettings } from "../../src/editor/settings.ts";

const root = resolve(import.meta.dirname, "../..");
const extension = join(root, "editors/vscode");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "striate-extension-")));
afterAll(() => rmSync(folder, { recursive: true }));

const installed = (project: string): string => {
  const program = join(project, "node_modules/striate/bin/striate.js");
  mkdirSync(join(project, "node_modules/striate/bin"), { recursive: true });
  writeFileSync(join(project, "node_modules/striate/package.json"), JSON.stringify({ name: "striate" }));
  writeFileSync(program, "");
  return program;
};

test("the server is the one that a module of the workspace would import", () => {
  const [plain, project] = [join(folder, "plain"), join(folder, "project")];
  mkdirSync(join(project, "packages/nets"), { recursive: true });
  mkdirSync(plain);
  expect(findServer([plain], "")).toEqual({ kind: "missing", why: "striate is not installed here: npm install striate" });
  const program = installed(project);
  const found = { kind: "found", program };
  expect(findServer([project], "")).toEqual({ ...found, folder: project });
  // Also from a package of a monorepo, and where another folder is open before it.
  expect(findServer([plain, join(project, "packages/nets")], "")).toEqual({ ...found, folder: join(project, "packages/nets") });
  // And in this repository itself.
  expect(findServer([root], "")).toEqual({ kind: "found", program: join(root, "bin/striate.js"), folder: root });
  expect(findServer([], "")).toEqual({ kind: "missing", why: "no folder is open" });
});

test("a server that is named in the settings is taken, and told when it is not there", () => {
  const program = join(folder, "striate.js");
  writeFileSync(program, "");
  expect(findServer([folder], "striate.js")).toEqual({ kind: "found", program, folder });
  expect(findServer([folder], "none.js")).toEqual({ kind: "missing", why: `striate.server.path: there is no ${join(folder, "none.js")}` });
});

test("the server understands every setting that the extension declares", () => {
  const { contributes } = JSON.parse(readFileSync(join(extension, "package.json"), "utf8"));
  const declared: readonly string[] = Object.keys(contributes.configuration.properties).map((name) => name.replace(/^striate\./, ""));
  const settings = { inlayHints: false, hints: "all", timeLimit: 1234, memoryLimit: 567, serverPath: "", node: "node" };
  const sent = initializationOptions(settings, true);
  const understood = withSettings(
    { trusted: false, timeLimit: 1, memoryLimit: 1, inlayHints: true, hints: "needed", typeErrors: "none" },
    sent,
  );
  expect(understood).toEqual({ trusted: true, inlayHints: false, hints: "all", timeLimit: 1234, memoryLimit: 567, typeErrors: "editor" });
  expect(declared.filter((name) => !name.startsWith("server."))).toEqual(["inlayHints", "hints", "timeLimit", "memoryLimit"]);
});

test("the status says what stands in the way of shapes", () => {
  const stale = { uri: "file:///net.ts", state: "stale", message: 'Unexpected ":"' } as const;
  expect(statusText({ kind: "untrusted" })).toEqual({
    text: "striate: off",
    detail: "nothing is run before this workspace is trusted",
    mark: "warning",
    busy: false,
  });
  expect(statusText({ kind: "running", buffer: stale })).toEqual({
    text: "striate: older shapes",
    detail: 'shapes of the last good run: Unexpected ":"',
    mark: "warning",
    busy: false,
  });
  expect(statusText({ kind: "running", buffer: { ...stale, state: "current" } })).toMatchObject({ text: "striate", mark: "information" });
});

test("a report in a panel loads nothing from elsewhere, whatever its file says", () => {
  const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">`;
  expect(reportPage('<!doctype html>\n<html lang="en">\n<head>\n<title>Run</title>')).toBe(
    `<!doctype html>\n<html lang="en">\n<head>${policy}\n<title>Run</title>`,
  );
  expect(reportPage("<p>no head</p>")).toBe(`<!doctype html><html><head>${policy}</head><body><p>no head</p></body></html>`);
});

test("nothing of the extension is in the npm package", () => {
  const { files }: { readonly files: readonly string[] } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(files.filter((name) => name.startsWith("editors") || name.startsWith("docs"))).toEqual([]);
});

const hasTools = existsSync(join(extension, "node_modules/@vscode/vsce"));
if (!hasTools) console.warn("the packaging of the VS Code extension is not tested: npm ci in editors/vscode installs what it needs");

test.skipIf(!hasTools)("the extension type-checks against the API of VS Code, and its package holds its code and nothing else", () => {
  execFileSync("npm", ["run", "package"], { cwd: extension, stdio: "pipe" });
  const listed = execFileSync("npx", ["vsce", "ls", "--no-dependencies"], { cwd: extension, encoding: "utf8" });
  expect(listed.trim().split("\n").toSorted()).toEqual(["LICENSE", "README.md", "dist/extension.cjs", "package.json"]);
  const size = readFileSync(join(extension, "dist/striate.vsix")).length;
  expect(size).toBeGreaterThan(50_000);
  expect(size).toBeLessThan(500_000);
});

const hasWindow = hasTools && process.env["STRIATE_VSCODE"] !== undefined;
if (!hasWindow)
  console.warn("the extension is not tried in a window: STRIATE_VSCODE names no VS Code (editors/vscode/window.ts says how to get one)");

test.skipIf(!hasWindow)(
  "in a real VS Code nothing runs before trust; then there are hints, hover, the quick fix, the lens and panels",
  async () => {
    const printed = await new Promise<string>((done, fail) => {
      execFile("npx", ["tsx", "window.ts"], { cwd: extension }, (error, stdout) => (error === null ? done(stdout) : fail(error)));
    });
    const seen = JSON.parse(printed);
    expect(seen.untrusted).toBe("const y = maxPool2d(x, { kernelSize: 4 });");
    expect(seen.trusted).toBe("const y: [N, 32, 7, 7] = maxPool2d(x, { kernelSize: 4 });");
    expect(seen.hovered).toContain("28 = 28 + 2*1 - 3 + 1");
    expect(seen.hovered).toContain("receptive field: 3x3, stride 1");
    expect(seen.message).toContain("inFeatures is 1024, but the input has 32 * 7 * 7 = 1568 features");
    expect(seen.actions.slice(0, 3)).toEqual(["Quick Fix", "Set inFeatures to 1568", "Remove inFeatures: it is inferred"]);
    expect(seen.fixed).toContain("{ inFeatures: 1568, outFeatures: 10 }");
    expect(seen.block).toContain("const y: 3x64x64 -> 32x64x64 | 32x32x32 -> 64x32x32 | 64x16x16 -> 128x16x16 = conv2d(x");
    // 27 * 32 + 9 * 32 * 64 + 9 * 64 * 128 of the convolutions, 2 * (32 + 64 + 128) of the batch norms, 8192 * 10 + 10 of the last layer.
    expect(seen.lens).toMatch(/^175 k parameters \| /);
    expect(seen.panels).toEqual(["Blocks", "Losses of a run"]);
  },
  300_000,
);
