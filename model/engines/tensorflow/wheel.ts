/** Unpacks chosen files of a large zip archive (a Python wheel) straight to disk, without holding it in memory. */
import { dirname, join } from "node:path";

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly compressed: number;
  /** Where the entry's local header begins. */
  readonly offset: number;
}

async function readAt(file: Deno.FsFile, offset: number, length: number): Promise<DataView<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await file.seek(offset, Deno.SeekMode.Start);
  for (let done = 0; done < length;) {
    const count = await file.read(bytes.subarray(done));
    if (count === null) throw new Error(`truncated archive: ${length} bytes wanted at ${offset}, ${done} are there`);
    done += count;
  }
  return new DataView(bytes.buffer);
}

/** The central directory (APPNOTE.TXT 4.3.12, without ZIP64: no wheel here comes near 4 GB). */
async function readDirectory(file: Deno.FsFile): Promise<Entry[]> {
  const { size } = await file.stat();
  const tail = Math.min(size, 22 + 0xffff), end = await readAt(file, size - tail, tail);
  let at = tail - 22;
  while (at >= 0 && end.getUint32(at, true) !== 0x06054b50) at--;
  if (at < 0) throw new Error("not a zip archive: no end-of-directory record");
  const count = end.getUint16(at + 10, true), length = end.getUint32(at + 12, true);
  const view = await readAt(file, end.getUint32(at + 16, true), length);
  const entries: Entry[] = [], text = new TextDecoder();
  for (let i = 0, p = 0; i < count; i++) {
    if (view.getUint32(p, true) !== 0x02014b50) throw new Error(`damaged zip directory at entry ${i} of ${count}`);
    const name = view.getUint16(p + 28, true);
    entries.push({
      name: text.decode(new Uint8Array(view.buffer, p + 46, name)),
      method: view.getUint16(p + 10, true),
      compressed: view.getUint32(p + 20, true),
      offset: view.getUint32(p + 42, true),
    });
    p += 46 + name + view.getUint16(p + 30, true) + view.getUint16(p + 32, true);
  }
  return entries;
}

/** `length` bytes of a file from `offset` as a stream. */
function slice(file: Deno.FsFile, offset: number, length: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = length, started = false;
  return new ReadableStream({
    async pull(controller) {
      if (!started) await file.seek(offset, Deno.SeekMode.Start);
      started = true;
      if (left === 0) return controller.close();
      const chunk = new Uint8Array(Math.min(left, 1 << 20)), count = await file.read(chunk);
      if (count === null) throw new Error("truncated archive");
      left -= count;
      controller.enqueue(chunk.subarray(0, count));
    },
  });
}

/**
 * Unpacks the entries for which `place` gives a path, and returns how many.
 *
 * @param place from an entry's name to its path below `folder`; undefined leaves it out
 */
export async function unpack(
  archive: string,
  folder: string,
  place: (name: string) => string | undefined,
): Promise<number> {
  using file = await Deno.open(archive);
  let count = 0;
  for (const { name, method, compressed, offset } of await readDirectory(file)) {
    const path = name.endsWith("/") ? undefined : place(name);
    if (path === undefined) continue;
    if (path.split("/").includes("..")) throw new Error(`${archive}: entry ${name} would leave the folder`);
    if (method !== 0 && method !== 8) {
      throw new Error(`${archive}: ${name} uses compression ${method}; 0 and 8 are known`);
    }
    const header = await readAt(file, offset, 30);
    const start = offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    const target = join(folder, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    const packed = slice(file, start, compressed);
    const plain = method === 8 ? packed.pipeThrough(new DecompressionStream("deflate-raw")) : packed;
    await plain.pipeTo((await Deno.open(target, { write: true, create: true, truncate: true })).writable);
    count++;
  }
  return count;
}
