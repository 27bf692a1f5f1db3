/** The language server in a real editor: Neovim without a screen, with the configuration that editors/neovim recommends. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const nvim = process.env["NVIM"] ?? "nvim";
const here = ((): boolean => {
  try {
    execFileSync(nvim, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();
if (!here) console.warn("the tests in Neovim are skipped: there is no nvim here (apt-get install neovim)");

const folder = mkdtempSync(join(tmpdir(), "striate-neovim-"));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "node_modules"));
symlinkSync(root, join(folder, "node_modules/striate"));
// A size that the type checker does not know: what is wrong shows when the model is traced.
const model = `import { conv2d, defineModel, flatten, linear, maxPool2d, relu } from "striate";

const features: number = 1024;
export default defineModel({
  name: "Digits",
  inputs: { input: ["N", 1, 28, 28] },
  forward({ input }) {
    const x = relu(conv2d(input, { outChannels: 32, kernelSize: 3, padding: 1, name: "conv1" }));
    const y = maxPool2d(x, { kernelSize: 4 });
    return { logits: linear(flatten(y), { inFeatures: features, outFeatures: 10, name: "fc" }) };
  },
});
`;

interface Results {
  readonly version: number;
  readonly failed?: string;
  readonly diagnostics: readonly string[];
  readonly place: { readonly line: number; readonly column: number };
  readonly hover: readonly string[];
  readonly actions: readonly string[];
  readonly line: string;
  readonly hints?: readonly string[];
}
/** Runs Neovim on the model, with folders that it may run the files of. */
function session(script: string, trusted: string, text = model): Promise<Results> {
  const file = join(folder, "digits.ts");
  const out = join(folder, "results.json");
  writeFileSync(file, text);
  writeFileSync(out, "{}");
  const args = [
    "--headless",
    "-n",
    "-u",
    "NONE",
    "--cmd",
    "filetype on",
    "--cmd",
    `let g:striate_trusted = ['${trusted}'] | let g:striate_hints = 'all'`,
  ];
  const scripts = [
    "--cmd",
    `luafile ${join(root, "editors/neovim/striate.lua")}`,
    file,
    "-c",
    `luafile ${resolve(root, "test/editors", script)}`,
  ];
  const env = { ...process.env, STRIATE_RESULTS: out, XDG_STATE_HOME: folder, XDG_CACHE_HOME: folder };
  return new Promise((done, fail) => {
    execFile(nvim, [...args, ...scripts], { cwd: folder, env, timeout: 90_000 }, (error, stdout, stderr) => {
      const results: Results = JSON.parse(readFileSync(out, "utf8"));
      if (error !== null) fail(new Error(`${results.failed ?? "it did not end"}\n${stdout}${stderr}`));
      else done(results);
    });
  });
}

test.skipIf(!here)("Neovim shows a mistake, hovers, and mends it with the quick fix", async () => {
  const results = await session("neovim-session.lua", folder);
  expect(results.diagnostics).toEqual([
    'linear "fc": inFeatures is 1024, but the input has 32 * 7 * 7 = 1568 features\nhelp: leave inFeatures out (it is inferred), or write 1568',
  ]);
  expect(results.place).toEqual({ line: 10, column: 43 });
  expect(results.hover.join("\n")).toContain("28 = 28 + 2*1 - 3 + 1");
  expect(results.actions[0]).toBe("Set inFeatures to 1568");
  expect(results.line).toBe('return { logits: linear(flatten(y), { inFeatures: 1568, outFeatures: 10, name: "fc" }) };');
  // Neovim has inlay hints from 0.10 on.
  if (results.version >= 10) expect(results.hints?.toSorted()).toEqual([" [N, 10]", " [N, 1568]", ": [N, 32, 28, 28]", ": [N, 32, 7, 7]"]);
});

test.skipIf(!here)("Neovim runs nothing outside of the folders that its user trusts", async () => {
  const script = join(folder, "wait.lua");
  const marker = join(folder, "marker");
  writeFileSync(
    script,
    `vim.wait(20000, function() return #vim.lsp.buf_get_clients(0) > 0 end, 50)
vim.wait(2000, function() return false end)
vim.fn.writefile({ vim.fn.json_encode({ version = #vim.lsp.buf_get_clients(0), diagnostics = vim.diagnostic.get(0) }) }, vim.env.STRIATE_RESULTS)
vim.cmd("qall!")`,
  );
  const text = `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(marker)}, "");\n${model}`;
  expect(await session(script, `${folder}/elsewhere`, text)).toEqual({ version: 1, diagnostics: [] });
  expect(existsSync(marker)).toBe(false);
});
