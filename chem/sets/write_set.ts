/** Writes a set as its molecules come, in a folder of its own. For workers: calls wait for the disk. */
import { createHash } from "node:crypto";
import { Gzip } from "fflate";
import type { DataSet } from "../data_set.ts";
import { PARTS, SMILES_FILE, SPLIT_FILES } from "../compact.ts";
import { type FileSums, MANIFEST, manifestText } from "../manifest.ts";
import { writeNpy } from "../npy.ts";
import type { Accepted, Refusal } from "./accept.ts";
import { type AboutSet, PICTURE_FILE, POSITION_UNITS, REFUSED_FILE, SET_FILES, SUMMARY_FILE } from "./form.ts";
import { createNpy, type NpyWriter, writeAll } from "./npy_stream.ts";
import { setPicture } from "./picture.ts";
import type { SetSummary } from "./summary.ts";

/** A record that was refused, as {@link REFUSED_FILE} has it. Records count from 1. */
export interface RefusedRecord extends Refusal {
  readonly record: number;
  readonly title: string;
}

/** A set that is being written. */
export interface SetWriter {
  add(molecule: Accepted, title: string): void;
  refuse(record: RefusedRecord): void;
  /** Writes what is left: split, summary, picture and the list. */
  finish(about: Omit<AboutSet, "unitsPerAngstrom">, split: DataSet["split"], summary: SetSummary): void;
  /** Lets the files go, finished or not. */
  close(): void;
}

/** Arrays that grow with the molecules. */
const GROWING = ["atomCounts", "atomicNumbers", "charges", "positions", "bondCounts", "bonds"] as const;

const encoder = new TextEncoder();

/** Begins a set in a folder that is empty. */
export function createSet(folder: string): SetWriter {
  const open = (name: string) => Deno.openSync(`${folder}/${name}`, { write: true, createNew: true });
  const closing: { close(): void }[] = [];
  const arrays = Object.fromEntries(GROWING.map((key) => {
    const array = createNpy(`${folder}/${SET_FILES[key].name}`, SET_FILES[key]);
    closing.push(array);
    return [key, array];
  })) as Record<typeof GROWING[number], NpyWriter>;
  const smilesFile = open(SMILES_FILE), refusedFile = open(REFUSED_FILE);
  closing.push(smilesFile, refusedFile);
  const smiles = new Gzip({ mtime: 0 }, (piece) => writeAll(smilesFile, piece));
  return {
    add({ molecule: { atomicNumbers, positions, charges, bonds }, smiles: own }, title) {
      const atoms = atomicNumbers.length;
      arrays.atomCounts.append([atoms]);
      arrays.atomicNumbers.append(atomicNumbers);
      arrays.charges.append(charges ?? new Int8Array(atoms));
      arrays.positions.append(positions.map((value) => Math.round(value * POSITION_UNITS)));
      arrays.bondCounts.append([bonds.length]);
      arrays.bonds.append(bonds.flatMap(({ i, j, order }) => [i, j, order]));
      smiles.push(encoder.encode(`${own}${title === "" ? "" : ` ${title}`}\n`));
    },
    refuse: (record) => writeAll(refusedFile, encoder.encode(JSON.stringify(record) + "\n")),
    finish(about, split, summary) {
      for (const key of GROWING) arrays[key].finish();
      smiles.push(new Uint8Array(), true);
      for (const part of PARTS) {
        const { name, type } = SPLIT_FILES[part], data = Int32Array.from(split[part]);
        Deno.writeFileSync(`${folder}/${name}`, writeNpy({ type, shape: [data.length], data }));
      }
      Deno.writeTextFileSync(`${folder}/${SUMMARY_FILE}`, JSON.stringify(summary, null, 2) + "\n");
      Deno.writeTextFileSync(`${folder}/${PICTURE_FILE}`, setPicture(about.name, summary));
      const names = [...Object.values(SET_FILES).map(({ name }) => name), SMILES_FILE];
      const files: FileSums = Object.fromEntries(names.map((name) => [name, sumOf(`${folder}/${name}`)]));
      const list = manifestText("molstep-set", files, { ...about, unitsPerAngstrom: POSITION_UNITS });
      Deno.writeTextFileSync(`${folder}/${MANIFEST}`, list);
    },
    close: () => closing.splice(0).forEach((one) => one.close()),
  };
}

/** The size and SHA-256 of a file, read piece by piece. */
function sumOf(path: string): FileSums[string] {
  using file = Deno.openSync(path);
  const hash = createHash("sha256"), piece = new Uint8Array(1 << 16);
  let bytes = 0;
  for (let got = file.readSync(piece); got !== null; got = file.readSync(piece)) {
    hash.update(piece.subarray(0, got));
    bytes += got;
  }
  return { bytes, sha256: hash.digest("hex") };
}
