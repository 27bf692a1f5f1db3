/** A training report as the page of a panel. */

/** What the page may load: its own styles and pictures, and nothing from anywhere else. */
const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** The report with a policy in front of its own. A policy can only be narrowed by a second one, whatever the file says. */
export function reportPage(html: string): string {
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  const head = /<head[^>]*>/i.exec(html);
  if (head === null) return `<!doctype html><html><head>${meta}</head><body>${html}</body></html>`;
  const end = head.index + head[0].length;
  return `${html.slice(0, end)}${meta}${html.slice(end)}`;
}
