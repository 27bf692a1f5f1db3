/** The packed numbers of a TensorProto: lists of little endian numbers or of varints. */
import { fault } from "./model-fault.ts";

/** How many varints lie in bytes. Throws a CompileError when the last one has no end. */
export function countVarints(payload: Uint8Array): number {
  let n = 0;
  for (const byte of payload) if (byte < 128) n++;
  const last = payload.at(-1);
  if (last !== undefined && last >= 128) throw fault("a packed list of numbers ends within a number");
  return n;
}

/** Calls `put` with the low and high 32 bits of each varint. Throws a CompileError on one longer than ten bytes. */
export function eachVarint(payload: Uint8Array, put: (index: number, low: number, high: number) => void): void {
  let at = 0;
  for (let index = 0; at < payload.length; index++) {
    let low = 0;
    let high = 0;
    let shift = 0;
    for (;;) {
      const byte = payload[at++] ?? 0;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 70) high |= bits << (shift - 32);
      else throw fault("a packed list of numbers holds one longer than 64 bits");
      if (byte < 128) break;
      shift += 7;
    }
    put(index, low >>> 0, high >>> 0);
  }
}

/** Several payloads as one. */
export function joined(payloads: readonly Uint8Array[]): Uint8Array {
  const [only] = payloads;
  if (payloads.length <= 1) return only ?? new Uint8Array(0);
  const out = new Uint8Array(payloads.reduce((sum, payload) => sum + payload.length, 0));
  let at = 0;
  for (const payload of payloads) {
    out.set(payload, at);
    at += payload.length;
  }
  return out;
}
