#!/usr/bin/env node
// Starts the command line: from the sources in a checkout, from dist/ in an installed package.
import { existsSync } from "node:fs";

const source = new URL("../src/cli/main.ts", import.meta.url);
const checkout = existsSync(source);
if (checkout) {
  const { register } = await import("tsx/esm/api");
  register();
}
const { main } = await import(checkout ? source.href : new URL("../dist/src/cli/main.js", import.meta.url).href);
process.exitCode = await main(process.argv.slice(2));
