/** A data set that is in memory: one array per field. */

import { dtypes } from "../ir/dtype.ts";
import { arrayOf, bytesOf, type TensorData } from "../ir/tensor-data.ts";
import type { Dataset, Field } from "./dataset.ts";

/** The fields of a data set, each [length, ...]. */
export interface Columns {
  readonly name: string;
  readonly inputs: Readonly<Record<string, TensorData>>;
  readonly targets: Readonly<Record<string, TensorData>>;
  readonly classes?: readonly string[];
}

/** A data set over arrays that hold all rows. Throws a RangeError when their lengths differ. */
export function columnsDataset(columns: Columns): Dataset {
  const all = [...Object.entries(columns.inputs), ...Object.entries(columns.targets)];
  const length = all[0]?.[1].shape[0] ?? 0;
  for (const [name, { shape }] of all) {
    if (shape[0] !== length)
      throw new RangeError(`${columns.name}: "${name}" has ${shape[0] ?? "no"} rows, the fields before it ${length}`);
  }
  const fields = (record: Readonly<Record<string, TensorData>>): Record<string, Field> =>
    Object.fromEntries(Object.entries(record).map(([name, { dtype, shape }]) => [name, { dtype, shape: shape.slice(1) }]));
  const gathered = (record: Readonly<Record<string, TensorData>>, rows: readonly number[]): Record<string, TensorData> =>
    Object.fromEntries(Object.entries(record).map(([name, column]) => [name, gatherRows(column, rows)]));
  return {
    name: columns.name,
    length,
    classes: columns.classes ?? [],
    inputs: fields(columns.inputs),
    targets: fields(columns.targets),
    read: (rows) => ({ inputs: gathered(columns.inputs, rows), targets: gathered(columns.targets, rows) }),
  };
}

/** The rows of a tensor along its first axis, copied. Throws a RangeError on a row that is not there. */
export function gatherRows(column: TensorData, rows: readonly number[]): TensorData {
  const [length = 0, ...rest] = column.shape;
  const stride = rest.reduce((n, d) => n * d, 1) * dtypes[column.dtype].size;
  const source = bytesOf(column);
  const bytes = new Uint8Array(rows.length * stride);
  for (const [i, row] of rows.entries()) {
    if (!Number.isInteger(row) || row < 0 || row >= length) throw new RangeError(`there is no row ${row} among ${length}`);
    bytes.set(source.subarray(row * stride, (row + 1) * stride), i * stride);
  }
  return { dtype: column.dtype, shape: [rows.length, ...rest], data: arrayOf(column.dtype, bytes) };
}
