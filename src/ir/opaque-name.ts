/** Names for expressions that are too large to be kept. */

/** A name that stands for one expression: equal texts have equal names. It begins with "?", and has 53 bits of a hash (cyrb53) behind it. */
export function opaqueName(text: string): string {
  let [h, k] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 2654435761);
    k = Math.imul(k ^ text.charCodeAt(i), 1597334677);
  }
  h = Math.imul(h ^ (h >>> 16), 2246822507) ^ Math.imul(k ^ (k >>> 13), 3266489909);
  k = Math.imul(k ^ (k >>> 16), 2246822507) ^ Math.imul(h ^ (h >>> 13), 3266489909);
  return `?x${((k & 0x1fffff) * 2 ** 32 + (h >>> 0)).toString(36)}`;
}
