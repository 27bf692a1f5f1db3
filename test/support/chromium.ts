/** Chromium without a window, spoken to over the DevTools protocol through a pipe: no package and no port. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const names = ["chromium", "chromium-browser", "google-chrome", "chrome"] as const;
/** The program, or null where there is none. */
export const chromium: string | null = names.find(works) ?? null;
function works(name: string): boolean {
  try {
    execFileSync(name, ["--version"], { stdio: "ignore", timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}

/** A page of a browser. */
export interface BrowserPage {
  /** What was written to the console, thrown, or refused by the page's policy, so far. */
  readonly messages: readonly string[];
  /** The addresses that it asked for. */
  readonly requests: readonly string[];
  /** The value of an expression, as JSON has it. Throws what it throws. */
  evaluate(expression: string): Promise<unknown>;
  /** Presses and releases a key. */
  press(key: string): Promise<void>;
  /** Presses the main button of the mouse in the middle of an element. */
  click(selector: string): Promise<void>;
  prefer(scheme: "light" | "dark"): Promise<void>;
  /** A PNG of what is seen. */
  screenshot(): Promise<Buffer>;
}
/** A browser and its page. */
export interface Browser {
  readonly page: BrowserPage;
  close(): Promise<void>;
}

type Message = Readonly<Record<string, unknown>>;
type Send = (method: string, params?: object, session?: string) => Promise<Message>;

/** Opens a file in a browser of its own, and waits until it has loaded. */
export async function openPage(file: string, size = { width: 1280, height: 900 }): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "striate-chromium-"));
  const flags = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
  ];
  const child = spawn(
    chromium ?? "",
    [...flags, `--user-data-dir=${profile}`, `--window-size=${size.width},${size.height}`, "--remote-debugging-pipe"],
    {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    },
  );
  const listeners = new Set<(message: Message) => void>();
  const send = protocol(child, listeners);
  const close = async (): Promise<void> => {
    const gone = new Promise((done) => child.once("exit", done));
    // By itself it waits for those that it started, which write to its folder.
    const killed = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await send("Browser.close").catch(() => undefined);
    await gone;
    clearTimeout(killed);
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  };
  try {
    const { targetId } = await send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
    return {
      page: await loadedPage(pathToFileURL(file).href, (method, params) => send(method, params, String(sessionId)), listeners),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Messages are JSON, each with a zero byte behind it. */
function protocol(child: ChildProcess, listeners: ReadonlySet<(message: Message) => void>): Send {
  const [to, from] = [child.stdio[3], child.stdio[4]];
  if (!isWritable(to) || !isReadable(from)) throw new TypeError("the browser has no pipe");
  const waiting = new Map<number, { resolve(result: Message): void; reject(error: Error): void }>();
  let [next, rest] = [1, Buffer.alloc(0)];
  const take = (message: Message): void => {
    const { id, error, result } = message;
    const waiter = waiting.get(Number(id));
    if (waiter === undefined) for (const listen of listeners) listen(message);
    else if (error !== undefined) waiter.reject(new Error(JSON.stringify(error)));
    else waiter.resolve(asMessage(result));
    waiting.delete(Number(id));
  };
  from.on("data", (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      take(asMessage(JSON.parse(rest.subarray(0, end).toString("utf8"))));
      rest = rest.subarray(end + 1);
    }
  });
  child.once("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the browser ended with ${code}`));
  });
  return (method, params = {}, session) =>
    new Promise((resolve, reject) => {
      const id = next++;
      waiting.set(id, { resolve, reject });
      to.write(`${JSON.stringify({ id, method, params, ...(session === undefined ? {} : { sessionId: session }) })}\0`);
    });
}
const isWritable = (stream: unknown): stream is Writable => typeof stream === "object" && stream !== null && "write" in stream;
const isReadable = (stream: unknown): stream is Readable => typeof stream === "object" && stream !== null && "read" in stream;
const asMessage = (value: unknown): Message => (typeof value === "object" && value !== null ? { ...value } : {});

/** The codes of keys that are not their own letter. */
const keyCodes: Readonly<Record<string, { readonly code: string; readonly number: number; readonly text?: string }>> = {
  Enter: { code: "Enter", number: 13, text: "\r" },
  " ": { code: "Space", number: 32, text: " " },
  Escape: { code: "Escape", number: 27 },
  Tab: { code: "Tab", number: 9 },
  ArrowDown: { code: "ArrowDown", number: 40 },
  ArrowUp: { code: "ArrowUp", number: 38 },
};

async function loadedPage(
  url: string,
  send: (method: string, params?: object) => Promise<Message>,
  listeners: Set<(message: Message) => void>,
): Promise<BrowserPage> {
  const [messages, requests]: [string[], string[]] = [[], []];
  const noted: Readonly<Record<string, (params: Message) => void>> = {
    "Runtime.consoleAPICalled": (params) => messages.push(JSON.stringify(params["args"])),
    "Runtime.exceptionThrown": (params) => messages.push(JSON.stringify(params["exceptionDetails"])),
    "Log.entryAdded": (params) => messages.push(JSON.stringify(params["entry"])),
    "Network.requestWillBeSent": (params) => requests.push(String(asMessage(params["request"])["url"])),
  };
  listeners.add(({ method, params }) => noted[String(method)]?.(asMessage(params)));
  for (const domain of ["Runtime", "Log", "Network", "Page"]) await send(`${domain}.enable`);
  const loaded = new Promise<void>((done) => listeners.add(({ method }) => void (method === "Page.loadEventFired" && done())));
  await send("Page.navigate", { url });
  await loaded;
  const evaluate = async (expression: string): Promise<unknown> => {
    const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return asMessage(result)["value"];
  };
  return {
    messages,
    requests,
    evaluate,
    press: async (key) => {
      const { code, number, text } = keyCodes[key] ?? { code: "", number: key.toUpperCase().charCodeAt(0), text: key };
      const event = { key, code, windowsVirtualKeyCode: number, ...(text === undefined ? {} : { text }) };
      await send("Input.dispatchKeyEvent", { type: "keyDown", ...event });
      await send("Input.dispatchKeyEvent", { type: "keyUp", key, code, windowsVirtualKeyCode: number });
    },
    click: async (selector) => {
      const place = `(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView({ block: "center", behavior: "instant" });
        const r = e.getBoundingClientRect(); return { x: r.left + r.width / 2, y: r.top + r.height / 2 }; })()`;
      const { x, y } = asMessage(await evaluate(place));
      const event = { x, y, button: "left", clickCount: 1 };
      await send("Input.dispatchMouseEvent", { type: "mousePressed", ...event });
      await send("Input.dispatchMouseEvent", { type: "mouseReleased", ...event });
    },
    prefer: async (scheme) => {
      await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    },
    screenshot: async () => Buffer.from(String((await send("Page.captureScreenshot", { format: "png" }))["data"]), "base64"),
  };
}
