/** Where data sets lie and how they are opened: QM9, and sets that were made of anybody's molecules (`sets/`). */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { DataSet } from "./data_set.ts";
import { MANIFEST } from "./manifest.ts";
import { filesOfQm9, findQm9, openQm9, QM9_WORDS } from "./qm9.ts";
import { readAbout, SET_FILES, setName } from "./sets/form.ts";
import { openSet } from "./sets/open_set.ts";

/** A data set's name, as cards have it: `qm9`, or that of a set. */
export const dataSetName = setName;

/** What is trained on where nothing is said. */
export const DEFAULT_DATA_SET = QM9_WORDS.name;

/** The folder of the sets that `deno task data` makes, each under its name. */
export const SETS_FOLDER = fileURLToPath(new URL("../data", import.meta.url));

/** Where the set of a name lies. */
export const setFolder = (name: string): string => `${SETS_FOLDER}/${name}`;

/** Whether the words for a data set are a path, and no name. */
const isPath = (where: string): boolean => where.includes("/") || !dataSetName.safeParse(where).success;

const isThere = (path: string) => Deno.stat(path).then(() => true, () => false);

/** @throws {Deno.errors.NotFound} telling where it was looked for */
async function find(name: string): Promise<string> {
  if (name === DEFAULT_DATA_SET) return await findQm9();
  const folder = setFolder(name);
  if (await isThere(`${folder}/${MANIFEST}`)) return folder;
  throw new Deno.errors.NotFound(
    `the data set ${name} was looked for in ${folder} and is not there; \`deno task data\` makes one`,
  );
}

/** Whether a folder is a set's, and not QM9's. Only one of the two kinds has its own list, and QM9 may have none. */
async function isSet(folder: string): Promise<boolean> {
  const about = await readAbout(folder).catch((error) => {
    if (!(error instanceof TypeError)) throw error;
  });
  return about !== undefined || !await isThere(folder);
}

/** Opens the folder of QM9, or of a set. */
const openFolder = async (folder: string): Promise<DataSet> =>
  await isSet(folder) ? await openSet(folder) : await openQm9(folder);

/** Where a data set lies; undefined where it is not found. */
const findIfThere = (name: string): Promise<string | undefined> =>
  find(name).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  });

/**
 * Opens a data set.
 *
 * @param where its name, or its folder
 * @throws {Deno.errors.NotFound} telling where it was looked for, or naming what it lacks
 * @throws {TypeError} or SyntaxError naming what is damaged
 */
export const openDataSet = async (where: string = DEFAULT_DATA_SET): Promise<DataSet> =>
  await openFolder(isPath(where) ? where : await find(where));

/** The same; undefined where it is named alone, and not found where it is looked for. */
export async function openIfThere(name: string = DEFAULT_DATA_SET, path?: string): Promise<DataSet | undefined> {
  if (path !== undefined) return await openDataSet(path);
  const found = await findIfThere(name);
  return found === undefined ? undefined : await openFolder(found);
}

/** SHA-256 of all that a data set's arrays hold, in their order, read a piece at a time; undefined as for {@link openIfThere}. */
export async function digestIfThere(name: string, path?: string): Promise<string | undefined> {
  const found = path ?? await findIfThere(name), hash = createHash("sha256");
  if (found === undefined) return undefined;
  const own = Object.values(SET_FILES).map((file) => `${found}/${file.name}`);
  for (const file of await isSet(found) ? own : filesOfQm9(found)) {
    const { readable } = await Deno.open(file);
    for await (const piece of readable) hash.update(piece);
  }
  return hash.digest("hex");
}
