/** Rows into a Parquet file (https://parquet.apache.org/docs/file-format/), a row group at a time, so that memory does not grow with the rows. */
import { zstdCompressSync } from "node:zlib";
import { ByteWriter, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import { partialOf } from "../diffusion/files.ts";

/** What a column holds: a number of 64 or 32 bits, a whole number, text, a truth value, or a list of numbers. */
export type ParquetType = "DOUBLE" | "FLOAT" | "INT32" | "INT64" | "STRING" | "BOOLEAN" | "LIST<FLOAT>" | "LIST<INT32>";

/** A column. One that is not `nullable` needs a value in every row. */
export interface ParquetColumn {
  readonly name: string;
  readonly type: ParquetType;
  readonly nullable?: boolean;
}

/** A row: values by the name of their column. INT64 takes safe integers. */
export type ParquetRow = Readonly<Record<string, unknown>>;

/** What a file of rows may be made with. */
export interface ParquetOptions {
  /** Rows of a row group at most; {@link groupRowsAfter} by default. */
  readonly groupRows?: number;
  /** Bytes of a row group at most, as values before compression, roughly; 16 MiB by default. */
  readonly groupBytes?: number;
  /** Text that the file says of itself, by name. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Rows of the next row group. Memory goes by it, some 25 kB a row of QM9's size while it is encoded, so few are best; but each group has an entry in the footer, which
 * memory holds to the end. So 2,500, and of files of more than 2.5 million rows a thousandth of those before, up to 20,000.
 */
export const groupRowsAfter = (rows: number): number => Math.min(20_000, Math.max(2500, Math.floor(rows / 1000)));

/** The element of a schema's tree for numbers and text that stand alone. */
function primitive(name: string, type: string, repetition: "REQUIRED" | "OPTIONAL"): SchemaElement {
  const text = type === "STRING" && { converted_type: "UTF8", logical_type: { type: "STRING" } } as const;
  return {
    name,
    type: (text ? "BYTE_ARRAY" : type) as SchemaElement["type"],
    repetition_type: repetition,
    ...text,
  };
}

/** The elements of a column: one, or of a list three (https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists). */
function elements({ name, type, nullable = false }: ParquetColumn): SchemaElement[] {
  const repetition = nullable ? "OPTIONAL" : "REQUIRED", of = /^LIST<(\w+)>$/.exec(type)?.[1];
  if (of === undefined) return [primitive(name, type, repetition)];
  return [
    { name, repetition_type: repetition, num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    primitive("element", of, "REQUIRED"),
  ];
}

const whole32 = (value: unknown) => Number.isInteger(value) && ((value as number) | 0) === value;
const list = (fits: (value: unknown) => boolean) => (value: unknown) => Array.isArray(value) && value.every(fits);
const number = (value: unknown) => typeof value === "number";

/** What a value has to be, by its column's type. */
const FITS: Readonly<Record<ParquetType, readonly [what: string, fits: (value: unknown) => boolean]>> = {
  DOUBLE: ["a number", number],
  FLOAT: ["a number", number],
  INT32: ["an integer of 32 bits", whole32],
  INT64: ["a safe integer", Number.isSafeInteger],
  STRING: ["text", (value) => typeof value === "string"],
  BOOLEAN: ["true or false", (value) => typeof value === "boolean"],
  "LIST<FLOAT>": ["a list of numbers", list(number)],
  "LIST<INT32>": ["a list of integers of 32 bits", list(whole32)],
};

/** Bytes of a value before it is compressed, roughly. */
const sizeOf = (value: unknown): number =>
  typeof value === "string" ? value.length + 4 : Array.isArray(value) ? 6 * value.length + 2 : 8;

/**
 * A Parquet file that is being written: beside its place, and renamed when it is whole. The same rows give the same bytes. Compression is Zstandard.
 *
 * @example
 * ```ts
 * const path = await Deno.makeTempFile();
 * await using file = await ParquetFile.create(path, [{ name: "smiles", type: "STRING" }, { name: "logP", type: "DOUBLE", nullable: true }]);
 * await file.add({ smiles: "CCO", logP: -0.0014 });
 * await file.add({ smiles: "C" });
 * await file.finish();
 * console.log((await Deno.stat(path)).size > 0); // true
 * ```
 */
export class ParquetFile implements AsyncDisposable {
  readonly #bytes = new ByteWriter(1 << 20);
  readonly #writer: ParquetWriter;
  #values: unknown[][];
  #groupBytes = 0;
  /** In row groups that are written. */
  #rows = 0;
  #open = true;

  private constructor(
    readonly path: string,
    private readonly file: Deno.FsFile,
    readonly columns: readonly ParquetColumn[],
    private readonly options: ParquetOptions,
  ) {
    this.#values = columns.map(() => []);
    this.#writer = new ParquetWriter({
      writer: Object.assign(this.#bytes, { flush: () => this.#flush() }),
      schema: [{ name: "root", num_children: columns.length }, ...columns.flatMap(elements)],
      codec: "ZSTD",
      compressors: { ZSTD: (bytes) => zstdCompressSync(bytes) },
      createdBy: "molstep",
      kvMetadata: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
    });
  }

  /**
   * Begins a file.
   *
   * @throws TypeError where there is no column, or two of one name
   */
  static async create(
    path: string,
    columns: readonly ParquetColumn[],
    options: ParquetOptions = {},
  ): Promise<ParquetFile> {
    if (columns.length === 0) throw new TypeError("columns must be one at least; got none");
    const names = columns.map(({ name }) => name), twice = names.find((name, k) => names.indexOf(name) !== k);
    if (twice !== undefined) {
      throw new TypeError(`columns must have different names; got ${JSON.stringify(twice)} twice`);
    }
    const file = await Deno.open(partialOf(path), { write: true, create: true, truncate: true });
    return new ParquetFile(path, file, columns, options);
  }

  /**
   * Adds a row; each so many go to the disk.
   *
   * @throws TypeError for a value that is not of its column's type, or that no column has
   */
  async add(row: ParquetRow): Promise<void> {
    for (const name of Object.keys(row)) {
      if (!this.columns.some((column) => column.name === name)) {
        const known = this.columns.map((column) => column.name).join(", ");
        throw new TypeError(`row: unknown column ${JSON.stringify(name)}; known: ${known}`);
      }
    }
    const values = this.columns.map(({ name, type, nullable }) => {
      const value = row[name] ?? null, [what, fits] = FITS[type];
      if (value === null ? !nullable : !fits(value)) {
        throw new TypeError(`${name} must be ${what}; got ${JSON.stringify(value)}`);
      }
      return type === "INT64" && value !== null ? BigInt(value as number) : value;
    });
    for (const [k, value] of values.entries()) {
      this.#values[k].push(value);
      this.#groupBytes += sizeOf(value);
    }
    const { groupRows = groupRowsAfter(this.#rows), groupBytes = 1 << 24 } = this.options;
    if (this.#values[0].length >= groupRows || this.#groupBytes >= groupBytes) await this.#group();
  }

  /** Writes what is left and the footer, and gives the file its name. */
  async finish(): Promise<void> {
    if (this.#values[0].length > 0) await this.#group();
    await this.#writer.finish();
    await this.#flush();
    await this.file.sync();
    this.#close();
    await Deno.rename(partialOf(this.path), this.path);
  }

  /** Takes away what was written, if it was not finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#close();
    await Deno.remove(partialOf(this.path));
  }

  #close(): void {
    this.#open = false;
    this.file.close();
  }

  /** Rows that wait become a row group. */
  async #group(): Promise<void> {
    const values = this.#values, rows = values[0].length;
    this.#values = this.columns.map(() => []);
    this.#groupBytes = 0;
    this.#rows += rows;
    const columnData = this.columns.map(({ name }, k) => ({ name, data: values[k], offsetIndex: false }));
    await this.#writer.write({ columnData, rowGroupSize: rows });
  }

  async #flush(): Promise<void> {
    const bytes = this.#bytes.getBytes();
    for (let at = 0; at < bytes.length;) at += await this.file.write(bytes.subarray(at));
    this.#bytes.index = 0;
  }
}
