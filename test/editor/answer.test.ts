/** How an answer's offsets move with what is typed after it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { movedOffset, narrowedEdit } from "../../src/editor/answer.ts";

// Few letters, so that texts often begin and end alike.
const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });

test("a narrowed edit makes the new text of the old, and leaves what both begin and end with", () => {
  fc.assert(
    fc.property(text, text, text, text, (before, after, ahead, behind) => {
      const whole = `${ahead}${before}${behind}`;
      const { start, end, length } = narrowedEdit(ahead.length, before, after);
      const replaced = after.slice(start - ahead.length, start - ahead.length + length);
      expect(whole.slice(0, start) + replaced + whole.slice(end)).toBe(`${ahead}${after}${behind}`);
      expect(before[start - ahead.length] === after[start - ahead.length] && start < end && length > 0).toBe(false);
    }),
  );
});
test("where the whole text is sent again with a line more, offsets before and behind it stay with their text", () => {
  const before = "const x = conv2d(input);\nreturn relu(x);\n";
  const after = "const x = conv2d(input);\nwhile (true) {}\nreturn relu(x);\n";
  const edit = narrowedEdit(0, before, after);
  expect(["conv2d", "relu"].map((name) => movedOffset(before.indexOf(name), [edit]))).toEqual(
    ["conv2d", "relu"].map((name) => after.indexOf(name)),
  );
});
