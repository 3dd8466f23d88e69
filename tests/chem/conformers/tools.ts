/** What conformers are made with, for tests: RDKit.js, force fields, and a source of which each test says what it gives. */
import type { EnsembleTools } from "../../../chem/conformers/ensemble.ts";
import { type MoleculeGraph, readGraph } from "../../../chem/conformers/graph.ts";
import { createOpenchemlibSource } from "../../../chem/conformers/openchemlib.ts";
import type { PositionSource } from "../../../chem/conformers/source.ts";
import { createRdkit } from "../../../chem/rdkit.ts";
import { openConformerFields } from "../../../model/generation/refiner.ts";

export const [rdkit, fields] = await Promise.all([createRdkit(), openConformerFields()]);

export const openchemlib = createOpenchemlibSource();

/** The graph of a SMILES. */
export const graphOf = (text: string): MoleculeGraph => readGraph(rdkit, { kind: "smiles", text }, 100);

/** Tools whose source gives these positions. */
export const giving = (...positions: ArrayLike<number>[]): EnsembleTools => {
  const source: PositionSource = { name: "made up", draw: (_graph, most) => positions.slice(0, most) };
  return { rdkit, fields, source };
};

const known = new Map<string, Float64Array>();

/** The first positions that openchemlib draws of a graph, by the seed 1. */
export function positionsOf(graph: MoleculeGraph): Float64Array {
  const [x = known.get(graph.smiles)!] = known.has(graph.smiles)
    ? []
    : openchemlib.draw(graph, 1, 1) as Iterable<Float64Array>;
  known.set(graph.smiles, x);
  return x.slice();
}

export const mirrored = (x: ArrayLike<number>): Float64Array =>
  Float64Array.from(x, (value, k) => k % 3 === 0 ? -value : value);
