/** NumPy's arrays piece by piece, so that a set of any size takes the memory of a piece. For workers: calls wait for the disk. */
import { ARRAYS, lengthFault, npyHeader, type NpyType, type NpyTypes, readNpyHeader } from "../npy.ts";
import { checkShape, type CompactFile } from "../compact.ts";

/** Bytes that are kept before they are written; and those that a header has at most. */
const PIECE = 1 << 16, HEADER_ROOM = 128, HEADER_MOST = 1 << 12;

/** An array that grows. */
export interface NpyWriter {
  /** Adds whole rows. */
  append(values: ArrayLike<number>): void;
  /** Writes what is left, and the shape. */
  finish(): void;
  /** Lets the file go, finished or not. */
  close(): void;
}

/** Writes all of these bytes. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

/** Begins an array in a fresh file. */
export function createNpy(path: string, { type, columns }: Pick<CompactFile, "type" | "columns">): NpyWriter {
  const file = Deno.openSync(path, { write: true, createNew: true }), size = ARRAYS[type].BYTES_PER_ELEMENT;
  const piece = new ARRAYS[type](PIECE / size), bytes = new Uint8Array(piece.buffer);
  let filled = 0, length = 0;
  const write = (part: Uint8Array) => writeAll(file, part);
  const flush = () => {
    write(bytes.subarray(0, filled * size));
    filled = 0;
  };
  write(npyHeader(type, [0], HEADER_ROOM));
  return {
    append(values) {
      for (let k = 0; k < values.length; k++) {
        if (filled === piece.length) flush();
        piece[filled++] = values[k];
      }
      length += values.length;
    },
    finish() {
      flush();
      file.seekSync(0, Deno.SeekMode.Start);
      write(npyHeader(type, columns === null ? [length] : [length / columns, columns], HEADER_ROOM));
      file.syncSync();
    },
    close: () => file.close(),
  };
}

/** An array that is read from its beginning on. */
export interface NpyReader<T extends NpyType = NpyType> {
  /** Rows, in all. */
  readonly rows: number;
  /** The next so many rows. @throws {TypeError} where there are fewer */
  next(rows: number): NpyTypes[T];
  close(): void;
}

/** Opens an array. @throws {Deno.errors.NotFound}; {TypeError} where it is damaged, or of another type or shape */
export function openNpy<T extends NpyType>(
  path: string,
  { type, columns }: { readonly type: T; readonly columns: number | null },
): NpyReader<T> {
  const file = Deno.openSync(path);
  try {
    const head = new Uint8Array(HEADER_MOST), there = file.statSync().size;
    const { shape, start } = readNpyHeader(head.subarray(0, file.readSync(head) ?? 0), type, path);
    checkShape(shape, columns, path);
    const size = ARRAYS[type].BYTES_PER_ELEMENT, each = columns ?? 1, [rows] = shape;
    if (there - start !== rows * each * size) throw lengthFault(shape, type, there - start, path);
    let done = 0, piece = new Uint8Array(0), at = 0;
    file.seekSync(start, Deno.SeekMode.Start);
    const take = (into: Uint8Array) => {
      for (let filled = 0; filled < into.length;) {
        if (at === piece.length) {
          const fresh = new Uint8Array(PIECE), got = file.readSync(fresh);
          if (got === null) throw new TypeError(`${path}: cut short`);
          piece = fresh.subarray(0, got), at = 0;
        }
        const part = piece.subarray(at, at + into.length - filled);
        into.set(part, filled);
        filled += part.length, at += part.length;
      }
    };
    return {
      rows,
      next(count) {
        if (done + count > rows) {
          throw new TypeError(`${path}: ${rows} rows are there, and row ${done + count} is asked for`);
        }
        done += count;
        const bytes = new Uint8Array(count * each * size);
        take(bytes);
        return new ARRAYS[type](bytes.buffer) as NpyTypes[T];
      },
      close: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}
