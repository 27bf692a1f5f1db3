/**
 * The process that runs model files: its own, so that what a user's file does (loop, run out of memory, exit, print) ends nothing
 * but this process. It answers requests one after the other over its channel to the parent.
 */

import { fileURLToPath, pathToFileURL } from "node:url";
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { ownAddress, registerModuleHooks } from "../cli/input/module-hooks.ts";
import type { Diagnostic } from "../ir/diagnostic.ts";
import { analyze, diagnosticKey, distinct, type FoundModel, type TracedExport, traceExport } from "./analyze.ts";
import { originalColumn } from "./marks.ts";
import { countedModel, modelReport } from "./model-report.ts";
import { overlayPreload } from "./overlay-hooks.ts";
import { type AnalysisRequest, type ModelReport, type Overlay, overlayPortKey, type Place, type WorkerMessage } from "./protocol.ts";
import { fieldOf, summaryOf } from "./summary.ts";
import { keepUserFrames } from "./user-frames.ts";

/** Sound because the module that `overlayPreload` names ran before any request comes, and left the port there. */
const overlayPort = (): MessagePort => Reflect.get(globalThis, Symbol.for(overlayPortKey)) as MessagePort;
/** Sound because the parent of this process sends nothing else. */
const requestOf = (message: unknown): AnalysisRequest => message as AnalysisRequest;

/** What the parent has asked last: details of an older answer are not worth finishing. */
let newest = 0;

const send = (message: WorkerMessage): void => {
  process.send?.(message);
};

/** The files that the loader has read for the user since the last call. */
function loadedFiles(): readonly string[] {
  const files: string[] = [];
  for (let got = receiveMessageOnPort(overlayPort()); got !== undefined; got = receiveMessageOnPort(overlayPort())) {
    if (typeof got.message === "string") files.push(fileURLToPath(got.message));
  }
  return [...new Set(files)];
}

async function answer(request: AnalysisRequest): Promise<void> {
  overlayPort().postMessage(request.overlays.map(({ file, text }) => [pathToFileURL(file).href, text] as const));
  loadedFiles();
  const { file, diagnostics, traced, rest } = await analyze(request.file, request.id, request.details ? "first" : "all");
  const models = traced.map(request.details ? modelReport : countedModel);
  const move = intoBuffers(request.overlays);
  const analysis = { file, models: models.map(move.model), diagnostics: diagnostics.map(move.diagnostic), files: loadedFiles() };
  send({ kind: "analysis", id: request.id, analysis });
  if (request.details) await sendDetails(request, traced, rest);
}

/** Places in the texts with marks become those of the buffers. */
function intoBuffers(overlays: readonly Overlay[]) {
  const marked = new Map(overlays.map((o) => [o.file, o.insertions]));
  const place = <P extends Place | null>(from: P): P => {
    const insertions = from === null ? undefined : marked.get(from.file);
    return from === null || insertions === undefined ? from : { ...from, column: originalColumn(insertions, from.line, from.column) };
  };
  return {
    diagnostic: (d: Diagnostic): Diagnostic => ({
      ...d,
      location: { position: place(d.location.position) },
      notes: d.notes.map((n) => ({ message: n.message, location: { position: place(n.location.position) } })),
    }),
    model: (m: ModelReport): ModelReport => ({
      ...m,
      place: place(m.place),
      layers: m.layers.map((l) => ({ ...l, place: place(l.place) })),
    }),
  };
}

/** Traces the other models and sends the details, in steps between which a new request may come. */
async function sendDetails(
  { id, file, overlays }: AnalysisRequest,
  traced: readonly TracedExport[],
  rest: readonly FoundModel[],
): Promise<void> {
  const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const move = intoBuffers(overlays);
  const all = [...traced];
  for (const model of rest) {
    await pause();
    if (newest !== id) return;
    all.push(await traceExport(file, model));
  }
  const fields: string[] = [];
  const [first] = traced;
  for (const call of first?.graph === null ? [] : (first?.calls ?? [])) {
    await pause();
    if (newest !== id) return;
    fields.push(fieldOf(first, call.output));
  }
  const summaries = all.flatMap((model) => summaryOf(model) ?? []);
  const known = new Set(traced.flatMap((t) => t.diagnostics.map(diagnosticKey)));
  const diagnostics = distinct(all.slice(traced.length).flatMap((t) => t.diagnostics)).filter((d) => !known.has(diagnosticKey(d)));
  send({ kind: "details", id, details: { file, fields, summaries, diagnostics: diagnostics.map(move.diagnostic) } });
}

/**
 * Every module that is loaded behind the hooks makes two trips to the loader's thread, which for the hundreds of this package takes
 * several times as long as loading them: so what a model file imports of them, and the hooks of tsx, are there before.
 */
async function loadBeforeHooks(): Promise<void> {
  const own = ownAddress("striate");
  await Promise.all([own === null ? undefined : import(own), import("tsx/esm/api")]);
}

await loadBeforeHooks();
if (!Reflect.has(globalThis, Symbol.for(overlayPortKey))) await import(overlayPreload);
await registerModuleHooks();
keepUserFrames();
let queue = Promise.resolve();
process.on("message", (message) => {
  const request = requestOf(message);
  newest = request.id;
  queue = queue.then(() => answer(request));
});
send({ kind: "ready" });
