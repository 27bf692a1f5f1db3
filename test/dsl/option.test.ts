import { expect, test } from "vitest";
import { withDefaults } from "../../src/dsl/index.ts";

interface Options {
  readonly width?: number;
  readonly bias?: boolean;
  readonly sizes?: readonly number[];
}
const defaults = { width: 8, bias: true, sizes: [1, 2] };

test("options that are absent or undefined are the defaults", () => {
  // Sound for the test: JavaScript callers write this.
  const given = { width: undefined, bias: false } as unknown as Options;
  expect(withDefaults(given, defaults)).toEqual({ width: 8, bias: false, sizes: [1, 2] });
});

test("an option without a default is unknown, at the user's line", () => {
  const given: Options & { readonly widht: number } = { widht: 3 };
  expect(() => withDefaults<Options>(given, defaults)).toThrow(
    /^test\/dsl\/option\.test\.ts:19:16 error\[unknown-option\]: there is no option "widht"\n {2}help: it takes bias, sizes, width$/,
  );
});

test.each([
  [{ width: "wide" }, 'option "width" takes a number, not "wide"'],
  [{ bias: 1 }, 'option "bias" takes true or false, not 1'],
  [{ sizes: 3 }, 'option "sizes" takes an array, not 3'],
])("an option of another kind than its default is refused: %j", (options, message) => {
  // Sound for the test: the command line gives what the user typed.
  expect(() => withDefaults(options as unknown as Options, defaults)).toThrow(`error[option-type]: ${message}`);
});
