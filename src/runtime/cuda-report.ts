/** What is there of CUDA, what is missing, and how to install it. */
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { neededLibraries } from "./elf.ts";
import { availableBackends, cudaProviderFiles, libraryFolder, onnxruntimeVersion, type ProviderFile } from "./onnxruntime-package.ts";
import { findLibraries, type LibraryFinding } from "./shared-libraries.ts";

/** One GPU, as the driver tells. */
export interface Gpu {
  readonly name: string;
  readonly driver: string;
  /** In MiB. */
  readonly memory: number;
}
/** The state of CUDA on this machine. */
export interface CudaReport {
  /** Whether onnxruntime-node can use CUDA on this platform at all. */
  readonly supported: boolean;
  /** The parts of onnxruntime-node that are not in the npm package. */
  readonly providerFiles: readonly ProviderFile[];
  /** NVIDIA's libraries that they load. */
  readonly libraries: readonly LibraryFinding[];
  /** Null where the driver's own tool cannot be run. */
  readonly gpus: readonly Gpu[] | null;
  /** What to do, in order; empty when everything is there. */
  readonly install: readonly string[];
}

/** What the CUDA provider of onnxruntime 1.30 links to, and cuDNN, which it opens when it starts. */
const linked = ["libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10", "libcudart.so.13", "libcuda.so.1"];
const opened = ["libcudnn.so.9"];
/** The driver's library, which no toolkit brings. */
const driverLibrary = "libcuda.so.1";

/** Looks at files and libraries only; whether CUDA works is found out by a session. */
export function cudaReport(): CudaReport {
  const supported = process.platform === "linux" && availableBackends().includes("cuda");
  const providerFiles = cudaProviderFiles();
  const [provider] = providerFiles.filter((file) => file.present && file.path.endsWith("_cuda.so"));
  const named = provider === undefined ? [] : neededLibraries(provider.path).filter((name) => /^lib(cu|nv)/.test(name));
  const libraries = findLibraries([...(named.length > 0 ? named : linked), ...opened], libraryFolder());
  const found = { supported, providerFiles, libraries, gpus: supported ? gpusOf() : null };
  return { ...found, install: supported ? advice(found) : [] };
}

/** The libraries that a session would miss, in a few words; null when none. */
export function missingLibraries(): string | null {
  const missing = cudaReport()
    .libraries.filter((library) => !library.loadable)
    .map((library) => library.name);
  return missing.length === 0 ? null : `not found by the loader: ${missing.join(", ")}`;
}

function advice({ providerFiles, libraries, gpus }: Omit<CudaReport, "install">): readonly string[] {
  const missing = libraries.filter((library) => library.path === null);
  const hidden = libraries.filter((library) => library.path !== null && !library.loadable);
  const toolkit = missing.filter((library) => library.name !== driverLibrary);
  const folders = [...new Set(hidden.map((library) => dirname(library.path ?? "")))];
  const version = onnxruntimeVersion();
  return [
    ...(missing.length > toolkit.length || gpus?.length === 0
      ? ["install NVIDIA's driver, 580 or later (CUDA 13), and check it with nvidia-smi"]
      : []),
    ...(providerFiles.some((file) => !file.present)
      ? [
          "download onnxruntime-node's CUDA library (from NuGet): ONNXRUNTIME_NODE_INSTALL=true node node_modules/onnxruntime-node/script/install.js",
          `or take it from PyPI: pip download --no-deps onnxruntime-gpu==${version}, unzip the wheel, and copy libonnxruntime_providers_cuda.so and libonnxruntime_providers_shared.so to ${libraryFolder()}`,
        ]
      : []),
    ...(toolkit.length > 0
      ? [
          `install CUDA 13 and cuDNN 9 for ${toolkit.map((library) => library.name).join(", ")}: apt install cuda-toolkit-13-0 cudnn9-cuda-13 from NVIDIA's repository, or pip install nvidia-cublas nvidia-cuda-runtime nvidia-curand nvidia-cudnn-cu13`,
        ]
      : []),
    ...(folders.length > 0
      ? [
          `let the loader find what is there, before Node starts: export LD_LIBRARY_PATH=${folders.join(":")}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}`,
        ]
      : []),
  ];
}

function gpusOf(): readonly Gpu[] | null {
  const { stdout, status } = spawnSync("nvidia-smi", ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits"], {
    encoding: "utf8",
    timeout: 10_000,
  });
  if (status !== 0) return null;
  return stdout
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [name = "", driver = "", memory = "0"] = line.split(",").map((part) => part.trim());
      return { name, driver, memory: Number(memory) };
    });
}
