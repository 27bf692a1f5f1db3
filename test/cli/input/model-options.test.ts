import { expect, test } from "vitest";
import { callFactory, parseSet } from "../../../src/cli/input/model-options.ts";

test("values are numbers, booleans, null, JSON arrays, and texts", () => {
  expect(
    Object.fromEntries(parseSet(["a=10", "b=-1.5e3", "c=true", "d=null", "e=[1,2]", "f=wide", "g=1x", 'h="12"', "i=", "j=a=b", "k=[1,"])),
  ).toEqual({
    a: 10,
    b: -1500,
    c: true,
    d: null,
    e: [1, 2],
    f: "wide",
    g: "1x",
    h: "12",
    i: "",
    j: "a=b",
    k: "[1,",
  });
});

test("texts without a key, and keys given twice, are wrong usage", () => {
  expect(() => parseSet(["10"])).toThrow(`--set takes KEY=VALUE, not "10"`);
  expect(() => parseSet(["=10"])).toThrow(`--set takes KEY=VALUE, not "=10"`);
  expect(() => parseSet(["a=1", "a=2"])).toThrow(`--set gives "a" twice`);
});

const called = (factory: (options: never) => unknown, ...set: readonly string[]): unknown => {
  // Sound for the same reason as on the command line: what it is given is what the user typed.
  const made = callFactory(factory as (options: object) => unknown, parseSet(set), "net.ts");
  made.checkAllRead();
  return made.model;
};

test("a factory gets its options and keeps its own defaults", () => {
  expect(called(({ width = 8, classes = 10 }: { width?: number; classes?: number } = {}) => [width, classes], "classes=3")).toEqual([8, 3]);
});

test("an option that the factory never reads is unknown, and those that it reads are listed", () => {
  const factory = ({ width = 8, depth = 2 } = {}): number => width * depth;
  expect(() => called(factory, "widht=3")).toThrow(`net.ts: there is no option "widht"`);
  expect(() => called(factory, "widht=3")).toThrow("it takes depth, width");
  expect(() => called(() => 1, "a=1")).toThrow("it takes no options");
});

test("options that are passed on to another function, or spread, are known", () => {
  const inner = ({ width = 1, ...rest }: { width?: number; depth?: number }): unknown => [width, rest];
  expect(called((options: { width?: number }) => inner(options), "width=3", "depth=4")).toEqual([3, { depth: 4 }]);
});

test("an option read only when the model is traced is known by then", () => {
  const { checkAllRead, model } = callFactory((options) => () => Reflect.get(options, "late"), parseSet(["late=1"]), "net.ts");
  expect(checkAllRead).toThrow(`there is no option "late"`);
  expect(typeof model === "function" && model()).toBe(1);
  expect(checkAllRead).not.toThrow();
});

test("a value of another type than the default's is refused", () => {
  const factory = ({ width = 8, wide = false, kind = "a", sizes = [1] } = {}): unknown => [width, wide, kind, sizes];
  expect(() => called(factory, "width=wide")).toThrow(`net.ts: option "width" takes a number, not "wide"`);
  expect(() => called(factory, "wide=1")).toThrow(`net.ts: option "wide" takes true or false, not 1`);
  expect(() => called(factory, "kind=1")).toThrow(`net.ts: option "kind" takes a text, not 1`);
  expect(() => called(factory, "sizes=1")).toThrow(`net.ts: option "sizes" takes an array, not 1`);
  expect(called(factory, "width=2", "wide=true", "kind=b", "sizes=[2]")).toEqual([2, true, "b", [2]]);
});

test("a factory can declare its options in a record", () => {
  const factory = Object.assign((options: { width?: number }) => options.width ?? 8, { options: { width: 8, unused: "x" } });
  expect(called(factory, "width=3", "unused=y")).toBe(3);
  expect(() => called(factory, "width=x")).toThrow(`option "width" takes a number`);
});

test("a misspelt option is reported rather than the fault that follows from it", () => {
  const factory = ({ classes }: { classes: number }): number => {
    if (classes === undefined) throw new Error("classes is missing");
    return classes;
  };
  expect(() => called(factory, "clases=3")).toThrow(`there is no option "clases"`);
  expect(() => called(factory)).toThrow("classes is missing");
});
