/** Files of molecules: which form an ending means, and writing so that a file that is there is a whole one. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { partialOf } from "../model/diffusion/files.ts";
import { type Format, FORMATS } from "../model/generation/formats.ts";
import { isFull } from "../model/diffusion/storage.ts";
import { UsageError } from "./options.ts";

/** What `--format` takes, and the endings of files: each form by itself, and by gzip. */
export const FILE_FORMS = [...FORMATS, ...FORMATS.map((format) => `${format}.gz` as const)] as const;

/** One of {@link FILE_FORMS}. */
export type FileForm = typeof FILE_FORMS[number];

/** The form's format, and whether it is compressed. */
export const partsOf = (form: FileForm): { format: Format; gzip: boolean } => ({
  format: form.replace(/\.gz$/, "") as Format,
  gzip: form.endsWith(".gz"),
});

/** What the name of a record ends in. */
const RECORD = ".json";

/** The record beside a file of molecules. Its name is the file's whole one and more, so that no two files share one: see {@link formOf}. */
export const recordOf = (path: string): string => path + RECORD;

function endingOf(path: string): FileForm | undefined {
  const ending = /\.([a-z]+(?:\.gz)?)$/i.exec(path)?.[1].toLowerCase();
  return FILE_FORMS.find((one) => one === ending);
}

/** The form of a file: as asked, or by its ending. @throws UsageError where neither says, or it has a record's name */
export function formOf(path: string, asked?: FileForm): FileForm {
  if (path.endsWith(RECORD)) throw new UsageError(`--out must not end in ${RECORD}, as records do; got ${path}`);
  const form = asked ?? endingOf(path);
  if (!form) throw new UsageError(`--out must end in .${FILE_FORMS.join(", .")}, or --format be given; got ${path}`);
  return form;
}

/** A file that has been written. */
export interface WrittenFile {
  /** Without its folder. */
  readonly file: string;
  readonly bytes: number;
  /** Of its bytes, as `sha256sum` has it. */
  readonly sha256: string;
}

/** A file that is being written. */
export interface FileWriter {
  /** @throws FullDiskError, or the system's error with the path */
  write(text: string): Promise<void>;
  /** Ends it, and gives it its name. @throws as `write` */
  close(): Promise<WrittenFile>;
  /** Gives it up: nothing is left of it. May be called at any time, and more than once. */
  abort(): Promise<void>;
}

/** There is no room for a file. */
export class FullDiskError extends Error {
  override readonly name = "FullDiskError";
  constructor(path: string, cause: unknown) {
    super(`${path} needs room on the disk; got a full one (${(cause as Error).message})`, { cause });
  }
}

/** What writing to a path comes to. @throws FullDiskError in the place of the errors that mean it */
export async function writingTo<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isFull(error) ? new FullDiskError(path, error) : error;
  }
}

/** Whether a path is stdout, a device or a pipe: something that is written to as it is, and keeps no name. */
export async function isStream(path: string): Promise<boolean> {
  if (path === "-") return true;
  const found = await Deno.stat(path).catch(() => undefined);
  return found !== undefined && !found.isFile && !found.isDirectory;
}

/**
 * Opens a file under a temporary name, `PATH.partial`, that it loses when it is closed; a stream ({@link isStream}) as it is. What waits to be
 * written is bounded: `write` resolves when there is room again.
 *
 * @throws FullDiskError, or the system's error
 */
export async function openMoleculeFile(path: string, { gzip }: { readonly gzip: boolean }): Promise<FileWriter> {
  const stream = await isStream(path), place = stream ? path : await Deno.realPath(path).catch(() => path);
  const temporary = stream ? path : partialOf(place);
  const file = path === "-"
    ? undefined
    : await writingTo(path, () => Deno.open(temporary, { write: true, create: true, truncate: true }));
  const hash = createHash("sha256"), encoder = new TextEncoder();
  let size = 0, open = true;
  const sink = new WritableStream<Uint8Array>({
    async write(bytes) {
      hash.update(bytes);
      size += bytes.length;
      for (let at = 0; at < bytes.length;) at += await (file ?? Deno.stdout).write(bytes.subarray(at));
    },
  });
  const through: TransformStream<Uint8Array<ArrayBuffer>, Uint8Array> = gzip
    ? new CompressionStream("gzip")
    : new TransformStream();
  const writer = through.writable.getWriter(), piped = through.readable.pipeTo(sink);
  for (const end of [piped, writer.closed]) end.catch(() => {}); // whoever writes hears of it
  /** A writer says only that it is closed; what closed it, the end of the pipe says. */
  const telling = <T>(work: () => Promise<T>) =>
    writingTo(path, () =>
      work().catch(async (error) => {
        await piped;
        throw error;
      }));
  const shut = () => {
    if (open) file?.close();
    open = false;
  };
  return {
    write: (text) => telling(() => writer.write(encoder.encode(text))),
    close: () =>
      telling(async () => {
        await Promise.all([writer.close(), piped]);
        if (!stream) await file!.sync();
        shut();
        if (!stream) await Deno.rename(temporary, place);
        return { file: basename(path), bytes: size, sha256: hash.digest("hex") };
      }),
    async abort() {
      if (!open) return;
      await writer.abort().catch(() => {});
      await piped.catch(() => {});
      shut();
      if (!stream) await Deno.remove(temporary).catch(() => {});
    },
  };
}
