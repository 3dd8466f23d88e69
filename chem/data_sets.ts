/** Where data sets lie and how they are opened: QM9, and sets that were made of anybody's molecules (`sets/`). */
import { fileURLToPath } from "node:url";
import type { DataSet } from "./data_set.ts";
import { MANIFEST } from "./manifest.ts";
import { findQm9, openQm9, QM9_WORDS } from "./qm9.ts";
import { readAbout, setName } from "./sets/form.ts";
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

/** Opens the folder of QM9, or of a set. */
async function openFolder(folder: string): Promise<DataSet> {
  // Only one of the two kinds has its own list, and QM9 may have none.
  const about = await readAbout(folder).catch((error) => {
    if (!(error instanceof TypeError)) throw error;
  });
  return about || !await isThere(folder) ? await openSet(folder) : await openQm9(folder);
}

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
  const found = await find(name).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  return found === undefined ? undefined : await openFolder(found);
}
