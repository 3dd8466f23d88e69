/** What RDKit says of compounds and of molecules of QM9: `compounds.py` and `reference.py` wrote it. */
import { gunzipSync } from "node:zlib";
import type { Topology } from "../../../chem/mmff94/graph.ts";
import { openIfThere } from "../../../chem/data_sets.ts";
import type { Qm9 } from "../../../chem/qm9.ts";
import { comparedMolecules } from "./molecules.ts";

/** RDKit's energies, kcal/mol: by term in the engine's order, and all after 100 iterations. */
export interface Judged {
  readonly terms: readonly number[];
  readonly minimised: number;
}

/** What RDKit says of a compound by MMFF94s with charges. */
export interface Charged {
  /** Partial charges, to four digits. */
  readonly partial: readonly number[];
  /** Energies of what MMFF94 has otherwise: planes, torsions, charges; and all after 100 iterations. */
  readonly static: Judged;
}

/** A molecule in one place, with what RDKit says. */
export interface Reference extends Judged {
  readonly name: string;
  readonly topology: Topology;
  readonly types: readonly number[];
  readonly positions: readonly number[];
}

const read = (name: string) =>
  JSON.parse(new TextDecoder().decode(gunzipSync(Deno.readFileSync(new URL(name, import.meta.url)))));

/** Compounds with most of MMFF94's types, as RDKit's embedding places them. */
export function compounds(): (Reference & Charged)[] {
  return read("compounds.json.gz").map(({ smiles: name, atomicNumbers, charges, bonds, ...rest }:
    & {
      smiles: string;
      atomicNumbers: number[];
      charges: number[];
      bonds: [number, number, 1 | 2 | 3][];
      types: number[];
      positions: number[];
    }
    & Judged
    & Charged) => ({
      name,
      topology: { atomicNumbers, charges, bonds: bonds.map(([i, j, order]) => ({ i, j, order })) },
      ...rest,
    })
  );
}

const data = await openIfThere() as Qm9 | undefined;

/** Whether QM9 is here. */
export const hasQm9 = data !== undefined;

/** Molecules of QM9 as in the data, and with noise: those that RDKit takes with the bonds that distances give. */
export function qm9References(place: "positions" | "noisy"): Reference[] {
  const judged: ({ row: number; types: number[] } & Record<typeof place, Judged> | null)[] = read("qm9.json.gz");
  return comparedMolecules(data!).flatMap(({ row, atomicNumbers, charges, bonds, ...places }, k) => {
    const found = judged[k];
    if (!found) return [];
    if (found.row !== row) throw new Error(`qm9.json.gz must be of row ${row} here; got ${found.row}`);
    const topology = { atomicNumbers, charges, bonds };
    return [{ name: `row ${row}`, topology, types: found.types, positions: places[place], ...found[place] }];
  });
}
