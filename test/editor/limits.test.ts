/** Files that loop, run out of memory or end their process, and workspaces that nobody trusts: the server lives on. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { type Editor, startEditor } from "./client.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-limits-"));
afterAll(() => rmSync(folder, { recursive: true }));

let editor: Editor | null = null;
afterEach(async () => {
  await editor?.quit();
  editor = null;
});
const start = async (initializationOptions: object): Promise<Editor> => {
  const started = await startEditor({ initializationOptions });
  editor = started;
  return started;
};

const text = `import { defineModel, relu } from "striate";
// first
export default defineModel({ name: "Net", inputs: { input: ["N", 3, 8, 8] }, forward: ({ input }) => relu(input) });
`;
const hinted = (e: Editor, buffer: ReturnType<Editor["open"]>): Promise<string> =>
  e.until(async () => {
    const line = await buffer.line(2);
    return line.includes("relu(input)« [N, 3, 8, 8]»") ? line : null;
  });

// The limits leave a busy machine time for a healthy run.
test("an endless loop is stopped, said, and survived; the last shapes stay", async () => {
  const e = await start({ trusted: true, timeLimit: 15_000, memoryLimit: 256, hints: "all" });
  const buffer = e.open(join(folder, "loop.ts"), text);
  await hinted(e, buffer);
  buffer.replace("// first", "while (true) {}");
  const [found] = await buffer.diagnostics((all) => all.length > 0);
  expect(found).toMatchObject({ code: "model-stopped", severity: 1 });
  expect(found?.message).toBe(
    "the model file was stopped: it did not end within 15 s; the shapes shown are those of its last good run\nhelp: look for a loop without an end",
  );
  await hinted(e, buffer);
  buffer.replace("while (true) {}", "// mended");
  expect(await buffer.diagnostics((all) => all.length === 0)).toEqual([]);
});

test("a file that takes all memory is stopped, and one that ends its process is named", async () => {
  const e = await start({ trusted: true, timeLimit: 60_000, memoryLimit: 128, hints: "all" });
  const buffer = e.open(join(folder, "memory.ts"), text);
  await hinted(e, buffer);
  buffer.replace("// first", "const all: number[][] = []; for (;;) all.push(Array.from({ length: 1000 }, (_, i) => i + 0.5));");
  const [heap] = await buffer.diagnostics((all) => all.length > 0);
  expect(heap?.message).toMatch(/^the model file was stopped: it used more than 128 MB of memory;/);
  buffer.replace("all.push(Array.from({ length: 1000 }, (_, i) => i + 0.5))", "(all as unknown[]).push(new Uint8Array(8_000_000).fill(1))");
  const [outside] = await buffer.diagnostics((all) => all.length > 0);
  expect(outside?.message).toMatch(/^the model file was stopped: it used more than 128 MB of memory;/);
  buffer.replace(/const all.*;/.exec(buffer.text)?.[0] ?? "", "process.exit(3);");
  const [exit] = await buffer.diagnostics((all) => all.length > 0);
  expect(exit?.message).toMatch(/^the model file was stopped: it ended its process with exit code 3;/);
  await hinted(e, buffer);
});

test("nothing runs in a workspace that is not trusted, until the client says so", async () => {
  const e = await start({ hints: "all" });
  const marker = join(folder, "marker");
  const buffer = e.open(
    join(folder, "untrusted.ts"),
    text.replace("// first", `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(marker)}, "");`),
  );
  // A request is answered behind all that was sent before it; a run would begin within this time.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(await buffer.hints()).toEqual([]);
  expect(await buffer.hover(buffer.find("relu(input)"))).toBe(null);
  expect(existsSync(marker)).toBe(false);
  await e.trust(true);
  await hinted(e, buffer);
  expect(existsSync(marker)).toBe(true);
  await e.trust(false);
  expect(await e.until(async () => ((await buffer.hints()).length === 0 ? true : null))).toBe(true);
});

/** The processes whose parent is this one. */
const childrenOf = (pid: number): readonly number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/stat`, "utf8");
        return Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1]) === pid ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
const lives = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));

test.skipIf(!existsSync("/proc/self/stat"))("a loop does not outlive a server that was killed", async () => {
  const e = await startEditor({ initializationOptions: { trusted: true, timeLimit: 600_000, hints: "all" } });
  const buffer = e.open(join(folder, "orphan.ts"), text);
  await hinted(e, buffer);
  buffer.replace("// first", "while (true) {}");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const children = childrenOf(e.server.pid ?? 0);
  expect(children.length).toBeGreaterThan(0);
  e.server.kill("SIGKILL");
  const gone = async (): Promise<true | null> => (children.some(lives) ? null : true);
  expect(await e.until(gone)).toBe(true);
});
