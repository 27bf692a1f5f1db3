/** Orders things that depend on each other. */

/**
 * The numbers from 0 on, each after those it depends on, and of those that may come next always the one with the least rank.
 * Numbers that depend on each other in a circle are left out.
 */
export function topologicalOrder(dependencies: readonly (readonly number[])[], ranks: readonly number[]): readonly number[] {
  const waiting = dependencies.map((list) => list.length);
  const dependents = dependencies.map((): number[] => []);
  dependencies.forEach((list, i) => {
    for (const before of list) dependents[before]?.push(i);
  });
  const comesFirst = (a: number, b: number): boolean => (ranks[a] ?? 0) < (ranks[b] ?? 0) || (ranks[a] === ranks[b] && a < b);
  const ready: number[] = [];
  const order: number[] = [];
  waiting.forEach((count, i) => {
    if (count === 0) push(ready, i, comesFirst);
  });
  for (let next = pop(ready, comesFirst); next !== undefined; next = pop(ready, comesFirst)) {
    order.push(next);
    for (const dependent of dependents[next] ?? []) {
      waiting[dependent] = (waiting[dependent] ?? 0) - 1;
      if (waiting[dependent] === 0) push(ready, dependent, comesFirst);
    }
  }
  return order;
}

type Before = (a: number, b: number) => boolean;
/** Puts a number into a binary heap. */
function push(heap: number[], entry: number, before: Before): void {
  let at = heap.length;
  for (let parent = (at - 1) >> 1; at > 0 && before(entry, heap[parent] ?? entry); parent = (at - 1) >> 1) {
    heap[at] = heap[parent] ?? entry;
    at = parent;
  }
  heap[at] = entry;
}
/** Takes the first number out of a binary heap. */
function pop(heap: number[], before: Before): number | undefined {
  const [first] = heap;
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
    if (left === undefined) break;
    const child = right !== undefined && before(right, left) ? 2 * at + 2 : 2 * at + 1;
    const entry = heap[child] ?? left;
    if (!before(entry, last)) break;
    heap[at] = entry;
    at = child;
  }
  heap[at] = last;
  return first;
}
