import { createAnalyzer } from "../src/editor/analyzer.ts";
const a = createAnalyzer({ timeLimit: 5000, memoryLimit: 512 });
for (let i = 0; i < 3; i++) {
const t = performance.now();
const r = await a.analyze(process.argv[2] ?? "", [], (d) => console.log("details", performance.now() - t, JSON.stringify(d).slice(0, 700)));
console.log(performance.now() - t, r.kind, r.kind === "stopped" ? r.why : [r.analysis.diagnostics.map(d=>d.message), r.analysis.files, r.analysis.models.map(m => m.exportName+" "+m.layers.length)]);
if (i==2 && r.kind === "analysis") console.log(JSON.stringify(r.analysis.models[0]?.layers.slice(0,4), null, 1), r.analysis.diagnostics.slice(0,4).map(d=>JSON.stringify(d)));
}
await new Promise(r => setTimeout(r, 2500));
a.dispose();
