/** What the status item says. */

/** What the server says about a buffer, by the notification striate/status. */
export interface BufferStatus {
  readonly uri: string;
  readonly state: "current" | "stale";
  /** Why the shapes are those of an older text. */
  readonly message: string;
}
/** How the extension stands. */
export type State =
  | { readonly kind: "untrusted" }
  | { readonly kind: "missing"; readonly why: string }
  | { readonly kind: "starting" }
  | { readonly kind: "stopped"; readonly why: string }
  | { readonly kind: "running"; readonly buffer: BufferStatus | null };

/** A status item's text, what stands behind it, and how it is marked. */
export interface StatusText {
  readonly text: string;
  readonly detail: string;
  readonly mark: "information" | "warning" | "error";
  readonly busy: boolean;
}

/** The text of a state. */
export function statusText(state: State): StatusText {
  switch (state.kind) {
    case "untrusted":
      return { text: "striate: off", detail: "nothing is run before this workspace is trusted", mark: "warning", busy: false };
    case "missing":
      return { text: "striate: off", detail: state.why, mark: "information", busy: false };
    case "starting":
      return { text: "striate", detail: "starting", mark: "information", busy: true };
    case "stopped":
      return { text: "striate: stopped", detail: state.why, mark: "error", busy: false };
    case "running":
      return runningText(state.buffer);
  }
}

function runningText(buffer: BufferStatus | null): StatusText {
  if (buffer?.state !== "stale")
    return { text: "striate", detail: buffer === null ? "no model in this file" : "shapes of this text", mark: "information", busy: false };
  return { text: "striate: older shapes", detail: `shapes of the last good run: ${buffer.message}`, mark: "warning", busy: false };
}
