/** The examples that the model was most sure of, and wrong. */
import { html, percent } from "./html.ts";
import type { Section } from "./page.ts";
import { pictureUri } from "./picture.ts";
import type { TrainingReport } from "./training-report.ts";

/** The grid of mistakes, in the order given, each image as a PNG inside the page. */
export async function mistakesSection({ mistakes, classes }: TrainingReport): Promise<Section | null> {
  if (mistakes.length === 0) return null;
  const name = (k: number): string => classes[k] ?? String(k);
  const cards = await Promise.all(
    mistakes.map(async (m) => {
      const alt = `Example ${m.row}: ${name(m.truth)} taken for ${name(m.predicted)}`;
      return html`<li><figure><img src="${await pictureUri(m, "png")}" width="${m.width}" height="${m.height}" alt="${alt}">
<figcaption><span class="was"><b>${name(m.truth)}</b> read as <b class="bad">${name(m.predicted)}</b></span><span class="sure">${percent(m.probability, 1)} sure · #${m.row}</span></figcaption></figure></li>
`;
    }),
  );
  const body = html`<p>The ${mistakes.length} mistakes about which the model was most certain.</p><ul class="mistakes">${cards}</ul>`;
  return { id: "mistakes", title: "Worst mistakes", body };
}
