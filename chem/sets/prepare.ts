/** Makes a set of molecules from an SDF file or a folder in compact form, record by record. Runs in a worker: `prepare_in_worker.ts`. */
import { CHEMISTRIES } from "../chemistry.ts";
import type { DataSet, Part } from "../data_set.ts";
import { createRdkit } from "../rdkit.ts";
import { smilesHash } from "../smiles_set.ts";
import { createAcceptor } from "./accept.ts";
import { type AboutSet } from "./form.ts";
import { compactSource, type RecordSource, sdfSource } from "./records.ts";
import { HASH_SPLIT, repeatedOf, splitByHash } from "./split.ts";
import { createSetSummary, type SetSummary } from "./summary.ts";
import { createSet, type RefusedRecord } from "./write_set.ts";

/** What a set is made from. */
export type SetSource =
  /** `most`: bytes that the file may have, uncompressed. */
  | { readonly sdf: string; readonly most?: number }
  /** @see compactSource */
  | { readonly compact: string; readonly units?: number };

/** Most heavy atoms of a molecule where nothing is said. */
export const HEAVY_ATOMS = 40;

/** What is to be made. */
export interface SetOrder {
  readonly from: SetSource;
  /** An empty folder. */
  readonly to: string;
  readonly name: string;
  /** What the set is, in words; default its name and number of molecules. */
  readonly description?: string;
  /** Most heavy atoms of a molecule. Default {@link HEAVY_ATOMS}. */
  readonly heavyAtoms?: number;
  /** Most records that are read. Default: all. */
  readonly records?: number;
}

/** How far it is. */
export interface SetProgress {
  /** Share of the source, 0 to 1. */
  readonly done: number;
  readonly molecules: number;
  readonly refused: number;
}

/** A set that was made. */
export interface PreparedSet {
  readonly about: Omit<AboutSet, "unitsPerAngstrom">;
  readonly summary: SetSummary;
  /** The first records that were refused, {@link REFUSED_KEPT} at most. */
  readonly refused: readonly RefusedRecord[];
}

/** Records that were refused, of those that are kept in memory. */
const REFUSED_KEPT = 100;

/** Molecules between two words of how far it is. */
const WORDS_EVERY = 500;

/** The chemistry that molecules with bonds of their own are read by. */
const CHEMISTRY = "druglike";

/** Rows that grow. */
function growing<A extends BigUint64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(fresh: (length: number) => A) {
  let all = fresh(1024), length = 0;
  return {
    push(value: A[number]) {
      if (length === all.length) {
        const larger = fresh(2 * length);
        larger.set(all as never);
        all = larger;
      }
      all[length++] = value as never;
    },
    rows: () => all.slice(0, length) as A,
  };
}

/** The rows of each part, by the parts of the records that became of them. */
function splitAs(records: Uint32Array, { partOf }: NonNullable<RecordSource["split"]>): DataSet["split"] {
  const rows: Record<Part, number[]> = { train: [], valid: [], test: [] };
  records.forEach((record, row) => rows[partOf(record)].push(row));
  const { train, valid, test } = rows;
  return { train: Int32Array.from(train), valid: Int32Array.from(valid), test: Int32Array.from(test) };
}

/**
 * Reads all records and writes the set. Memory does not grow with the records, but for 12 bytes of each molecule.
 *
 * @throws {Deno.errors.NotFound} naming what is not there
 * @throws {TypeError} naming what is damaged; where no record is a molecule, with the first reason
 * @throws {RangeError} where there are more records than are to be read
 */
export async function prepareSet(order: SetOrder, onProgress: (progress: SetProgress) => void): Promise<PreparedSet> {
  const { from, to, name, heavyAtoms = HEAVY_ATOMS, records: most = Infinity } = order;
  const source = "sdf" in from ? sdfSource(from.sdf, from.most) : await compactSource(from.compact, from.units);
  const acceptor = createAcceptor(await createRdkit(), { chemistry: CHEMISTRIES[CHEMISTRY], heavyAtoms });
  const writer = createSet(to), counted = createSetSummary(), refused: RefusedRecord[] = [];
  const hashes = growing((length) => new BigUint64Array(length)), taken = growing((length) => new Uint32Array(length));
  let record = 0;
  try {
    for await (const one of source.records) {
      if (++record > most) throw new RangeError(`records must be at most ${most}; there are more`);
      const found = acceptor.accept(one), { title } = one;
      if ("reason" in found) {
        const line = { record, title, ...found };
        writer.refuse(line);
        counted.refuse(found.reason);
        if (refused.length < REFUSED_KEPT) refused.push(line);
      } else {
        writer.add(found, title);
        counted.add(found);
        hashes.push(smilesHash(found.flat));
        taken.push(record - 1);
      }
      if (record % WORDS_EVERY === 0) {
        onProgress({ done: source.done(), molecules: counted.molecules, refused: counted.refused });
      }
    }
    const { molecules } = counted;
    if (molecules === 0) {
      const why = refused.length > 0 ? `; of record 1: ${refused[0].message}` : "";
      throw new TypeError(`at least one molecule is needed; ${record} records have none${why}`);
    }
    const split = source.split ? splitAs(taken.rows(), source.split) : splitByHash(hashes.rows());
    const parts = { train: split.train.length, valid: split.valid.length, test: split.test.length };
    const summary = counted.summary(parts, repeatedOf(hashes.rows()));
    const about = {
      name,
      description: order.description ?? `${name} (${molecules.toLocaleString("en")} molecules)`,
      splitWords: source.split?.words ?? HASH_SPLIT,
      chemistry: CHEMISTRY,
      molecules,
      refused: counted.refused,
      classes: summary.classes.map(({ class: [...kind] }): AboutSet["classes"][number] => kind),
    } as const;
    writer.finish(about, split, summary);
    return { about, summary, refused };
  } finally {
    writer.close();
    acceptor.close();
  }
}
