/** Data sets: rows of named tensors, read by their numbers. */
import type { DType } from "../ir/dtype.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { permutation } from "./permutation.ts";

/** The type of one field of a row, without the batch axis. */
export interface Field {
  readonly dtype: DType;
  readonly shape: readonly number[];
}
/** Some rows, each field stacked along a new first axis. */
export interface Rows {
  readonly inputs: Readonly<Record<string, TensorData>>;
  readonly targets: Readonly<Record<string, TensorData>>;
}
/** A fixed number of rows. */
export interface Dataset {
  /** What messages call it. */
  readonly name: string;
  readonly length: number;
  readonly inputs: Readonly<Record<string, Field>>;
  readonly targets: Readonly<Record<string, Field>>;
  /** The names of the classes that the target counts; empty where it is no class. */
  readonly classes: readonly string[];
  /** The rows of the numbers given, in that order. The result is the caller's own. */
  read(rows: readonly number[]): Rows | Promise<Rows>;
}
/** A change of every row's inputs. */
export interface Transform {
  /** The field that it makes of a field. */
  field(field: Field): Field;
  /** The batch that it makes of a batch. */
  apply(batch: TensorData): TensorData;
}

const mapRecord = <A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));

/** A data set whose inputs go through a transform as they are read. */
export function mapInputs(dataset: Dataset, transform: Transform): Dataset {
  const changed = (rows: Rows): Rows => ({ ...rows, inputs: mapRecord(rows.inputs, (batch) => transform.apply(batch)) });
  return {
    ...dataset,
    inputs: mapRecord(dataset.inputs, (field) => transform.field(field)),
    read(rows) {
      const read = dataset.read(rows);
      return read instanceof Promise ? read.then(changed) : changed(read);
    },
  };
}

/** A data set with other names for its fields: `{ input: "image" }`; names not listed stay. */
export function renameFields(dataset: Dataset, names: Readonly<Record<string, string>>): Dataset {
  const renamed = <A>(record: Readonly<Record<string, A>>): Record<string, A> =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [names[name] ?? name, value]));
  const changed = (rows: Rows): Rows => ({ inputs: renamed(rows.inputs), targets: renamed(rows.targets) });
  return {
    ...dataset,
    inputs: renamed(dataset.inputs),
    targets: renamed(dataset.targets),
    read(rows) {
      const read = dataset.read(rows);
      return read instanceof Promise ? read.then(changed) : changed(read);
    },
  };
}

/** Some rows of a data set. */
export function subset(dataset: Dataset, rows: ArrayLike<number>, name: string = dataset.name): Dataset {
  const chosen = Uint32Array.from(rows);
  for (const row of chosen) {
    if (row >= dataset.length) throw new RangeError(`${dataset.name} has ${dataset.length} rows: there is no row ${row}`);
  }
  return { ...dataset, name, length: chosen.length, read: (wanted) => dataset.read(wanted.map((i) => chosen[i] ?? -1)) };
}

/** Two parts of a data set, drawn by a seed: the second has the fraction given, at least one row. */
export function splitDataset(dataset: Dataset, fraction: number, seed: number): readonly [Dataset, Dataset] {
  if (!(fraction > 0 && fraction < 1)) throw new RangeError(`the fraction to hold out must lie between 0 and 1, not ${fraction}`);
  const order = permutation(dataset.length, seed, 0, "split");
  const held = Math.max(1, Math.round(dataset.length * fraction));
  const [rest, taken] = [order.subarray(held).sort(), order.subarray(0, held).sort()];
  return [subset(dataset, rest), subset(dataset, taken, `${dataset.name} (held out)`)];
}
