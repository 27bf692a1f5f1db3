/** Losses and optimizers by name, with flags for their options, made from the tables that describe them. */
import type { Command } from "commander";
import { type Loss, lossTable, type Maker, type Optimizer, type OptionSpec, type OptionValue, optimizerTable } from "../../dsl/index.ts";
import { userError } from "../../ir/diagnostic.ts";
import { nowhere } from "../../ir/location.ts";
import { finiteNumber, UsageError } from "./usage.ts";

/** What takes options. */
type Kind = "loss" | "optimizer";

/** The flag of an option, and which losses or optimizers take it. */
interface Flag {
  readonly kind: Kind;
  readonly option: string;
  /** Without the dashes: `label-smoothing`. */
  readonly name: string;
  readonly spec: OptionSpec;
  readonly takers: readonly string[];
}

const tables: Readonly<Record<Kind, Readonly<Record<string, Maker<unknown>>>>> = { loss: lossTable, optimizer: optimizerTable };
const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const optionsOf = (kind: Kind): ReadonlySet<string> => new Set(Object.values(tables[kind]).flatMap((maker) => Object.keys(maker.options)));

/** The flags of all options. A name that both kinds have, or the command has already, is prefixed: `--loss-alpha`, `--optimizer-alpha`. */
function flagsFor(taken: ReadonlySet<string>): readonly Flag[] {
  const both = new Set([...optionsOf("loss")].filter((option) => optionsOf("optimizer").has(option)));
  return (["loss", "optimizer"] as const).flatMap((kind) =>
    [...optionsOf(kind)].map((option): Flag => {
      const takers = Object.entries(tables[kind]).filter(([, maker]) => option in maker.options);
      const spec = takers[0]?.[1].options[option] ?? { type: "string", default: null, doc: "" };
      const plain = kebab(option);
      const name = both.has(option) || taken.has(plain) ? `${kind}-${plain}` : plain;
      return { kind, option, name, spec, takers: takers.map(([taker]) => taker) };
    }),
  );
}

/** A flag's key in commander's record: `--label-smoothing` is `labelSmoothing`. */
const keyOf = (flag: string): string => flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
const placeholders: Readonly<Record<OptionSpec["type"], string>> = {
  number: " <x>",
  numbers: " <x,y,...>",
  boolean: "",
  string: " <word>",
};
const shownDefault = (flag: Flag): string => {
  const values = new Set(flag.takers.map((taker) => JSON.stringify(tables[flag.kind][taker]?.options[flag.option]?.default)));
  const [only] = values;
  return values.size === 1 && only !== undefined && only !== "null" && only !== "false"
    ? `; ${only.replace(/[[\]"]/g, "")} unless given`
    : "";
};

/** What `addMakerOptions` gives: reads the loss and the optimizer that were asked for. */
export interface MakerReader {
  loss(flags: Readonly<Record<string, unknown>>, name: string): Loss;
  optimizer(flags: Readonly<Record<string, unknown>>, name: string): Optimizer;
}

/** Adds a flag for every option of every loss and optimizer to a command that has all its other options already. */
export function addMakerOptions(command: Command): MakerReader {
  const flags = flagsFor(new Set(command.options.map((option) => option.name())));
  const groups = { loss: "Options of losses:", optimizer: "Options of optimizers:" } as const;
  for (const flag of flags) {
    const { name, spec } = flag;
    const option = command.createOption(
      `--${name}${placeholders[spec.type]}`,
      `${spec.doc} (${flag.takers.join(", ")}${shownDefault(flag)})`,
    );
    command.addOption(option.helpGroup(groups[flag.kind]));
  }
  const values = (given: Readonly<Record<string, unknown>>, kind: Kind, name: string): Readonly<Record<string, OptionValue>> => {
    const own = flags.filter((flag) => flag.kind === kind && given[keyOf(flag.name)] !== undefined);
    const foreign = own.find((flag) => !flag.takers.includes(name));
    if (foreign !== undefined)
      throw new UsageError(`--${foreign.name} is an option of ${foreign.takers.join(", ")}, but the ${kind} is ${name}`);
    return Object.fromEntries(own.map((flag) => [flag.option, flagValue(flag, given[keyOf(flag.name)])]));
  };
  return {
    loss: (given, name) => made(lossTable, "loss", name, values(given, "loss", name)),
    optimizer: (given, name) => made(optimizerTable, "optimizer", name, values(given, "optimizer", name)),
  };
}

function flagValue({ name, spec }: Flag, given: unknown): OptionValue {
  const text = String(given);
  if (spec.type === "boolean") return given === true;
  if (spec.type === "number") return finiteNumber(`--${name}`, text);
  return spec.type === "numbers" ? text.split(",").map((part) => finiteNumber(`--${name}`, part.trim())) : text;
}

function made<T>(table: Readonly<Record<string, Maker<T>>>, kind: Kind, name: string, values: Readonly<Record<string, OptionValue>>): T {
  const maker = Object.hasOwn(table, name) ? table[name] : undefined;
  if (maker === undefined) throw new UsageError(`there is no ${kind} "${name}"`, `there are ${Object.keys(table).join(", ")}`);
  try {
    return maker.create(values);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw userError(`${kind}-option`, `${name}: ${error.message}`, nowhere);
  }
}

/** The names of all losses, or all optimizers, with a sentence on each: what `--help` lists. */
export const listMakers = (kind: Kind): string =>
  Object.entries(tables[kind])
    .map(([name, { doc }]) => `  ${name.padEnd(18)}${doc}`)
    .join("\n");
