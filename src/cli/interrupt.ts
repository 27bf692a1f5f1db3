/** Ctrl-C: the first one asks for a clean end, the second one ends at once. */
import { writeErr } from "./output/terminal.ts";

/** A signal that Ctrl-C aborts, until it is disposed of. */
export function interruptSignal(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    writeErr("\nstopping after this step (Ctrl-C again stops at once)\n");
    controller.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    dispose() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
