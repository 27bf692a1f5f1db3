/** `--labels`: the names of classes. */
import { readDataFile } from "../../data/read-file.ts";

/** A file of labels may be this large. */
const mostBytes = 10_000_000;

/** The lines of a file, without those that are empty. Throws a CompileError when it cannot be read. */
export const readLabels = (file: string): readonly string[] =>
  Buffer.from(readDataFile(file, mostBytes))
    .toString("utf8")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
