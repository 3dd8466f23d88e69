/** Any SDF file as a data set of drug-like molecules: bonds and charges are the file's. */
import { CHEMISTRIES } from "./chemistry.ts";
import type { DataSet, DataSetKind, Part } from "./data_set.ts";
import { readSdf } from "./sdf.ts";

/** Of ten molecules in a row, the ninth is held out for validation, the tenth for the test. */
const partOf = (row: number): Part => row % 10 === 8 ? "valid" : row % 10 === 9 ? "test" : "train";

const CHEMISTRY = "druglike";

async function open(path: string): Promise<DataSet> {
  const records = readSdf(await Deno.readTextFile(path), CHEMISTRIES[CHEMISTRY]);
  if (records.length === 0) throw new TypeError(`${path}: at least one molecule is needed; it has none`);
  const rows = (part: Part) => Int32Array.from(records.keys()).filter((row) => partOf(row) === part);
  return {
    label: "the SDF file",
    description: `${path.replace(/^.*\//, "")} (${records.length} molecules)`,
    splitWords: "of ten molecules in a row the ninth to validate, the tenth to test, the others to train on",
    chemistry: CHEMISTRY,
    atomCounts: Uint16Array.from(records, ({ molecule }) => molecule.atomicNumbers.length),
    split: { train: rows("train"), valid: rows("valid"), test: rows("test") },
    molecule(row) {
      const record = records[row];
      if (!record) throw new RangeError(`rows go from 0 to ${records.length - 1}; got ${row}`);
      const { molecule, bonds } = record;
      return { ...molecule, positions: molecule.positions.slice(), bonds };
    },
  };
}

/** The kind. Nobody knows where the file is but who names it. */
export const SDF_DATA_SET: DataSetKind = {
  label: "an SDF file",
  chemistry: CHEMISTRY,
  find: () => Promise.reject(new Deno.errors.NotFound("the data set sdf needs the path of a file (--data)")),
  files: (path) => [path],
  open,
};
