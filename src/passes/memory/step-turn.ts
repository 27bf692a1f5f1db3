/** Where a step turns from making values to using them up again: between a forward and a backward pass. */

/** What the turn is found from: nodes by place, values by number. */
export interface Places {
  readonly bytes: readonly number[];
  readonly producer: readonly number[];
  readonly readers: readonly (readonly number[])[];
  readonly makes: readonly (readonly number[])[];
  readonly isOutput: readonly boolean[];
}

/** How many nodes a value has to rest for before it is worth letting go. */
export const leastRest = 4;

/** The place across which most bytes are between two of their uses, each value in the longest of its rests. */
export function turnOf({ bytes, producer, readers, makes, isOutput }: Places): number {
  const change = new Float64Array(makes.length + 1);
  readers.forEach((list, value) => {
    if (isOutput[value] === true) return;
    let [from, rest] = [0, 0];
    let last = producer[value] ?? 0;
    for (const reader of list) {
      if (reader - last > rest) [from, rest] = [last, reader - last];
      last = reader;
    }
    if (rest < leastRest) return;
    change[from] = (change[from] ?? 0) + (bytes[value] ?? 0);
    change[from + rest] = (change[from + rest] ?? 0) - (bytes[value] ?? 0);
  });
  let [resting, most, turn] = [0, 0, 0];
  change.forEach((difference, at) => {
    resting += difference;
    if (resting > most) [most, turn] = [resting, at];
  });
  return turn;
}

/** So many nodes up to the turn are looked at. */
const window = 64;

/**
 * True for the nodes that can only run after the turn: those that depend on the node shortly before it on which most do. A gradient
 * depends on the loss, but a weight that is transposed for a gradient could be so at any time.
 */
export function afterTurn(places: Places, turn: number): readonly boolean[] {
  let best: readonly boolean[] = [];
  let most = 0;
  for (let at = turn; at >= Math.max(0, turn - window); at--) {
    const dependent = dependentOn(places, at);
    const count = dependent.reduce((sum, depends, place) => sum + (depends && place > turn ? 1 : 0), 0);
    if (count > most) [best, most] = [dependent, count];
  }
  return best.map((depends, place) => depends && place > turn);
}
function dependentOn({ makes, readers }: Places, from: number): readonly boolean[] {
  const dependent = makes.map(() => false);
  dependent[from] = true;
  // Places are in an order in which nodes can run.
  for (let at = from; at < makes.length; at++) {
    if (dependent[at] !== true) continue;
    for (const value of makes[at] ?? []) for (const reader of readers[value] ?? []) dependent[reader] = true;
  }
  return dependent;
}
