/** The inner loop of products of weights. */

/** Numbers of a matrix: rows of `columns` numbers from `first` on. */
export interface Rows {
  readonly numbers: ArrayLike<number>;
  readonly first: number;
  readonly columns: number;
}
/** The factors of `count` rows in turn, from `first` on. */
export interface Factors {
  readonly numbers: ArrayLike<number>;
  readonly first: number;
  readonly count: number;
}

/** Adds each row, times its factor, to the numbers from `to` on: one row after the other, in float64. */
export function addRows(out: Float64Array, to: number, rows: Rows, factors: Factors): void {
  const { numbers, columns } = rows;
  let k = 0;
  // Four rows at a time, since most of the time is reading and writing the sums.
  for (; k + 4 <= factors.count; k += 4) {
    const r = rows.first + k * columns;
    const f = factors.first + k;
    const a = factors.numbers[f] ?? 0;
    const b = factors.numbers[f + 1] ?? 0;
    const c = factors.numbers[f + 2] ?? 0;
    const d = factors.numbers[f + 3] ?? 0;
    for (let n = 0; n < columns; n++) {
      const p = r + n;
      const q = p + 2 * columns;
      const two = (out[to + n] ?? 0) + a * (numbers[p] ?? 0) + b * (numbers[p + columns] ?? 0);
      out[to + n] = two + c * (numbers[q] ?? 0) + d * (numbers[q + columns] ?? 0);
    }
  }
  for (; k < factors.count; k++) {
    const r = rows.first + k * columns;
    const by = factors.numbers[factors.first + k] ?? 0;
    for (let n = 0; n < columns; n++) out[to + n] = (out[to + n] ?? 0) + by * (numbers[r + n] ?? 0);
  }
}
