/** The data sets that there are. A new one is a kind of its own, and a line here. */
import type { DataSet, DataSetKind } from "./data_set.ts";
import { findQm9, openQm9, QM9_WORDS } from "./qm9.ts";
import { SDF_DATA_SET } from "./sdf_data_set.ts";

/** By the names that cards and commands know. */
export const DATA_SETS = {
  qm9: { label: QM9_WORDS.label, chemistry: QM9_WORDS.chemistry, find: () => findQm9(), open: openQm9 },
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

/** The same; undefined where it is not named, and not found where it is looked for. */
export async function openIfThere(name: DataSetName = DEFAULT_DATA_SET, path?: string): Promise<DataSet | undefined> {
  const kind: DataSetKind = DATA_SETS[name];
  const found = path ?? await kind.find().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  return found === undefined ? undefined : await kind.open(found);
}
