// shared/postgres/binary.ts: values in PostgreSQL's binary format, as array parameters (`unnest`) and as rows of COPY.
// Binary, because it needs no escaping and costs half the CPU of text on both sides when thousands of rows are written.
// Formats: the *_send functions of PostgreSQL and https://www.postgresql.org/docs/current/sql-copy.html (file formats).

/** One PostgreSQL type: how long a value is and how it is written. Null is written by the callers below, never by `write`. */
export interface BinaryType<T> {
  /** Object id of the type in pg_type; the built-in ones never change. */
  oid: number;
  name: string;
  size: (value: T) => number;
  write: (target: Buffer, at: number, value: T) => void;
}

// PostgreSQL counts microseconds from here.
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
const TWO_TO_32 = 2 ** 32;
const NULL_LENGTH = -1;

const writeInt64 = (target: Buffer, at: number, value: number): void => {
  const high = Math.floor(value / TWO_TO_32);
  target.writeInt32BE(high, at);
  target.writeUInt32BE(value - high * TWO_TO_32, at + 4);
};
const writeText = (target: Buffer, at: number, value: string): void => {
  target.write(value, at);
};

export const bool: BinaryType<boolean> = {
  oid: 16,
  name: 'bool',
  size: () => 1,
  write: (target, at, value) => void target.writeUInt8(value ? 1 : 0, at),
};
export const int4: BinaryType<number> = {
  oid: 23,
  name: 'int4',
  size: () => 4,
  write: (target, at, value) => target.writeInt32BE(value, at),
};
export const int8: BinaryType<number> = { oid: 20, name: 'int8', size: () => 8, write: writeInt64 };
export const text: BinaryType<string> = { oid: 25, name: 'text', size: (value) => Buffer.byteLength(value), write: writeText };
/** Epoch milliseconds. */
export const timestamptz: BinaryType<number> = {
  oid: 1184,
  name: 'timestamptz',
  size: () => 8,
  write: (target, at, value) => writeInt64(target, at, (value - POSTGRES_EPOCH_MS) * 1000),
};
export const bytea: BinaryType<Buffer> = {
  oid: 17,
  name: 'bytea',
  size: (value) => value.length,
  write: (target, at, value) => void value.copy(target, at),
};
/** JSON text; a version byte comes first. */
export const jsonb: BinaryType<string> = {
  oid: 3802,
  name: 'jsonb',
  size: (value) => Buffer.byteLength(value) + 1,
  write: (target, at, value) => {
    target[at] = 1;
    target.write(value, at + 1);
  },
};
/** A one-dimensional array without nulls, as a value (a column of type text[]). */
export const textArray: BinaryType<readonly string[]> = {
  oid: 1009,
  name: 'text[]',
  size: (values) => arraySize(text, values),
  write: (target, at, values) => writeArray(text, values, target, at),
};

/** The column `values` as a parameter for `unnest($1::TYPE[])`. pg sends a Buffer as a binary parameter. */
export const arrayParameter = <T>(type: BinaryType<T>, values: readonly (T | null)[]): Buffer => {
  const buffer = Buffer.allocUnsafe(arraySize(type, values));
  writeArray(type, values, buffer, 0);
  return buffer;
};

/** Columns of a table: for each its name, its type and how to get it from a row. */
// biome-ignore lint/suspicious/noExplicitAny: every column has its own value type, which only `column` below has to know.
export type Column<R> = { name: string; type: BinaryType<any>; value: (row: R) => unknown };

export const column = <R, T>(name: string, type: BinaryType<T>, value: (row: R) => T | null): Column<R> => ({ name, type, value });

/** The columns of a table whose rows are read as `Row`: one left out, or one too many, does not compile. */
export type ColumnsOf<Row, R, More = unknown> = { readonly [Name in keyof Row & string]: Omit<Column<R>, 'name'> & More };

/** A column of `ColumnsOf`, whose name is its key. */
export const cell = <R, T>(type: BinaryType<T>, value: (row: R) => T | null): Omit<Column<R>, 'name'> => ({ type, value });

export const columnList = <R, More>(columns: Readonly<Record<string, Omit<Column<R>, 'name'> & More>>): (Column<R> & More)[] =>
  Object.entries(columns).map(([name, rest]) => ({ name, ...rest }));

/** One array parameter per column, in the order of the columns. */
export const columnParameters = <R>(columns: readonly Column<R>[], rows: readonly R[]): Buffer[] =>
  columns.map(({ type, value }) => arrayParameter(type, rows.map(value)));

/** The rows of `columnParameters` as a table, when its first one is parameter number `first`. */
export const unnest = <R>(columns: readonly Column<R>[], first: number, alias: string): string => {
  const parameters = columns.map(({ type }, i) => `$${first + i}::${type.name}[]`);
  return `unnest(${parameters.join(', ')}) AS ${alias} (${columns.map(({ name }) => name).join(', ')})`;
};

const COPY_SIGNATURE = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const COPY_TRAILER = -1;

/** Rows as the data of `COPY … FROM STDIN (FORMAT binary)`, with `head` bytes left free in front and `tail` behind. */
export const copyRows = <R>(columns: readonly Column<R>[], rows: readonly R[], room = { head: 0, tail: 0 }): Buffer => {
  const width = columns.length;
  const values = new Array<unknown>(rows.length * width);
  const sizes = new Int32Array(rows.length * width); // measuring UTF-8 is not free: each value once
  let bytes = COPY_SIGNATURE.length + rows.length * (2 + 4 * width) + 2;
  let field = 0;
  for (const row of rows) {
    for (const { type, value } of columns) {
      const it = value(row);
      const size = it === null ? NULL_LENGTH : type.size(it);
      values[field] = it;
      sizes[field] = size;
      if (size > 0) bytes += size;
      field += 1;
    }
  }
  const buffer = Buffer.allocUnsafe(room.head + bytes + room.tail);
  let at = room.head + COPY_SIGNATURE.copy(buffer, room.head);
  for (field = 0; field < values.length; ) {
    at = buffer.writeInt16BE(width, at);
    for (const { type } of columns) {
      at = writeField(type, values[field], sizes[field]!, buffer, at);
      field += 1;
    }
  }
  buffer.writeInt16BE(COPY_TRAILER, at);
  return buffer;
};

const ARRAY_HEADER_BYTES = 20;

const arraySize = <T>(type: BinaryType<T>, values: readonly (T | null)[]): number => {
  let size = ARRAY_HEADER_BYTES;
  for (const value of values) size += 4 + (value === null ? 0 : type.size(value));
  return size;
};

/** Header: dimensions, has-nulls flag, element type, length, lower bound; then the fields. */
const writeArray = <T>(type: BinaryType<T>, values: readonly (T | null)[], target: Buffer, start: number): void => {
  let at = start;
  for (const word of [1, 1, type.oid, values.length, 1]) at = target.writeInt32BE(word, at);
  for (const value of values) at = writeField(type, value, value === null ? NULL_LENGTH : type.size(value), target, at);
};

const writeField = <T>(type: BinaryType<T>, value: T | null, size: number, target: Buffer, at: number): number => {
  target.writeInt32BE(size, at);
  if (value === null) return at + 4;
  type.write(target, at + 4, value);
  return at + 4 + size;
};
