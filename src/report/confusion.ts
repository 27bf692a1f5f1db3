/** Which class is taken for which. */
import { grouped, type Html, html, percent } from "./html.ts";
import type { Section } from "./page.ts";
import type { TrainingReport } from "./training-report.ts";

/** Above this many classes the matrix is unreadable: the most frequent confusions are listed alone. */
const mostClasses = 30;
const mostPairs = 20;

/** The confusion matrix with precision and recall, or its largest entries where there are many classes. */
export function confusionSection({ confusion, classes }: TrainingReport): Section | null {
  if (confusion.length === 0) return null;
  const names = confusion.map((_, i) => classes[i] ?? String(i));
  const body =
    names.length <= mostClasses ? html`${matrix(confusion, names)}${pairs(confusion, names, 5)}` : pairs(confusion, names, mostPairs);
  return { id: "confusion", title: "Confusion matrix", body };
}

const at = (counts: readonly (readonly number[])[], truth: number, predicted: number): number => counts[truth]?.[predicted] ?? 0;
const rowTotal = (counts: readonly (readonly number[])[], truth: number): number => (counts[truth] ?? []).reduce((a, b) => a + b, 0);
const columnTotal = (counts: readonly (readonly number[])[], predicted: number): number =>
  counts.reduce((sum, row) => sum + (row[predicted] ?? 0), 0);
const share = (part: number, whole: number): string => (whole === 0 ? "" : percent(part / whole, 1));

function matrix(counts: readonly (readonly number[])[], names: readonly string[]): Html {
  const cell = (truth: number, predicted: number): Html => {
    const count = at(counts, truth, predicted);
    const part = count / Math.max(1, rowTotal(counts, truth));
    // Mistakes are rare: their shade grows with the square root, so that a few per cent can be seen.
    const shade = Math.round(100 * (truth === predicted ? 0.1 + 0.55 * part : Math.min(0.85, 1.6 * Math.sqrt(part))));
    const kind = truth === predicted ? "right" : count === 0 ? "none" : "wrong";
    const title = `${names[truth]} taken for ${names[predicted]}: ${count}`;
    return html`<td class="${kind}" style="--shade:${shade}%" title="${title}">${count === 0 ? "·" : grouped(count)}</td>`;
  };
  const row = (
    truth: number,
  ): Html => html`<tr><th scope="row">${names[truth] ?? ""}</th>${names.map((_, predicted) => cell(truth, predicted))}<td class="margin">${share(at(counts, truth, truth), rowTotal(counts, truth))}</td></tr>
`;
  return html`<p>Rows are the true class, columns the predicted one. Recall is the share of a class that was found, precision the share of a prediction that was right.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix"><table class="confusion">
<thead><tr><th scope="col">true \\ predicted</th>${names.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col">recall</th></tr></thead>
<tbody>${names.map((_, truth) => row(truth))}</tbody>
<tfoot><tr><th scope="row">precision</th>${names.map((_, k) => html`<td class="margin">${share(at(counts, k, k), columnTotal(counts, k))}</td>`)}<td></td></tr></tfoot>
</table></div>`;
}

function pairs(counts: readonly (readonly number[])[], names: readonly string[], most: number): Html {
  const wrong = names.flatMap((_, truth) => names.map((_, predicted) => ({ truth, predicted, count: at(counts, truth, predicted) })));
  const largest = wrong
    .filter((p) => p.truth !== p.predicted && p.count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, most);
  if (largest.length === 0) return html`<p>Nothing was mistaken for anything else.</p>`;
  const item = ({ truth, predicted, count }: (typeof wrong)[number]): Html =>
    html`<li><b>${names[truth] ?? ""}</b> taken for <b>${names[predicted] ?? ""}</b> <span class="count">${grouped(count)}</span></li>`;
  return html`<h3>Most frequent confusions</h3><ol class="pairs">${largest.map(item)}</ol>`;
}
