/**
 * Mistakes in models: what both compilers say, word for word and at which column, and that the same words are thrown at run time.
 * In test/mistakes, a comment below each wrong line holds a caret at the column and the compiler's message; "<" is the line's beginning.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type AnyModel, CompileError, defineModel, type InputSpecs, trace } from "striate";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
// By a path that is no literal: what does not compile must stay out of the program that the repository's tsconfig checks.
const mistaken = (name: string): Promise<unknown> => import(join(root, "test/mistakes", name));
interface Mistakes {
  readonly inputs: InputSpecs;
  readonly mistakes: readonly ((inputs: unknown) => unknown)[];
}
const { simpleCnn } = (await mistaken("simple-cnn.ts")) as { readonly simpleCnn: AnyModel };

interface Finding {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** The errors that the comments announce. */
function announced(file: string): readonly Finding[] {
  const lines = readFileSync(join(root, file), "utf8").split("\n");
  return lines.flatMap((text, i) => {
    const found = /^\s*\/\/(?:\s+\^| <) (.*)$/.exec(text);
    // The line of a comment counts from 1 where its index counts from 0, so the code above it has its index as number.
    return found?.[1] === undefined
      ? []
      : [{ line: i, column: (/^\s*\/\/ </.test(text) ? (lines[i - 1] ?? "").search(/\S/) : text.indexOf("^")) + 1, message: found[1] }];
  });
}
/** The errors that a compiler finds, by file. */
async function compiled(compiler: string): Promise<ReadonlyMap<string, readonly Finding[]>> {
  const tsc = spawn(process.execPath, [join(root, `node_modules/${compiler}/bin/tsc`), "-p", "test/mistakes", "--pretty", "false"], {
    cwd: root,
  });
  let output = "";
  for await (const chunk of tsc.stdout) output += String(chunk);
  const files = new Map<string, Finding[]>();
  for (const text of output.split(/^(?=\S)/m)) {
    const [, file = "", line, column, message = ""] =
      /^(test\/mistakes\/[\w-]+\.ts)\((\d+),(\d+)\): error TS\d+: ([\s\S]*)$/.exec(text) ?? [];
    if (file === "") continue;
    files.set(file, [
      ...(files.get(file) ?? []),
      { line: Number(line), column: Number(column), message: message.trim().replace(/\n\s*/g, " ") },
    ]);
  }
  return files;
}
const files = readdirSync(join(root, "test/mistakes"))
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `test/mistakes/${name}`);

test.each(["typescript", "typescript6"])("%s reports each mistake at its argument, and nothing else", async (compiler) => {
  const found = await compiled(compiler);
  for (const file of files) expect(found.get(file) ?? [], file).toEqual(announced(file));
});

/** The first diagnostic that a function throws. */
function thrown(body: () => unknown) {
  try {
    body();
  } catch (error) {
    if (error instanceof CompileError && error.diagnostics[0] !== undefined) return error.diagnostics[0];
    throw error;
  }
  throw new Error("nothing was thrown");
}
/** The message in a compiler's: the text of the literal type that the argument does not fit. */
const ruleOf = (message: string): string | undefined =>
  /'(?:Mistake<)?"((?:[^"\\]|\\.)*)">?'\.$/.exec(message)?.[1]?.replaceAll('\\"', '"');
/** A message without the layer's name and the scope. */
const nameless = (message: string): string => message.replace(/^(\w+)(?: in)? "[^"]*":/, "$1:");

test("at least 200 mistakes are recorded, and the first line of each message is short", () => {
  const messages = files.flatMap((file) => announced(file)).map(({ message }) => message);
  expect(messages.length).toBeGreaterThanOrEqual(200);
  const long = messages.filter(
    (message) => (ruleOf(message) ?? "").length > 100 || (message.split(/\. (?:Type|Property|Object|Did)/)[0] ?? "").length > 161,
  );
  expect(long).toEqual([]);
});

test.each(["layers.ts", "options.ts", "reported.ts", "habits.ts"])(
  "every mistake of %s throws the compiler's words at run time, and names its line",
  async (name) => {
    const { inputs, mistakes } = (await mistaken(name)) as Mistakes;
    const wanted = announced(`test/mistakes/${name}`);
    expect(mistakes.length).toBe(wanted.length);
    mistakes.forEach((mistake, i) => {
      const model = defineModel({ name: "mistake", inputs, forward: (tensors) => mistake(tensors) });
      const diagnostic = thrown(() => trace(model));
      expect(nameless(diagnostic.message)).toBe(ruleOf(wanted[i]?.message ?? ""));
      // A mistake inside a block stands at the block's own line; a note names the call.
      const places = [diagnostic.location, ...diagnostic.notes.map((note) => note.location)].map(
        ({ position }) => `${position?.file}:${position?.line}`,
      );
      const place = `${join(root, "test/mistakes", name)}:${wanted[i]?.line}`;
      if (diagnostic.notes.some((note) => note.message.startsWith("in the scope"))) expect(places).toContain(place);
      else expect(places[0]).toBe(place);
    });
  },
);

test.each(["outputs.ts", "returned.ts"])("every model of %s throws the compiler's words when it is traced", async (name) => {
  const { models } = (await mistaken(name)) as { readonly models: readonly AnyModel[] };
  const wanted = announced(`test/mistakes/${name}`).map(({ message }) => ruleOf(message));
  expect(models.map((model) => nameless(thrown(() => trace(model)).message))).toEqual(wanted.slice(0, models.length));
});
test("an output that there is not always, and outputs that only run time knows, are no mistake", async () => {
  const { fine } = (await mistaken("outputs.ts")) as { readonly fine: readonly AnyModel[] };
  expect(fine.map((model) => trace(model).outputs.length)).toEqual([2, 1, 1]);
});

test("SimpleCNN with wrong features says which, where they come from, and what to write", () => {
  const diagnostic = thrown(() => trace(simpleCnn));
  expect(diagnostic.code).toBe("linear-in-features");
  expect(diagnostic.message).toBe('linear "fc": inFeatures is 1024, but the input has 32 * 8 * 8 = 2048 features');
  expect(diagnostic.location.position).toMatchObject({ line: 10, column: 22 });
  expect(diagnostic.notes.map((note) => note.message)).toEqual([
    "the input comes from flatten, float32[N, 2048], which joins 32 * 8 * 8 = 2048",
  ]);
  expect(diagnostic.notes[0]?.location.position).toMatchObject({ line: 10, column: 29 });
  expect(diagnostic.help).toBe("leave inFeatures out (it is inferred), or write 2048");
});
