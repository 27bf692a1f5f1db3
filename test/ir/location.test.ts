import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { captureLocation, GraphBuilder, locationAt, nowhere, printDiagnostic, printLocation, userError } from "../../src/ir/index.ts";
import { firstUserFrame } from "../../src/ir/location.ts";

test("a location is the line and column of the call of the public function", () => {
  const publicFunction = () => captureLocation(publicFunction);
  const location = publicFunction();
  expect(printLocation(location)).toBe("test/ir/location.test.ts:9:20");
  expect(location.position?.file).toBe(resolve("test/ir/location.test.ts"));
});

test("files outside the working folder keep their whole path", () => {
  expect(printLocation(locationAt("/elsewhere/net.ts", 3, 4))).toBe("/elsewhere/net.ts:3:4");
  expect(printLocation(locationAt("net.ts", 3, 4))).toBe("net.ts:3:4");
  expect(printLocation(nowhere)).toBe("");
});

const own = resolve("src/dsl/layers/conv.ts");
test.each([
  ["a function in a module", "    at forward (file:///home/me/net.ts:12:51)", "/home/me/net.ts:12:51"],
  ["a module's top level", "    at file:///home/me/net.ts:3:1", "/home/me/net.ts:3:1"],
  ["an asynchronous call", "    at async file:///home/me/net.ts:3:1", "/home/me/net.ts:3:1"],
  ["a plain path", "    at Object.<anonymous> (/home/me/net.ts:3:1)", "/home/me/net.ts:3:1"],
  ["a method under another name", "    at Object.forward [as run] (/home/me/net.ts:3:1)", "/home/me/net.ts:3:1"],
  ["brackets and spaces in a path", "    at f (file:///home/me/my%20(new)%20nets/net.ts:3:1)", "/home/me/my (new) nets/net.ts:3:1"],
  ["a query behind the path", "    at f (file:///home/me/net.ts?t=17:3:1)", "/home/me/net.ts:3:1"],
  ["a number sign in a path", "    at f (file:///home/me/%23net.ts:3:1)", "/home/me/#net.ts:3:1"],
  [
    "frames of this package before it",
    `    at conv2d (${pathToFileURL(own).href}:1:2)\n    at f (${own}:3:4)\n    at g (file:///home/me/net.ts:3:1)`,
    "/home/me/net.ts:3:1",
  ],
  [
    "frames of Node and of packages before it",
    "    at node:internal/main:3:1\n    at new Promise (<anonymous>)\n    at x (/p/node_modules/tsx/a.js:1:1)\n    at g (/home/me/net.ts:3:1)",
    "/home/me/net.ts:3:1",
  ],
])("the user's frame is found: %s", (_, frames, wanted) => {
  expect(printLocation({ position: firstUserFrame(`Error\n${frames}`) })).toBe(wanted);
});

test("there is no location when no frame is the user's", () => {
  expect(firstUserFrame(`Error\n    at f (${own}:1:2)\n    at node:internal/x:1:1`)).toBeNull();
  expect(firstUserFrame("")).toBeNull();
});

test("an error of the builder is printed with its place, its inputs' places and its help", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3] });
  const half = b.add("Cast", [x], { to: 10 }, { name: "half", location: locationAt("net.ts", 1, 2) });
  const add = () => b.add("Add", [x, half], {}, { name: "sum", label: "add", location: locationAt("net.ts", 5, 9) });
  expect(add).toThrow(
    'net.ts:5:9 error[op-dtype]: add "sum": input "B" is float16, but "A" is float32\n' +
      '  note: input "x" is float32[N, 3]\n  note: net.ts:1:2 input "half" is float16[N, 3]\n  help: cast one of them',
  );
});

test("a diagnostic without notes and help is one line", () => {
  const [diagnostic] = userError("some-code", "message", nowhere).diagnostics;
  expect(diagnostic === undefined ? "" : printDiagnostic(diagnostic)).toBe("error[some-code]: message");
});
