/** What the command line writes, and how: results to standard output, everything else to standard error. */
import { writeSync } from "node:fs";
import pc from "picocolors";

type Colors = ReturnType<typeof pc.createColors>;

/** True when a stream is a terminal that may be coloured: NO_COLOR and TERM=dumb say no, FORCE_COLOR says yes. */
function colourful(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "" && FORCE_COLOR !== "0") return true;
  return stream.isTTY === true && TERM !== "dumb";
}

/** Colours for standard output, off where it is no terminal. */
export const outColors = (): Colors => pc.createColors(colourful(process.stdout));
/** Colours for standard error, off where it is no terminal. */
export const errColors = (): Colors => pc.createColors(colourful(process.stderr));

/** Writes text to standard output, all of it before it returns. A reader that has gone away, such as `head`, ends the program quietly. */
export function writeOut(text: string): void {
  writeAll(1, text);
}
/** Writes text to standard error, all of it before it returns. */
export function writeErr(text: string): void {
  writeAll(2, text);
}
/** Writes a value as JSON. Infinities and NaN, which JSON lacks, become texts; bigints become numbers where they are exact. */
export function writeJson(value: unknown): void {
  writeOut(`${JSON.stringify(value, jsonValue, 2)}\n`);
}
function jsonValue(_: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value instanceof Map ? Object.fromEntries(value) : value;
}

function writeAll(descriptor: 1 | 2, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE") process.exit(0);
      // A pipe that is full for the moment: try again.
      if (code !== "EAGAIN") throw error;
    }
  }
}

/** Text with what a terminal would obey made visible: names and file contents come from anywhere. */
export const harmless = (text: string): string => Array.from(text, (ch) => (isControl(ch) ? "\ufffd" : ch)).join("");
const isControl = (ch: string): boolean => (ch < " " && ch !== "\n" && ch !== "\t") || (ch >= "\u007f" && ch <= "\u009f");

/** 1234567 as 1 234 567. */
export const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
/** 25578 bytes as 25.6 kB. */
export function byteCount(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"] as const;
  const power = Math.min(units.length - 1, n < 1000 ? 0 : Math.floor(Math.log10(n) / 3));
  const value = n / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}
