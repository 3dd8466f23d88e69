/** The list of sizes and SHA-256 sums that a prepared data set carries, so that a damaged file is refused by name. */

/** The name of the list in the data folder. A set without one is checked by its shapes alone. */
export const QM9_MANIFEST = "manifest.json";

interface Manifest {
  readonly format: "molstep-qm9";
  readonly version: 1;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The list for these files, as it is written to disk. */
export async function makeManifest(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Promise<string> {
  const list: Record<string, { bytes: number; sha256: string }> = {};
  for (const [name, bytes] of files) list[name] = { bytes: bytes.length, sha256: await sha256(bytes) };
  const manifest: Manifest = { format: "molstep-qm9", version: 1, files: list };
  return JSON.stringify(manifest, null, 2) + "\n";
}

/**
 * Checks files against the folder's list, where it has one.
 *
 * @throws {TypeError} naming the first file that is missing from the list, or whose size or sum differs
 */
export async function checkManifest(
  folder: string,
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): Promise<void> {
  const path = `${folder}/${QM9_MANIFEST}`;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text);
  } catch (cause) {
    throw new TypeError(`${path}: not JSON`, { cause });
  }
  if (manifest.format !== "molstep-qm9" || manifest.version !== 1 || typeof manifest.files !== "object") {
    throw new TypeError(`${path}: not a list of format molstep-qm9, version 1`);
  }
  for (const [name, bytes] of files) {
    const due = manifest.files[name];
    if (due === undefined) throw new TypeError(`${path}: does not list ${name}`);
    if (due.bytes !== bytes.length) {
      throw new TypeError(
        `${folder}/${name}: expected ${due.bytes} bytes, as ${QM9_MANIFEST} says; got ${bytes.length}`,
      );
    }
    if (due.sha256 !== await sha256(bytes)) {
      throw new TypeError(`${folder}/${name}: damaged, its SHA-256 is not that of ${QM9_MANIFEST}`);
    }
  }
}
