import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runDoctor, type TinyTraining } from "../../src/runtime/doctor.ts";
import { neededLibraries } from "../../src/runtime/elf.ts";
import { libraryFolder } from "../../src/runtime/onnxruntime-package.ts";
import { findLibraries } from "../../src/runtime/shared-libraries.ts";
import { regression, regressionLoader } from "./tiny-models.ts";

const training = (): TinyTraining => {
  const [batch] = regressionLoader().epoch(0);
  if (batch === undefined) throw new Error("the loader has no batch");
  return { artifacts: { ...regression(), learningRate: 0.05 }, batch };
};

test("the doctor tries every provider and says what is there", async () => {
  const report = await runDoctor({ training });
  expect(report.works).toBe(true);
  expect(report.node.version).toBe(process.version);
  expect(report.node.supported).toBe(true);
  expect(report.onnxruntime.version).toBe("1.30.0");
  const [cpu, cuda] = report.providers;
  expect(cpu).toMatchObject({ name: "cpu", inference: { works: true, detail: "runs on cpu" }, training: { works: true } });
  expect(cpu?.training?.detail).toMatch(/^the loss falls from \d.* to \d.* in two steps$/);
  expect(cuda?.name).toBe("cuda");
  // Where CUDA does not work, the report says what to do about it.
  if (cuda?.inference.works === false && report.cuda.supported) {
    expect(report.cuda.install.length).toBeGreaterThan(0);
    expect(cuda.inference.detail).not.toBe("");
  }
});

test("a library that is not there is told by name, with what to install", async (context) => {
  const { cuda } = await runDoctor();
  if (!cuda.supported || cuda.libraries.every((library) => library.loadable))
    return context.skip("CUDA is whole here, or not for this platform");
  expect(cuda.libraries.map((library) => library.name)).toContain("libcudnn.so.9");
  expect(cuda.install.join("\n")).toMatch(/driver|CUDA 13|LD_LIBRARY_PATH/);
});

test("a training step that fails is part of the report", async () => {
  const report = await runDoctor({
    training: () => ({ ...training(), artifacts: { ...regression(), state: new Map(), learningRate: 1 } }),
  });
  expect(report.works).toBe(false);
  expect(report.providers[0]?.training).toMatchObject({ works: false, detail: "the initial state does not fit the model: 4 missing" });
});

test("the libraries that an ELF file needs are those that readelf lists", (context) => {
  const library = join(libraryFolder(), "libonnxruntime.so.1");
  const { stdout, status } = spawnSync("readelf", ["-d", library], { encoding: "utf8" });
  if (process.platform !== "linux" || status !== 0) return context.skip("no readelf here");
  expect(neededLibraries(library)).toEqual([...stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name));
});

test("a file that is no ELF file needs nothing", () => {
  const path = join(mkdtempSync(join(tmpdir(), "striate-elf-")), "x");
  for (const bytes of [Buffer.alloc(0), Buffer.from("\x7fELF"), Buffer.concat([Buffer.from("\x7fELF\x02\x01"), Buffer.alloc(58, 255)])]) {
    writeFileSync(path, bytes);
    expect(neededLibraries(path)).toEqual([]);
  }
  expect(neededLibraries("/nowhere")).toEqual([]);
});

test("libraries are found as the loader finds them", (context) => {
  if (process.platform !== "linux" || !existsSync("/sbin/ldconfig")) return context.skip("no ldconfig here");
  const [c, none] = findLibraries(["libc.so.6", "libnowhere.so.1"], "/nowhere");
  expect(c?.loadable).toBe(true);
  expect(c?.path).toMatch(/\/libc\.so\.6$/);
  expect(none).toEqual({ name: "libnowhere.so.1", path: null, loadable: false });
});
