/** Conformers of a molecule: drawn, seen to have its stereo, refined, told apart, and weighed. */
import type { Molecule } from "../molecule.ts";
import type { Rdkit } from "../rdkit.ts";
import type { ForceField, TypedMolecule } from "../refinement/force_field.ts";
import { type ConformerFields, type ConformerRefine, weighing } from "./force_fields.ts";
import { ATOMS_MAX, TOLERANCE } from "../refinement/refine.ts";
import { molblock } from "../sdf.ts";
import { KEEP_LONE } from "../validator.ts";
import { type MoleculeGraph, UnansweredError } from "./graph.ts";
import type { PositionSource } from "./source.ts";
import { withStereo, wrongStereo } from "./stereo.ts";
import { symmetricRmsd, type Symmetry, symmetryOf } from "./symmetry.ts";
import { boltzmannWeights, resampled } from "./weights.ts";

/** What is asked of each molecule. */
export interface EnsembleOrder {
  /** Conformers, before those that are the same are dropped. */
  readonly count: number;
  /** 0 to 4294967295. */
  readonly seed: number;
  /** Which force field's nearest minimum they are moved to. */
  readonly refine: ConformerRefine;
  /** K. */
  readonly temperature: number;
  /** Conformers that are nearer than that to one of lower energy are dropped, angstrom. */
  readonly rmsd: number;
  /** Whether `count` of them are drawn by their weights. */
  readonly resample: boolean;
}

/** A conformer. */
export interface Conformer {
  /** `[n, 3]` angstrom. */
  readonly positions: Float64Array;
  /** With the stereo of the positions. */
  readonly smiles: string;
  /** Whether it was moved to a minimum. */
  readonly refined: boolean;
  /** kcal/mol, by the force field that refines, and above the lowest one; with its weight at the temperature asked for. Null where the force field has no types. */
  readonly energy: number | null;
  readonly relativeEnergy: number | null;
  readonly weight: number | null;
  /** How often it was drawn by its weight, where that is asked for. */
  readonly times?: number;
}

/** Why what was drawn is not given back, with how many. */
export interface Dropped {
  /** It has other stereo than specified. */
  readonly stereo: number;
  /** It has no energy that is a number. */
  readonly broken: number;
  /** It is the same as another one. */
  readonly duplicate: number;
}

/** The conformers of a molecule, by energy where they have one. */
export interface Ensemble {
  readonly by: string;
  readonly conformers: readonly Conformer[];
  /** Sets of positions that the source gave; `mirrored`: those of them that were, to have the stereo. */
  readonly drawn: number;
  readonly mirrored: number;
  readonly dropped: Dropped;
  /** The source knows no more. */
  readonly exhausted: boolean;
  /** Why there are no energies: more atoms than are refined, or an atom without a type. */
  readonly unrefined?: "size" | "types";
  /** Whether all ways to exchange like atoms were looked at. */
  readonly symmetryComplete: boolean;
}

/** What conformers are made with. */
export interface EnsembleTools {
  readonly rdkit: Rdkit;
  readonly source: PositionSource;
  readonly fields: ConformerFields;
}

/** Most sets of positions that are drawn for each that is asked for. */
export const DRAWS_A_CONFORMER = 4;

/** Most steps to a minimum: a druglike molecule is farther from it than one that a network drew. */
const ITERATIONS = 1000;

interface Placed {
  readonly positions: Float64Array;
  readonly energy: number | null;
}

/** @throws UnansweredError where the source gives nothing, or nothing that has the stereo */
export async function ensembleOf(
  graph: MoleculeGraph,
  order: EnsembleOrder,
  { rdkit, source, fields }: EnsembleTools,
): Promise<Ensemble> {
  const typed = typedBy(fields[weighing(order.refine)], graph),
    symmetry = symmetryOf(graph),
    most = DRAWS_A_CONFORMER * order.count;
  const placed: Placed[] = [], dropped = { stereo: 0, broken: 0, duplicate: 0 };
  let drawn = 0, mirrored = 0;
  for await (const given of source.draw(graph, most, order.seed, order.count)) {
    drawn++;
    const raw = withStereo(graph, given), one = raw && place(raw.positions, typed, order.refine !== "none");
    if (!raw || (one && !hasStereo(graph, one.positions))) dropped.stereo++;
    else if (!one) dropped.broken++;
    else {
      placed.push(one);
      if (raw.mirrored) mirrored++;
    }
    if (placed.length === order.count || drawn === most) break;
  }
  if (placed.length === 0) throw nothingOf(source, drawn, dropped);
  const kept = distinct(placed, symmetry, order.rmsd);
  dropped.duplicate = placed.length - kept.length;
  const smiles = kept.map(({ positions }) => smilesAt(rdkit, graph, positions));
  return {
    by: source.name,
    conformers: weighed(kept, order).map((one, k) => ({ ...one, smiles: smiles[k] })).filter(({ times }) =>
      times !== 0
    ),
    drawn,
    mirrored,
    dropped,
    exhausted: placed.length < order.count && drawn < most,
    ...(typeof typed === "string" && { unrefined: typed }),
    symmetryComplete: symmetry.complete,
  };
}

/** A minimum may have another stereo than where it was sought from. */
function hasStereo(graph: MoleculeGraph, positions: Float64Array): boolean {
  const { centres, bonds } = wrongStereo(graph, positions);
  return centres + bonds === 0;
}

function nothingOf({ name }: PositionSource, drawn: number, { stereo }: Dropped): UnansweredError {
  if (stereo > 0) {
    return new UnansweredError(
      "stereo",
      `must have stereo that ${name} can draw; got ${stereo} of ${drawn} sets of positions with another`,
    );
  }
  return new UnansweredError("source", `must be a molecule that ${name} can draw; got none of its positions`);
}

/** The force field's view of a graph, or why it has none. */
function typedBy(
  field: ForceField,
  { atomicNumbers, charges, bonds }: MoleculeGraph,
): TypedMolecule | "size" | "types" {
  if (atomicNumbers.length > ATOMS_MAX) return "size";
  const molecule: Molecule = { atomicNumbers, charges, positions: new Float32Array(3 * atomicNumbers.length) };
  try {
    return field.type(molecule, bonds) ?? "types";
  } catch (error) {
    if (error instanceof RangeError) return "types"; // no rule covers a bond
    throw error;
  }
}

/** Where it comes to stand, with its energy; undefined where that is no number. */
function place(raw: Float64Array, typed: TypedMolecule | string, refine: boolean): Placed | undefined {
  if (typeof typed === "string") return { positions: raw, energy: null };
  const { positions, after } = refine
    ? typed.minimise(raw, { iterations: ITERATIONS, tolerance: TOLERANCE })
    : { positions: raw, after: typed.energy(raw) };
  return Number.isFinite(after) ? { positions, energy: after } : undefined;
}

/** Those that are no nearer than this to one before them, by energy. */
function distinct(placed: readonly Placed[], symmetry: Symmetry, rmsd: number): Placed[] {
  const kept: Placed[] = [];
  for (const one of placed.toSorted((a, b) => (a.energy ?? 0) - (b.energy ?? 0))) {
    const same = kept.some(({ positions }) => symmetricRmsd(symmetry, positions, one.positions, rmsd) < rmsd);
    if (!same) kept.push(one);
  }
  return kept;
}

function weighed(
  kept: readonly Placed[],
  { count, seed, refine, temperature, resample }: EnsembleOrder,
): Omit<Conformer, "smiles">[] {
  const energies = kept.map(({ energy }) => energy);
  if (energies.some((energy) => energy === null)) {
    return kept.map(({ positions }) => ({
      ...{ positions, refined: false, energy: null, relativeEnergy: null, weight: null },
    }));
  }
  const known = energies as number[], weights = boltzmannWeights(known, temperature);
  const times = resample ? resampled(weights, count, seed) : undefined;
  return kept.map(({ positions }, k) => ({
    ...{
      positions,
      refined: refine !== "none",
      energy: known[k],
      relativeEnergy: known[k] - known[0],
      weight: weights[k],
    },
    ...(times && { times: times[k] }),
  }));
}

/** Positions of a molblock. */
export const moleculeAt = ({ atomicNumbers, charges, bonds }: MoleculeGraph, positions: Float64Array) => ({
  ...{ atomicNumbers, charges, bonds },
  positions: Float32Array.from(positions),
});

/** SMILES with the stereo that positions have. */
function smilesAt(rdkit: Rdkit, graph: MoleculeGraph, positions: Float64Array): string {
  const block = molblock(moleculeAt(graph, positions), graph.bonds);
  const smiles = rdkit.withMol(block, (mol) => {
    mol.remove_hs_in_place(KEEP_LONE);
    return mol.get_smiles();
  });
  return smiles || graph.smiles; // of H2 nothing is left
}
