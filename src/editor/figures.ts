/** Figures that are short enough to stand beside code. */

const units = ["", "k", "M", "G", "T"] as const;

/** 25557032 as "25.6 M", 4089184256 as "4.09 G"; a symbolic figure as it is. */
export function shortFigure(n: number | string): string {
  if (typeof n === "string") return n;
  const power = n < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(n) / 3));
  const value = n / 1000 ** power;
  return `${power === 0 ? value : Number(value.toPrecision(3))} ${units[power]}`.trimEnd();
}
