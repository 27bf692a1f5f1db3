/**
 * What asks a run to end. An AbortSignal is one; it has a type of its own here because a user's project may know neither the DOM's types nor
 * Node's, and the package's declarations have to compile there.
 */
export interface StopSignal {
  readonly aborted: boolean;
  /** What a run that was ended is thrown with. */
  readonly reason: unknown;
  /** Throws the reason once `aborted`. */
  throwIfAborted(): void;
}
