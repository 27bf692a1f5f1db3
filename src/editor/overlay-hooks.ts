/**
 * What the process that runs model files does to Node's module loader: buffers stand in for files, and every analysis loads the
 * user's files anew. Both hooks run on the loader's own thread, behind tsx, which makes JavaScript of what they give; so they are
 * a module of their own, as text, that is registered before tsx is.
 */
import { overlayPortKey } from "./protocol.ts";

const dataUrl = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;

/** Sources of this package, which stay loaded. */
const ownSources = new URL("../", import.meta.url).href;

const hooks = `
  import { receiveMessageOnPort } from "node:worker_threads";
  const bare = (url) => url.replace(/[?#].*$/, "");
  const isUsers = (url) => url.startsWith("file:") && !url.includes("/node_modules/") && !url.startsWith(${JSON.stringify(ownSources)});
  let port;
  let texts = new Map();
  export const initialize = (data) => {
    port = data.port;
    // Ends the process when its parent is gone, even while a user's loop runs: nothing of the user's runs on this thread.
    const parent = process.ppid;
    setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL"); }, 1000).unref();
  };
  const drain = () => {
    for (let sent; (sent = receiveMessageOnPort(port)) !== undefined; ) texts = new Map(sent.message);
  };
  // A buffer that was never saved is there all the same.
  const unsaved = (specifier, { parentURL }) => {
    const url = /^(?:file:|.)/.test(specifier) ? new URL(specifier, parentURL).href : "";
    return texts.has(bare(url)) ? { url, format: "module", shortCircuit: true } : null;
  };
  export async function resolve(specifier, context, next) {
    drain();
    const found = unsaved(specifier, context) ?? (await next(specifier, context));
    const url = bare(found.url);
    if (!isUsers(url)) return found;
    // A file of the user's is loaded anew with each analysis, whose number its importer's address carries.
    const [, run] = /[?&]striate=(\\d+)/.exec(found.url) ?? /[?&]striate=(\\d+)/.exec(context.parentURL ?? "") ?? [];
    const format = /\\.tsx?$/.test(url) ? { format: "module" } : {};
    return { ...found, ...format, url: run === undefined ? found.url : url + "?striate=" + run };
  }
  export async function load(url, context, next) {
    drain();
    if (!isUsers(url)) return next(url, context);
    port.postMessage(bare(url));
    const text = texts.get(bare(url));
    return text === undefined ? next(url, context) : { format: context.format ?? "module", source: text, shortCircuit: true };
  }`;

/** The address of the module that installs the hooks and leaves the port to them in the registry of symbols. */
export const overlayPreload: string = dataUrl(`
  import { register } from "node:module";
  import { MessageChannel } from "node:worker_threads";
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  register(${JSON.stringify(dataUrl(hooks))}, { data: { port: port2 }, transferList: [port2] });
  globalThis[Symbol.for(${JSON.stringify(overlayPortKey)})] = port1;`);
