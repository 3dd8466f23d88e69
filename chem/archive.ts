/** Compressed tar archives, read as a stream: one file at a time in memory, whatever the archive's size. */
import unbzip2 from "unbzip2-stream";

type Bytes = Uint8Array<ArrayBuffer>;
/** Anything that gives bytes piece by piece, a `ReadableStream` among others. */
export type ByteSource = AsyncIterable<Uint8Array<ArrayBuffer>>;

/** What is used of the stream that `unbzip2-stream` makes; the package has no types of its own. */
interface Through {
  on(event: "data", listener: (bytes: Bytes) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  write(bytes: Bytes): void;
  end(): void;
}

const BLOCK = 512;

/** Undoes bzip2. Checks the sums of every block. @throws {TypeError} where the data are damaged or cut short */
async function* bunzip(source: ByteSource): ByteSource {
  const stream: Through = unbzip2(), ready: Bytes[] = [];
  let failure: Error | undefined;
  // The stream works synchronously: what a write yields is in `ready` when it returns.
  stream.on("data", (bytes: Bytes) => ready.push(bytes));
  stream.on("error", (error: Error) => failure ??= error);
  const taken = () => {
    if (failure) throw new TypeError(`damaged or cut short: ${failure.message}`, { cause: failure });
    return ready.splice(0);
  };
  for await (const bytes of source) {
    stream.write(bytes);
    yield* taken();
  }
  stream.end();
  yield* taken();
}

async function* peek(first: Bytes, rest: AsyncIterator<Bytes>): ByteSource {
  try {
    if (first.length > 0) yield first;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.(); // closes the file or connection when reading stops early
  }
}

/**
 * Undoes bzip2 or gzip, told by the first bytes; passes anything else on as it is.
 *
 * @throws {TypeError} where the compressed data are damaged or cut short
 */
export async function* decompress(source: ByteSource): ByteSource {
  const iterator = source[Symbol.asyncIterator](), start = await iterator.next();
  const first = start.done ? new Uint8Array() : start.value, whole = peek(first, iterator);
  if (first[0] === 0x42 && first[1] === 0x5a && first[2] === 0x68) yield* bunzip(whole);
  else if (first[0] === 0x1f && first[1] === 0x8b) {
    try {
      yield* ReadableStream.from(whole).pipeThrough(new DecompressionStream("gzip"));
    } catch (cause) {
      throw new TypeError("damaged or cut short: not a whole gzip file", { cause });
    }
  } else yield* whole;
}

const field = (header: Bytes, from: number, to: number) =>
  new TextDecoder().decode(header.subarray(from, to)).replace(/\0.*$/s, "");

/** Reads exact numbers of bytes from pieces of any length. */
function reader(iterator: AsyncIterator<Bytes>): (length: number) => Promise<Bytes | undefined> {
  let piece: Bytes = new Uint8Array(), at = 0;
  return async (length) => {
    const out = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      if (at === piece.length) {
        const next = await iterator.next();
        if (next.done) return undefined;
        piece = next.value, at = 0;
        continue;
      }
      const take = Math.min(length - filled, piece.length - at);
      out.set(piece.subarray(at, at + take), filled);
      filled += take, at += take;
    }
    return out;
  };
}

/**
 * The regular files of a tar archive (POSIX ustar), in order.
 *
 * @throws {TypeError} where a header's sum is wrong or the archive ends before its end mark
 */
export async function* readTar(source: ByteSource): AsyncGenerator<{ name: string; bytes: Bytes }> {
  const iterator = source[Symbol.asyncIterator](), read = reader(iterator);
  try {
    while (true) {
      const header = await read(BLOCK);
      if (header === undefined) throw new TypeError("the tar archive is cut short");
      if (header.every((byte) => byte === 0)) return;
      let sum = 0;
      for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : header[i];
      if (parseInt(field(header, 148, 156), 8) !== sum) {
        throw new TypeError("a tar header is damaged, or this is no tar");
      }
      const size = parseInt(field(header, 124, 136), 8), type = field(header, 156, 157);
      const bytes = await read(Math.ceil(size / BLOCK) * BLOCK);
      if (bytes === undefined) throw new TypeError("the tar archive is cut short");
      if (type === "" || type === "0") yield { name: field(header, 0, 100), bytes: bytes.subarray(0, size) };
    }
  } finally {
    await iterator.return?.();
  }
}
