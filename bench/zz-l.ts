import { startEditor } from "../test/editor/client.ts";
const e = await startEditor();
const b = e.open("models/resnet.ts");
const h = await e.until(async () => { const x = await b.hints(); return x.length > 0 ? x : null; });
for (let i = 20; i < 85; i++) { const l = await b.line(i); if (l.includes("«")) console.log(l); }
console.log(await b.hover(b.find("conv2d(", "function stem")));
console.log(await b.hover(b.find("conv2d(", "function conv3x3")));
const lenses = await e.until(async () => { const x = await b.lenses(); return x.length > 0 ? x : null; });
console.log(lenses.map(l => l.range.start.line + " " + l.command.title));
console.log(await b.hover(b.find("conv2d(", "function stem")));
console.log(String(await e.execute("striate.summary", lenses[0].command.arguments)).slice(0, 600));
const c = e.open("test/mistakes/simple-cnn.ts");
console.log(await c.diagnostics(() => true));
const c2 = await c.actions({start:c.find("inFeatures"), end:c.find("inFeatures")});
console.log(JSON.stringify(c2));
console.log(await c.line(7), await c.line(8), await c.line(9));
await e.quit();
