/** Molecules that several tests use, and the reference judgements. */
import { atomicNumberOf } from "../../chem/elements.ts";
import type { Molecule } from "../../chem/molecule.ts";

/** A molecule from lines of a symbol and a position. */
export function molecule(...atoms: [symbol: string, x: number, y: number, z: number][]): Molecule {
  return {
    atomicNumbers: Uint8Array.from(atoms, ([symbol]) => atomicNumberOf(symbol)),
    positions: Float32Array.from(atoms.flatMap(([, ...place]) => place)),
  };
}

/** Methane, C-H 1.09 angstrom. */
export function methane(): Molecule {
  const a = 1.09 / Math.sqrt(3);
  return molecule(["C", 0, 0, 0], ["H", a, a, a], ["H", a, -a, -a], ["H", -a, a, -a], ["H", -a, -a, a]);
}

/** Ethane, staggered. */
export function ethane(): Molecule {
  const carbons: [string, number, number, number][] = [["C", 0.765, 0, 0], ["C", -0.765, 0, 0]];
  const hydrogens = Array.from({ length: 6 }, (_, k): [string, number, number, number] => {
    const angle = k * Math.PI / 3;
    return ["H", k % 2 ? -1.16 : 1.16, 1.015 * Math.cos(angle), 1.015 * Math.sin(angle)];
  });
  return molecule(...carbons, ...hydrogens);
}

/** Amino(fluoro)methanol, one of its two mirror images. */
export function chiral(mirrored = false): Molecule {
  const a = 1 / Math.sqrt(3), s = mirrored ? -1 : 1;
  const at = (x: number, y: number, z: number, length: number) => [x * a * length, y * a * length, s * z * a * length];
  const [f, n, o, h] = [at(1, 1, 1, 1.36), at(1, -1, -1, 1.45), at(-1, 1, -1, 1.42), at(-1, -1, 1, 1.09)];
  return molecule(
    ["C", 0, 0, 0],
    ["F", f[0], f[1], f[2]],
    ["N", n[0], n[1], n[2]],
    ["O", o[0], o[1], o[2]],
    ["H", h[0], h[1], h[2]],
    ["H", n[0] + 0.95, n[1], n[2] - s * 0.34],
    ["H", n[0] - 0.34, n[1] - 0.95, n[2]],
    ["H", o[0] - 0.9, o[1] + 0.3, o[2]],
  );
}

/** All atoms of one molecule, then of another, `offset` angstrom along x. */
export function joined(a: Molecule, b: Molecule, offset: number): Molecule {
  return {
    atomicNumbers: Uint8Array.from([...a.atomicNumbers, ...b.atomicNumbers]),
    positions: Float32Array.from([
      ...a.positions,
      ...b.positions.map((value, k) => k % 3 === 0 ? value + offset : value),
    ]),
  };
}

/** Atoms in another order: atom k of the result is atom `order[k]`. */
export function permuted({ atomicNumbers, positions }: Molecule, order: readonly number[]): Molecule {
  return {
    atomicNumbers: Uint8Array.from(order, (i) => atomicNumbers[i]),
    positions: Float32Array.from(order.flatMap((i) => [...positions.subarray(3 * i, 3 * i + 3)])),
  };
}

/** Turned about a skew axis (Rodrigues' formula) and shifted. */
export function moved({ atomicNumbers, positions }: Molecule, angle = 1.1): Molecule {
  const [kx, ky, kz] = [2 / 7, 3 / 7, 6 / 7], c = Math.cos(angle), s = Math.sin(angle), out = positions.slice();
  for (let i = 0; i < positions.length; i += 3) {
    const [x, y, z] = positions.subarray(i, i + 3), dot = (kx * x + ky * y + kz * z) * (1 - c);
    out[i] = x * c + (ky * z - kz * y) * s + kx * dot + 3;
    out[i + 1] = y * c + (kz * x - kx * z) * s + ky * dot - 5;
    out[i + 2] = z * c + (kx * y - ky * x) * s + kz * dot + 7;
  }
  return { atomicNumbers, positions: out };
}

export interface Reference {
  readonly molecule: Molecule;
  readonly stable: boolean;
  readonly stableAtoms: number;
  readonly valid: boolean;
  readonly fragments: number;
  readonly smiles: string | null;
}

/** 700 molecules as EDM's own code and RDKit judge them; undefined where the file is not at hand. */
export function readReferences(): Reference[] | undefined {
  const shared = Deno.env.get("MOLSTEP_SHARED");
  const root = shared ? new URL(`file://${shared.replace(/\/*$/, "/")}`) : new URL("../../../shared/", import.meta.url);
  let text: string;
  try {
    text = Deno.readTextFileSync(new URL("reference/metrics/edm_metrics_700.json", root));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  // deno-lint-ignore no-explicit-any
  return JSON.parse(text).map((entry: any) => ({
    molecule: {
      atomicNumbers: Uint8Array.from(entry.symbols, (symbol: string) => atomicNumberOf(symbol)),
      positions: Float32Array.from(entry.positions.flat()),
    },
    stable: entry.molecule_stable,
    stableAtoms: entry.stable_atoms,
    valid: entry.valid,
    fragments: entry.fragments,
    smiles: entry.smiles,
  }));
}
