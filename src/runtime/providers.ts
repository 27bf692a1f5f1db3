/** Where a session runs: the execution providers that are asked for, tried in order, and why some were passed over. */
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import { availableBackends, type BackendName, cudaProviderFiles } from "./onnxruntime-package.ts";

/** The execution providers that striate knows. */
export type ProviderName = "cpu" | "cuda";
/** NVIDIA's GPUs. */
export interface CudaProvider {
  readonly name: "cuda";
  /** Which GPU, from 0; 0 when absent. */
  readonly deviceId?: number;
  /** False refuses a model of which some node has no CUDA kernel; such nodes run on the CPU when absent. */
  readonly cpuFallback?: boolean;
}
/** A provider to try. */
export type ProviderChoice = ProviderName | CudaProvider | { readonly name: "cpu" };

/** Where a session really runs. */
export interface ProviderReport {
  readonly name: ProviderName;
  /** Where its tensors are: "cpu", or "cuda:" and the number of the GPU. */
  readonly place: string;
  /** Providers that came earlier in the list, and why each could not be used. */
  readonly passedOver: readonly { readonly name: ProviderName; readonly reason: string }[];
}
/** One line: `cpu (not cuda: onnxruntime-node's CUDA library is not installed)`. */
export const printProvider = ({ place, passedOver }: ProviderReport): string =>
  passedOver.length === 0 ? place : `${place} (${passedOver.map(({ name, reason }) => `not ${name}: ${reason}`).join("; ")})`;

/** A choice with everything said. */
export interface Provider {
  readonly name: ProviderName;
  readonly place: string;
  /** What onnxruntime-node is given. */
  readonly native: string | { readonly name: string; readonly deviceId: number };
  /** Entries of the session's configuration that belong to it. */
  readonly config: Readonly<Record<string, string>>;
}

/** The choices, checked. Throws a CompileError on an unknown provider, and on an option that onnxruntime-node would ignore. */
export function resolveProviders(choices: readonly ProviderChoice[]): readonly Provider[] {
  if (choices.length === 0)
    throw userError("provider", "the list of providers is empty", nowhere, { help: `write ["cuda", "cpu"] to prefer a GPU` });
  return choices.map((choice) => {
    const options: Readonly<Record<string, unknown>> = typeof choice === "string" ? { name: choice } : { ...choice };
    const { name } = options;
    if (name !== "cpu" && name !== "cuda") {
      throw userError("provider", `there is no provider ${JSON.stringify(name)}, wanted "cpu" or "cuda"`, nowhere);
    }
    refuseIgnored(name, options);
    return name === "cpu" ? cpu : cuda(options);
  });
}

const cpu: Provider = { name: "cpu", place: "cpu", native: "cpu", config: {} };
function cuda({ deviceId = 0, cpuFallback = true }: Readonly<Record<string, unknown>>): Provider {
  if (typeof deviceId !== "number" || !Number.isInteger(deviceId) || deviceId < 0) {
    throw userError("provider", `cuda: deviceId is ${JSON.stringify(deviceId)}, wanted a whole number from 0 on`, nowhere);
  }
  const config: Readonly<Record<string, string>> = cpuFallback === false ? { "session.disable_cpu_ep_fallback": "1" } : {};
  return { name: "cuda", place: `cuda:${deviceId}`, native: { name: "cuda", deviceId }, config };
}
const taken = { cpu: ["name"], cuda: ["name", "deviceId", "cpuFallback"] } as const satisfies Readonly<
  Record<ProviderName, readonly string[]>
>;
function refuseIgnored(name: ProviderName, options: Readonly<Record<string, unknown>>): void {
  const known: readonly string[] = taken[name];
  const ignored = Object.keys(options).filter((key) => !known.includes(key));
  if (ignored.length === 0) return;
  const wanted = known.slice(1);
  throw userError("provider-option", `${name}: onnxruntime-node would ignore ${ignored.map((key) => `"${key}"`).join(", ")}`, nowhere, {
    help: wanted.length === 0 ? "this provider takes no options" : `it takes ${wanted.join(" and ")}`,
  });
}

/** Why a provider cannot even be tried, or null: found out without the native call, which would write to the terminal. */
export function providerHindrance(name: ProviderName): string | null {
  const backend: BackendName | undefined = availableBackends().find((found) => found === name);
  if (backend === undefined) return `onnxruntime-node has no ${name} on ${process.platform}/${process.arch}`;
  if (name === "cpu") return null;
  const missing = cudaProviderFiles().filter((file) => !file.present);
  return missing.length === 0 ? null : "onnxruntime-node's CUDA library is not installed (striate doctor says how)";
}
