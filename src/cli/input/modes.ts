/** `--mode inference|training`, and the options that mean something in one of them alone. */
import type { Command, Option } from "commander";
import { oneOf, UsageError } from "./usage.ts";

const modes = ["inference", "training"] as const;
/** What a model is compiled for. */
export type Mode = (typeof modes)[number];

const modeOf = new WeakMap<Option, Mode>();
const headings: Readonly<Record<Mode, string>> = { inference: "For inference:", training: "For training:" };
const advice: Readonly<Record<Mode, string>> = { inference: "leave out --mode training", training: "add --mode training" };

/** The command with `--mode`. Options of the other mode than the one that is asked for are wrong usage. */
export const addMode = (command: Command): Command =>
  command
    .option("--mode <mode>", "inference or training", (text) => oneOf("--mode", text, modes), "inference")
    .hook("preAction", (self) => {
      const wanted: unknown = self.getOptionValue("mode");
      for (const option of self.options) {
        const mode = modeOf.get(option);
        if (mode === undefined || mode === wanted || self.getOptionValueSource(option.attributeName()) !== "cli") continue;
        throw new UsageError(`${option.long} is for ${mode}`, advice[mode]);
      }
    });

/** Adds options that are for one mode: help lists them together, but for those that have a group of their own. */
export function addForMode<R>(mode: Mode, command: Command, add: (command: Command) => R): R {
  const others = new Set(command.options);
  const added = add(command);
  for (const option of command.options) {
    if (others.has(option)) continue;
    option.helpGroupHeading ??= headings[mode];
    modeOf.set(option, mode);
  }
  return added;
}
