/** The settings of the language server. */

/** What a client can set, in initializationOptions or under "striate" in its configuration. */
export interface Settings {
  /** Whether the workspace's files may be run. Nothing is, before a client says so. */
  readonly trusted: boolean;
  /** Milliseconds that a model file may run. */
  readonly timeLimit: number;
  /** Megabytes of memory that it may use. */
  readonly memoryLimit: number;
  readonly inlayHints: boolean;
  /** Hints where a type does not say the shape: in lines that run several times, in generic functions, at sizes that are `number`; or everywhere. */
  readonly hints: "needed" | "all";
  /** Whether the editor shows the type checker's errors; what both find is then left to it. */
  readonly typeErrors: "editor" | "none";
}

/** The settings of a client that says nothing. */
export const defaultSettings: Settings = {
  trusted: false,
  timeLimit: 5000,
  memoryLimit: 1024,
  inlayHints: true,
  hints: "needed",
  typeErrors: "editor",
};

/** Settings with what a client sent in their place; values of another type are ignored. */
export function withSettings(settings: Settings, sent: unknown): Settings {
  if (typeof sent !== "object" || sent === null) return settings;
  const value = (key: keyof Settings): unknown => Reflect.get(sent, key);
  const flag = (key: "trusted" | "inlayHints"): boolean => {
    const given = value(key);
    return typeof given === "boolean" ? given : settings[key];
  };
  const natural = (key: "timeLimit" | "memoryLimit", least: number): number => {
    const given = value(key);
    return typeof given === "number" && given >= least ? given : settings[key];
  };
  const [hints, typeErrors] = [value("hints"), value("typeErrors")];
  return {
    trusted: flag("trusted"),
    timeLimit: natural("timeLimit", 100),
    memoryLimit: natural("memoryLimit", 64),
    inlayHints: flag("inlayHints"),
    hints: hints === "needed" || hints === "all" ? hints : settings.hints,
    typeErrors: typeErrors === "editor" || typeErrors === "none" ? typeErrors : settings.typeErrors,
  };
}
