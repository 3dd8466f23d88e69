/** The list of sizes and SHA-256 sums that a prepared data set carries, so that a damaged file is refused by name. */

/** The name of the list in the data folder. A set without one is checked by its shapes alone. */
export const MANIFEST = "manifest.json";

/** What kinds of data set carry one. */
export type ManifestFormat = "molstep-qm9" | "molstep-set";

/** The size and sum of each file, by name. */
export type FileSums = Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;

/** The list, with what else it says of the set. */
interface Manifest {
  readonly format: ManifestFormat;
  readonly version: 1;
  readonly files: FileSums;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The list for these files, as it is written to disk. */
export async function makeManifest(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  format: ManifestFormat = "molstep-qm9",
): Promise<string> {
  const list: Record<string, { bytes: number; sha256: string }> = {};
  for (const [name, bytes] of files) list[name] = { bytes: bytes.length, sha256: await sha256(bytes) };
  return manifestText(format, list);
}

/** A list as text, with what else it says of the set. */
export const manifestText = (format: ManifestFormat, files: FileSums, more: object = {}): string =>
  JSON.stringify({ format, version: 1, ...more, files } satisfies Manifest, null, 2) + "\n";

/**
 * A folder's list; undefined where it has none.
 *
 * @throws {TypeError} where it is no list of this format
 */
export async function readManifest(folder: string, format: ManifestFormat): Promise<Manifest | undefined> {
  const path = `${folder}/${MANIFEST}`;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text);
  } catch (cause) {
    throw new TypeError(`${path}: not JSON`, { cause });
  }
  if (manifest?.format !== format || manifest.version !== 1 || typeof manifest.files !== "object") {
    throw new TypeError(`${path}: not a list of format ${format}, version 1`);
  }
  return manifest;
}

/**
 * Checks files against the folder's list, where it has one.
 *
 * @throws {TypeError} naming the first file that is missing from the list, or whose size or sum differs
 */
export async function checkManifest(
  folder: string,
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  format: ManifestFormat = "molstep-qm9",
): Promise<void> {
  const path = `${folder}/${MANIFEST}`, manifest = await readManifest(folder, format);
  if (manifest === undefined) return;
  for (const [name, bytes] of files) {
    const due = manifest.files[name];
    if (due === undefined) throw new TypeError(`${path}: does not list ${name}`);
    if (due.bytes !== bytes.length) {
      throw new TypeError(
        `${folder}/${name}: expected ${due.bytes} bytes, as ${MANIFEST} says; got ${bytes.length}`,
      );
    }
    if (due.sha256 !== await sha256(bytes)) {
      throw new TypeError(`${folder}/${name}: damaged, its SHA-256 is not that of ${MANIFEST}`);
    }
  }
}
