/** The frame of a report: one HTML file that loads nothing, follows the reader's light or dark preference, and shows all names as text. */
import { pageScript, type ScriptName } from "./browser-script.ts";
import { type Html, html, trustedMarkup } from "./html.ts";
import { styles } from "./styles.ts";

/** One part of the page. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
  /** The scripts that it needs. */
  readonly scripts?: readonly ScriptName[];
}
/** What stands around the sections. */
export interface PageHead {
  readonly title: string;
  /** What kind of report it is, for the browser's tab. */
  readonly kind: string;
  /** One line under the title. */
  readonly subtitle: string;
  /** The figures at the top: what it is, and its value as it is shown. */
  readonly figures: readonly { readonly label: string; readonly value: string }[];
  /** The last line. */
  readonly footer: string;
}

/** The page. Nothing runs in it but the sections' scripts, which its Content-Security-Policy names by their hashes. */
export async function renderPage(head: PageHead, sections: readonly Section[]): Promise<string> {
  const names = [...new Set(sections.flatMap((section) => section.scripts ?? []))];
  const scripts = await Promise.all(names.map(pageScript));
  const allowed = scripts.length === 0 ? "" : `; script-src ${scripts.map((script) => script.policy).join(" ")}`;
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'${allowed}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${head.title}: ${head.kind}</title>
<style>${trustedMarkup(styles)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the results</a>
<header>
<h1>${head.title}</h1>
<p>${head.subtitle}</p>
<nav aria-label="Sections">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
</header>
<main id="main">
<dl class="figures">${head.figures.map(({ label, value }) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
${sections.map(
  ({ id, title, body }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${body}</section>
`,
)}</main>
<footer><p>${head.footer}</p></footer>
${scripts.map(
  ({ code }) => html`<script type="module">${trustedMarkup(code)}</script>
`,
)}</body>
</html>
`.markup;
}

/** Data for a script, which a browser does not run. */
export const scriptData = (data: unknown): Html =>
  // "<" begins nothing here: a text cannot end the element.
  html`<script type="application/json">${trustedMarkup(JSON.stringify(data).replaceAll("<", "\\u003c"))}</script>`;
