/**
 * How far MMFF94s with charges is RDKit's on druglike molecules (docs/mmff94.md): types, partial charges, and energies by term where the data has the atoms.
 *
 *     deno run -A bench/mmff94_agreement.ts --data FOLDER [--molecules 2000] [--python python3]
 */
import { z } from "zod";
import { SPLIT_FILES } from "../chem/compact.ts";
import { partialCharges } from "../chem/mmff94/charges.ts";
import { flatField, MMFF94S, termsOf } from "../chem/mmff94/force_field.ts";
import { readTables } from "../chem/mmff94/tables.ts";
import type { Bond, Molecule } from "../chem/molecule.ts";
import { readNpy } from "../chem/npy.ts";
import { compactSource } from "../chem/sets/records.ts";
import { option, readOptions, whole } from "../main/options.ts";
import { ENERGIES, openWasmMmff94 } from "../model/engines/c/mmff94.ts";
import { compileWasmEngine } from "../model/engines/c/wasm_module.ts";
import { conditions } from "./conditions.ts";
import { machineLine, runProgram } from "./program.ts";
import { openPython } from "./python.ts";
import { evenly } from "./statistics.ts";

const OPTIONS = {
  data: option(
    "FOLDER",
    "druglike molecules in compact form (default data/druglike)",
    z.string().default("data/druglike"),
  ),
  molecules: option("N", "of the training split, evenly from all of it (default 2000)", whole(1).default(2000)),
  python: option("FILE", "a Python with RDKit (default python3)", z.string().default("python3")),
};

/** What RDKit says of a molecule, or why it says nothing. */
type Answer =
  & { readonly version: string }
  & ({ readonly error: string } | {
    readonly error?: undefined;
    readonly types: readonly number[];
    readonly charges: readonly number[];
    readonly energies: readonly number[];
  });

/** Numbers that differ by no more are the same: charges, and energies in kcal/mol. */
const SAME_CHARGE = 1e-9, SAME_ENERGY = 1e-6;

const differ = (a: readonly number[], b: readonly number[]) =>
  Math.max(0, ...a.map((value, k) => Math.abs(value - b[k])));

/** Molecules of the training split, evenly from all of it. */
async function* chosen(folder: string, count: number): AsyncGenerator<Molecule & { readonly bonds: readonly Bond[] }> {
  const { name } = SPLIT_FILES.train, train = readNpy(await Deno.readFile(`${folder}/${name}`), "i32", name).data;
  const rows = new Set(evenly(train.length, count).map((place) => train[place]));
  const { records } = await compactSource(folder);
  let row = -1;
  for await (const record of records) if (rows.has(++row) && "molecule" in record) yield record.molecule;
}

async function main(args: string[]): Promise<void> {
  const { data, molecules, python } = readOptions(args, OPTIONS), judge = openPython(python, "mmff94_agreement.py");
  console.log(machineLine(await conditions()));
  const tables = await readTables(), engine = openWasmMmff94(await compileWasmEngine(false));
  const seen = { molecules: 0, atoms: 0, refused: 0, types: 0, charges: 0 }, others = ENERGIES.map(() => 0);
  const farthest = { charge: 0, energies: ENERGIES.map(() => 0) };
  let version = "";
  for await (const { atomicNumbers, charges, bonds, positions } of chosen(data, molecules)) {
    const given = { atomicNumbers: [...atomicNumbers], charges: Array.from(charges ?? atomicNumbers, Number), bonds };
    if (!charges) given.charges.fill(0);
    const answer = await judge.ask<Answer>({ ...given, positions: [...positions] });
    version = answer.version;
    if (answer.error !== undefined) {
      seen.refused++;
      continue;
    }
    const found = termsOf(given, tables, MMFF94S);
    const own = "untyped" in found ? [] : [...found.types], told = JSON.stringify(given.atomicNumbers);
    seen.molecules++, seen.atoms += own.length;
    if ("untyped" in found || JSON.stringify(own) !== JSON.stringify(answer.types)) {
      seen.types++;
      console.log(`other types: ${told}, ${own}; ${answer.types}`);
      continue;
    }
    const partial = differ(partialCharges({ ...found, tables, variant: MMFF94S.variant }), answer.charges);
    farthest.charge = Math.max(farthest.charge, partial);
    if (partial > SAME_CHARGE) seen.charges++, console.log(`other charges, by up to ${partial}: ${told}`);
    const { energies } = engine.slope({ field: flatField(found.types, found.rows), positions });
    ENERGIES.forEach((name, k) => {
      const off = Math.abs(energies[name] - answer.energies[k]);
      farthest.energies[k] = Math.max(farthest.energies[k], off);
      if (off > SAME_ENERGY) others[k]++, console.log(`${name}: ${energies[name]}; ${answer.energies[k]}: ${told}`);
    });
  }
  await judge.close();
  const terms = ENERGIES.map((name, k) => `${name} ${others[k]} (${farthest.energies[k].toExponential(1)})`);
  console.log(
    `RDKit ${version}: ${seen.molecules} molecules of ${seen.atoms} atoms, and ${seen.refused} that it refuses; other types: ${seen.types}, other charges: ${seen.charges} ` +
      `(${farthest.charge.toExponential(1)} at most), other energies (kcal/mol at most): ${terms.join(", ")}`,
  );
}

if (import.meta.main) await runProgram(main);
