/** Tables whose headings are buttons that sort. Rows come from the page; their cells' `data-key` is what is compared, else their text. */
import type { El, Page } from "./dom.ts";

declare const document: Page;

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.querySelector("tbody");
  const headings = [...table.querySelectorAll("thead th")];
  if (body === null) continue;
  const inOrder = [...body.children];
  headings.forEach((heading, column) => {
    heading.querySelector("button")?.addEventListener("click", () => {
      const was = heading.getAttribute("aria-sort");
      // Numbers from the largest, texts from A, then the other way round, then as the model runs.
      const first = heading.dataset["order"] ?? "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = was === null || was === "none" ? first : was === first ? second : "none";
      for (const other of headings) other.setAttribute("aria-sort", other === heading ? order : "none");
      body.replaceChildren(...(order === "none" ? inOrder : sorted(inOrder, column, order === "ascending" ? 1 : -1)));
    });
  });
}

function sorted(rows: readonly El[], column: number, sign: number): readonly El[] {
  const key = (row: El): string => {
    const cell = row.children[column];
    return cell?.dataset["key"] ?? cell?.textContent ?? "";
  };
  return [...rows].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    const [n, m] = [Number(x), Number(y)];
    const difference = x === "" || y === "" || Number.isNaN(n) || Number.isNaN(m) ? compared(x, y) : n - m;
    return sign * difference;
  });
}
const compared = (x: string, y: string): number => x.localeCompare(y, "en", { numeric: true });

for (const field of document.querySelectorAll("input[data-filters]")) {
  const table = [...document.querySelectorAll("table.sortable")].find((t) => t.getAttribute("id") === field.dataset["filters"]);
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    for (const row of table?.querySelectorAll("tbody tr") ?? []) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}
