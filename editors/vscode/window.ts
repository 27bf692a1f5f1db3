/**
 * Uses the packaged extension in a real VS Code, as its user would, and prints what the window showed as JSON; takes the pictures of
 * docs/editor.md where a folder for them is given.
 *
 *   STRIATE_VSCODE=/path/to/node_modules/code-server npm run window [-- FOLDER]
 *
 * VS Code comes from npm, in its build for browsers, and Chromium opens it. In an empty folder:
 *
 *   npm install --ignore-scripts code-server@4.96.4
 *   cd node_modules/code-server/lib/vscode && rm npm-shrinkwrap.json && npm install --ignore-scripts --omit=dev
 *   cd extensions && npm install --ignore-scripts --omit=dev
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium, type Locator, type Page } from "playwright-core";

const root = resolve(import.meta.dirname, "../..");
const vsix = join(import.meta.dirname, "dist/striate.vsix");
const server = join(process.env["STRIATE_VSCODE"] ?? "", "lib/vscode/out/server-main.js");
const browser = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const pictures = process.argv[2];
if (!existsSync(server)) throw new Error("STRIATE_VSCODE names no code-server: the head of this file says how to get it");
if (!existsSync(vsix)) throw new Error("there is no dist/striate.vsix: npm run package makes it");

const folder = mkdtempSync(join(tmpdir(), "striate-vscode-"));
const workspace = join(folder, "digits");
const port = "8931";

/** A model with a mistake that types cannot see: the size comes from elsewhere. */
const digits = `import { conv2d, defineModel, flatten, linear, maxPool2d, relu } from "striate";
import { features } from "./settings.ts";

export default defineModel({
  name: "Digits",
  inputs: { input: ["N", 1, 28, 28] },
  forward({ input }) {
    const x = relu(conv2d(input, { outChannels: 32, kernelSize: 3, padding: 1 }));
    const y = maxPool2d(x, { kernelSize: 4 });
    return { logits: linear(flatten(y), { inFeatures: features, outFeatures: 10 }) };
  },
});
`;
/** A block that is called several times: one line of it has several shapes. */
const blocks = `import { batchNorm2d, conv2d, defineModel, flatten, linear, maxPool2d, relu, type Tensor } from "striate";

function block<S>(x: Tensor<S>, channels: number) {
  const y = conv2d(x, { outChannels: channels, kernelSize: 3, padding: 1, bias: false });
  return maxPool2d(relu(batchNorm2d(y)), { kernelSize: 2 });
}

export default defineModel({
  name: "Blocks",
  inputs: { input: ["N", 3, 64, 64] },
  forward({ input }) {
    const x = block(block(block(input, 32), 64), 128);
    return { logits: linear(flatten(x), { outFeatures: 10, name: "fc" }) };
  },
});
`;
const settings = {
  "breadcrumbs.enabled": false,
  "editor.fontSize": 13,
  "editor.inlayHints.maximumLength": 120,
  "striate.hints": "all",
  "editor.minimap.enabled": false,
  "files.watcherExclude": { "**/node_modules/**": true },
  "window.commandCenter": false,
  "workbench.activityBar.location": "hidden",
  "workbench.startupEditor": "none",
};

function makeWorkspace(): void {
  mkdirSync(join(workspace, "node_modules"), { recursive: true });
  mkdirSync(join(workspace, ".vscode"));
  symlinkSync(root, join(workspace, "node_modules/striate"));
  writeFileSync(join(workspace, ".vscode/settings.json"), JSON.stringify(settings));
  writeFileSync(join(workspace, "package.json"), JSON.stringify({ name: "digits", type: "module" }));
  writeFileSync(
    join(workspace, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { strict: true, module: "nodenext", target: "es2023", noEmit: true, allowImportingTsExtensions: true, types: [] },
    }),
  );
  writeFileSync(join(workspace, "digits.ts"), digits);
  writeFileSync(join(workspace, "settings.ts"), "export const features: number = 1024;\n");
  writeFileSync(join(workspace, "blocks.ts"), blocks);
  writeFileSync(
    join(workspace, "report.html"),
    "<!doctype html><html><head><title>report</title></head><body><h1>Losses of a run</h1></body></html>",
  );
}

async function startServer(): Promise<ChildProcess> {
  const own = ["--extensions-dir", join(folder, "extensions"), "--user-data-dir", join(folder, "user")];
  execFileSync(process.execPath, [server, "--install-extension", vsix, ...own], { stdio: "ignore" });
  const args = [server, "--accept-server-license-terms", "--host", "127.0.0.1", "--port", port, "--without-connection-token", ...own];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  for await (const text of child.stdout) if (String(text).includes("Web UI available")) break;
  return child;
}

/** Opens a file of the workspace in a window. */
async function open(page: Page, file: string): Promise<void> {
  const payload = encodeURIComponent(JSON.stringify([["openFile", `vscode-remote://127.0.0.1:${port}${join(workspace, file)}`]]));
  await page.goto(`http://127.0.0.1:${port}/?folder=${workspace}&payload=${payload}`);
}
/** Waits until nothing fades in any more. */
const settled = (page: Page): Promise<void> => page.waitForTimeout(700);
/** Does what should make something visible, and again where a busy VS Code came to no answer in time. */
async function until(page: Page, wanted: Locator, ask: () => Promise<void>): Promise<void> {
  for (let tries = 0; tries < 20 && !(await wanted.isVisible()); tries++) {
    await ask();
    await page.waitForTimeout(1500);
  }
  await wanted.waitFor();
}
/** Waits for what VS Code's own TypeScript adds, which is slow to start. */
async function loaded(page: Page): Promise<void> {
  await page.locator(".monaco-hover:visible", { hasText: "Loading..." }).waitFor({ state: "detached" });
  await page.locator(".statusbar-item", { hasText: "Initializing" }).waitFor({ state: "detached" });
  await settled(page);
}
const picture = async (page: Page, name: string): Promise<void> => {
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, name) });
};
const plain = (text: string): string => text.replaceAll("\u00a0", " ").trim();
/** The text of a line, with its hints, as it is shown. */
const line = async (page: Page, part: string): Promise<string> => plain((await shown(page, part).textContent()) ?? "");
const shown = (page: Page, part: string): Locator => page.locator(".view-line", { hasText: part }).first();

async function digitsSession(page: Page) {
  await open(page, "digits.ts");
  const dialog = page.getByText("Do you trust the authors of the files in this folder?");
  await dialog.waitFor();
  await page.locator(".view-line", { hasText: "maxPool2d(x" }).waitFor();
  // As long as a run takes where it is allowed.
  await page.waitForTimeout(4000);
  const untrusted = await line(page, "maxPool2d(x");
  await page.getByText("Yes, I trust the authors").click();
  await shown(page, "const y: [N, 32, 7, 7]").waitFor();
  await page.locator(".squiggly-error").first().waitFor();
  const trusted = await line(page, "maxPool2d(x");
  // Without the list of files there is room for the lines.
  await page.keyboard.press("Control+b");
  const word = page.locator(".view-line span", { hasText: "inFeatures" }).last();
  await word.hover();
  const mistake = page.locator(".monaco-hover:visible .hover-contents", { hasText: "1568 features" }).first();
  await mistake.waitFor();
  const message = plain(await mistake.innerText());
  await loaded(page);
  await picture(page, "vscode-mistake.png");
  await page.keyboard.press("Escape");
  await word.click();
  const menu = page.locator(".action-widget");
  const first = menu.getByText("Set inFeatures to 1568");
  await until(page, first, () => page.keyboard.press("Control+."));
  const actions = (await menu.innerText())
    .split("\n")
    .map((text) => text.trim())
    .filter((text) => text !== "");
  await settled(page);
  await picture(page, "vscode-fix.png");
  await page.keyboard.press("Enter");
  await shown(page, "inFeatures: 1568").waitFor();
  await page.locator(".squiggly-error").first().waitFor({ state: "detached" });
  const fixed = await line(page, "inFeatures");
  return { untrusted, trusted, message, actions, fixed, hovered: await hovered(page) };
}
/** The hover over the convolution of a model without mistakes, which has a receptive field. */
async function hovered(page: Page): Promise<string> {
  const call = page.locator(".view-line span", { hasText: /^conv2d$/ }).last();
  const hover = page.locator(".monaco-hover:visible", { hasText: "receptive field" }).first();
  // Receptive fields come a moment after the shapes.
  await until(page, hover, async () => {
    await page.mouse.move(0, 0);
    await call.hover();
  });
  await loaded(page);
  const text = plain(await hover.innerText());
  await picture(page, "vscode-hover.png");
  return text;
}

async function blocksSession(page: Page) {
  await open(page, "blocks.ts");
  await shown(page, "const x: [N, 128, 8, 8]").waitFor();
  const lens = page.locator(".codelens-decoration", { hasText: "parameters" });
  await lens.first().waitFor();
  await loaded(page);
  const seen = { block: await line(page, "const y"), lens: plain(await lens.first().innerText()) };
  await picture(page, "vscode-blocks.png");
  await lens.first().locator("a").click();
  await panel(page, "Blocks");
  await settled(page);
  await picture(page, "vscode-summary.png");
  await command(page, "striate: Show a Training Report");
  await panel(page, "Losses of a run");
  return { ...seen, panels: ["Blocks", "Losses of a run"] };
}
/** Waits for a panel whose page has this headline. */
async function panel(page: Page, headline: string): Promise<void> {
  for (;;) {
    const found = await Promise.all(
      page.frames().map((frame) =>
        frame
          .locator("h1", { hasText: headline })
          .count()
          .catch(() => 0),
      ),
    );
    if (found.some((count) => count > 0)) return;
    await page.waitForTimeout(200);
  }
}
async function command(page: Page, title: string): Promise<void> {
  await page.keyboard.press("F1");
  await page.keyboard.type(title);
  await page
    .locator(".quick-input-list .monaco-list-row", { hasText: title.replace(/^striate: /, "") })
    .first()
    .click();
}

makeWorkspace();
const child = await startServer();
const chrome = await chromium.launch({ executablePath: browser, args: ["--no-sandbox"] });
try {
  const page = await chrome.newPage({ viewport: { width: 1060, height: 540 } });
  page.setDefaultTimeout(60_000);
  const first = await digitsSession(page);
  const second = await blocksSession(page);
  console.log(JSON.stringify({ ...first, ...second }, null, 2));
} catch (error) {
  for (const page of chrome.contexts().flatMap((context) => context.pages()))
    await page.screenshot({ path: join(tmpdir(), "striate-vscode.png") });
  throw error;
} finally {
  await chrome.close();
  child.kill();
  rmSync(folder, { recursive: true });
}
