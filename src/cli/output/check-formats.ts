/** The report of `striate check`, for people and for programs. */
import { relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { CheckFinding, CheckReport } from "../../editor/check-files.ts";
import type { SourceLocation } from "../../ir/location.ts";
import { version } from "../../version.ts";
import { printDiagnosticWithSource } from "./print-diagnostic.ts";
import { errColors, harmless, writeErr, writeJson, writeOut } from "./terminal.ts";

/** The formats, the one for people first. */
export const checkFormats = ["text", "json", "sarif", "github"] as const;
/** A format. */
export type CheckFormat = (typeof checkFormats)[number];

/** Prints a report: the text to standard error, as all messages are, the others to standard output. */
export function printReport(report: CheckReport, format: CheckFormat): void {
  printers[format](report);
}
const printers: Readonly<Record<CheckFormat, (report: CheckReport) => void>> = {
  text: (report) => writeErr(text(report)),
  json: (report) => writeJson(json(report)),
  sarif: (report) => writeJson(sarif(report)),
  github: (report) => writeOut(report.findings.map(githubLine).join("")),
};

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
const ofSeverity = (report: CheckReport, severity: CheckFinding["severity"]): number =>
  report.findings.filter((f) => f.severity === severity).length;

function text(report: CheckReport): string {
  const c = errColors();
  const [errors, warnings] = [ofSeverity(report, "error"), ofSeverity(report, "warning")];
  const checked = `${count(report.models.length, "model")} in ${count(report.files.length, "file")}`;
  const result = errors + warnings === 0 ? "no mistakes found" : [count(errors, "error"), count(warnings, "warning")].join(", ");
  const paint = errors > 0 ? c.red : warnings > 0 ? c.yellow : c.green;
  const untyped = report.untyped.map((why) => `${c.yellow("note:")} types were not checked: ${harmless(why)}\n`).join("");
  return `${report.findings.map((f) => `${printDiagnosticWithSource(f)}\n\n`).join("")}${untyped}${paint(result)}: ${checked}\n`;
}

/** The path from the working folder, with slashes. */
const pathOf = (file: string): string => {
  const path = relative(process.cwd(), file);
  return (path.startsWith("..") ? file : path).split(sep).join("/");
};
const place = ({ position }: SourceLocation) =>
  position === null ? null : { file: pathOf(position.file), line: position.line, column: position.column };

const json = (report: CheckReport) => ({
  version: 1,
  files: report.files.map(pathOf),
  models: report.models.map((m) => ({
    file: pathOf(m.file),
    export: m.exportName,
    name: m.name,
    complete: m.complete,
    layers: m.layerCount,
  })),
  untyped: report.untyped,
  diagnostics: report.findings.map(({ severity, code, message, location, end, notes, help }) => ({
    severity,
    code,
    message,
    location: place(location),
    end,
    notes: notes.map((note) => ({ message: note.message, location: place(note.location) })),
    help: help ?? null,
  })),
  errors: ofSeverity(report, "error"),
  warnings: ofSeverity(report, "warning"),
});

/** SARIF 2.1.0, which code hosts show beside the code. */
function sarif(report: CheckReport) {
  const codes = [...new Set(report.findings.map((f) => f.code))];
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "striate", semanticVersion: version, rules: codes.map((id) => ({ id })) } },
        columnKind: "utf16CodeUnits",
        results: report.findings.map((f) => ({
          ruleId: f.code,
          ruleIndex: codes.indexOf(f.code),
          level: f.severity,
          message: { text: [f.message, ...(f.help === undefined ? [] : [`help: ${f.help}`])].join("\n") },
          locations: f.location.position === null ? [] : [sarifLocation(f.location, f.end)],
          relatedLocations: f.notes.flatMap((note, id) =>
            note.location.position === null ? [] : [{ id, message: { text: note.message }, ...sarifLocation(note.location, null) }],
          ),
        })),
      },
    ],
  };
}
function sarifLocation({ position }: SourceLocation, end: CheckFinding["end"]) {
  const file = position?.file ?? "";
  const path = pathOf(file);
  const region = { startLine: position?.line ?? 1, startColumn: position?.column ?? 1 };
  return {
    physicalLocation: {
      artifactLocation: { uri: path === file ? pathToFileURL(file).href : encodeURI(path) },
      region: end === null ? region : { ...region, endLine: end.line, endColumn: end.column },
    },
  };
}

/** A workflow command of GitHub's, which puts the finding beside the changed line. */
function githubLine(f: CheckFinding): string {
  const { position } = f.location;
  const at = position === null ? "" : `file=${property(pathOf(position.file))},line=${position.line},col=${position.column},`;
  const end = f.end === null ? "" : `endLine=${f.end.line},endColumn=${f.end.column},`;
  const lines = [f.message, ...f.notes.map((note) => `note: ${note.message}`), ...(f.help === undefined ? [] : [`help: ${f.help}`])];
  return `::${f.severity} ${at}${end}title=${property(`striate ${f.code}`)}::${data(lines.join("\n"))}\n`;
}
const data = (s: string): string => s.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const property = (s: string): string => data(s).replaceAll(":", "%3A").replaceAll(",", "%2C");
