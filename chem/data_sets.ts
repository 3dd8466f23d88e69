/** The data sets that there are. A new one is a kind of its own, and a line here. */
import type { DataSet, DataSetKind } from "./data_set.ts";
import { createHash } from "node:crypto";
import { filesOfQm9, findQm9, openQm9, QM9_WORDS } from "./qm9.ts";
import { SDF_DATA_SET } from "./sdf_data_set.ts";

/** By the names that cards and commands know. */
export const DATA_SETS = {
  qm9: {
    ...{ label: QM9_WORDS.label, chemistry: QM9_WORDS.chemistry },
    ...{ find: () => findQm9(), files: filesOfQm9, open: openQm9 },
  },
  sdf: SDF_DATA_SET,
} as const satisfies Readonly<Record<string, DataSetKind>>;

/** A data set's name. */
export type DataSetName = keyof typeof DATA_SETS;

/** Their names. */
export const dataSetNames = Object.keys(DATA_SETS) as [DataSetName, ...DataSetName[]];

/** What is trained on where nothing is said. */
export const DEFAULT_DATA_SET: DataSetName = "qm9";

/** Opens a data set where it lies, or is said to. Throws as its kind does. */
export async function openDataSet(name: DataSetName = DEFAULT_DATA_SET, path?: string): Promise<DataSet> {
  const kind: DataSetKind = DATA_SETS[name];
  return await kind.open(path ?? await kind.find());
}

/** Where a data set lies; undefined where it is not found. */
const findIfThere = (kind: DataSetKind): Promise<string | undefined> =>
  kind.find().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  });

/** The same; undefined where it is not named, and not found where it is looked for. */
export async function openIfThere(name: DataSetName = DEFAULT_DATA_SET, path?: string): Promise<DataSet | undefined> {
  const kind: DataSetKind = DATA_SETS[name], found = path ?? await findIfThere(kind);
  return found === undefined ? undefined : await kind.open(found);
}

/** SHA-256 of all that a data set's files hold, in their order, read a piece at a time; undefined as for {@link openIfThere}. */
export async function digestIfThere(name: DataSetName, path?: string): Promise<string | undefined> {
  const kind: DataSetKind = DATA_SETS[name], found = path ?? await findIfThere(kind), hash = createHash("sha256");
  if (found === undefined) return undefined;
  for (const file of kind.files(found)) {
    const { readable } = await Deno.open(file);
    for await (const piece of readable) hash.update(piece);
  }
  return hash.digest("hex");
}
