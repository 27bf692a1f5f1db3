/** Where shared libraries are on this machine, and whether the loader would find them. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** What was found of one library. */
export interface LibraryFinding {
  /** Such as "libcublas.so.13". */
  readonly name: string;
  /** Null when it is nowhere. */
  readonly path: string | null;
  /** Whether the loader finds it by itself; a library elsewhere needs its folder in LD_LIBRARY_PATH. */
  readonly loadable: boolean;
}

/** Looks for libraries as the loader does, then in the folders in which NVIDIA's installers put them. Linux only: nothing is found elsewhere. */
export function findLibraries(names: readonly string[], beside: string): readonly LibraryFinding[] {
  if (process.platform !== "linux") return names.map((name) => ({ name, path: null, loadable: false }));
  const searched = [...(process.env["LD_LIBRARY_PATH"] ?? "").split(":").filter((folder) => folder !== ""), beside];
  const cache = loaderCache();
  const elsewhere = cudaFolders();
  return names.map((name) => {
    const inSearched = inFolders(name, searched);
    const loaded =
      inSearched ??
      cache.get(name) ??
      inFolders(name, ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib", "/lib"]);
    return loaded === null ? { name, path: inFolders(name, elsewhere), loadable: false } : { name, path: loaded, loadable: true };
  });
}

const inFolders = (name: string, folders: readonly string[]): string | null =>
  folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;

/** The loader's cache: paths by name. Empty where ldconfig is not there. */
function loaderCache(): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const command of ["/sbin/ldconfig", "/usr/sbin/ldconfig", "ldconfig"]) {
    const { stdout, status } = spawnSync(command, ["-p"], { encoding: "utf8", timeout: 5000 });
    if (status !== 0) continue;
    for (const [, name, path] of stdout.matchAll(/^\s*(\S+) \(.*\) => (\S+)$/gm))
      if (name !== undefined && path !== undefined && !paths.has(name)) paths.set(name, path);
    return paths;
  }
  return paths;
}

/** The toolkit's folders, newest first, and those of NVIDIA's Python packages. */
function cudaFolders(): readonly string[] {
  const toolkits = listed("/usr/local")
    .filter((name) => /^cuda(-\d|$)/.test(name))
    .sort()
    .reverse();
  const environments = [process.env["CONDA_PREFIX"], process.env["VIRTUAL_ENV"], join(homedir(), ".local"), "/usr/local", "/usr"].flatMap(
    (root) => (root === undefined ? [] : [join(root, "lib")]),
  );
  const pythons = environments.flatMap((lib) => [
    lib,
    ...listed(lib)
      .filter((name) => /^python3/.test(name))
      .flatMap((name) => nvidiaPackages(join(lib, name))),
  ]);
  return [
    ...toolkits.flatMap((name) => ["lib64", "targets/x86_64-linux/lib"].map((lib) => join("/usr/local", name, lib))),
    "/opt/cuda/lib64",
    ...pythons,
  ];
}
const nvidiaPackages = (python: string): readonly string[] =>
  ["site-packages", "dist-packages"].flatMap((packages) => {
    const nvidia = join(python, packages, "nvidia");
    return listed(nvidia).map((name) => join(nvidia, name, "lib"));
  });
function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
