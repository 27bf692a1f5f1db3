/** What the installed onnxruntime-node consists of. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { onnxruntime } from "./onnxruntime.ts";

/** A provider's name as onnxruntime-node lists it. */
export type BackendName = string;

/** The providers that this build of onnxruntime-node knows; whether one works is another question. */
export const availableBackends = (): readonly BackendName[] =>
  onnxruntime()
    .listSupportedBackends()
    .map(({ name }) => name);

/** The version of onnxruntime. */
export const onnxruntimeVersion = (): string => onnxruntime().env.versions.node ?? onnxruntime().env.versions.common;

/** The folder with onnxruntime's libraries for this machine. */
export const libraryFolder = (): string =>
  join(dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json")), "bin", "napi-v6", process.platform, process.arch);

/** A file that the CUDA provider consists of. */
export interface ProviderFile {
  readonly path: string;
  readonly present: boolean;
}
/** The two libraries that are not in the npm package. */
export const cudaProviderFiles = (): readonly ProviderFile[] =>
  ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"].map((name) => {
    const path = join(libraryFolder(), name);
    return { path, present: existsSync(path) };
  });
