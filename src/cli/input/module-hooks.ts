/** Lets model files anywhere be TypeScript, and import "striate" as this very copy of it. */

import type { ResolveFnOutput, ResolveHookContext } from "node:module";
import * as nodeModule from "node:module";

const inSources = import.meta.url.endsWith(".ts");
/** Where `striate` and `striate/models/NAME` are found: in the sources of a checkout, or in dist/. */
const places = {
  index: new URL(`../../index.${inSources ? "ts" : "js"}`, import.meta.url).href,
  models: new URL("../../../models/", import.meta.url).href,
  extension: inSources ? ".ts" : ".js",
} as const;

/** The address of a specifier of this package, or null for any other. */
export function ownAddress(specifier: string): string | null {
  if (specifier === "striate") return places.index;
  const [, name] = /^striate\/models\/([\w-]+)$/.exec(specifier) ?? [];
  return name === undefined ? null : `${places.models}${name}${places.extension}`;
}

/** Files of TypeScript are modules, also below a package.json that does not say so: no `require` there could find this package. */
const asModule = (found: ResolveFnOutput): ResolveFnOutput =>
  /^file:.*\.tsx?$/.test(found.url.replace(/[?#].*$/, "")) ? { ...found, format: "module" } : found;

type NextResolve = (specifier: string, context?: Partial<ResolveHookContext>) => ResolveFnOutput;

let registered: Promise<void> | undefined;

/** Registers the hooks, once. */
export function registerModuleHooks(): Promise<void> {
  registered ??= register();
  return registered;
}

async function register(): Promise<void> {
  // In a checkout, tsx runs this very file already.
  if (!inSources) (await import("tsx/esm/api")).register();
  const own: object = nodeModule;
  if (!hasSynchronousHooks(own)) return void nodeModule.register(hooksForWorker());
  own.registerHooks({
    resolve(specifier, context, next) {
      const url = ownAddress(specifier);
      return url === null ? asModule(next(specifier, context)) : { url, format: "module", shortCircuit: true };
    },
  });
}

interface SynchronousHooks {
  resolve(specifier: string, context: ResolveHookContext, next: NextResolve): ResolveFnOutput;
}
/** Node's types are those of the oldest version that striate runs on; newer ones have hooks on the same thread, which `register` lacks. */
const hasSynchronousHooks = (module: object): module is { registerHooks(hooks: SynchronousHooks): unknown } =>
  "registerHooks" in module && typeof module.registerHooks === "function";

/** The same hooks as a module of their own, which older versions of Node run on another thread. */
function hooksForWorker(): string {
  const source = `
    const places = ${JSON.stringify(places)};
    export async function resolve(specifier, context, next) {
      const name = /^striate\\/models\\/([\\w-]+)$/.exec(specifier)?.[1];
      const url = specifier === "striate" ? places.index : name === undefined ? null : places.models + name + places.extension;
      if (url !== null) return { url, format: "module", shortCircuit: true };
      const found = await next(specifier, context);
      return /^file:.*\\.tsx?$/.test(found.url.replace(/[?#].*$/, "")) ? { ...found, format: "module" } : found;
    }`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
