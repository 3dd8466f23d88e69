/** What is said of a molecule's conformers: as JSON, and as SDF. */
import { symbolOf } from "../elements.ts";
import { molblock, type SdfData, sdfRecord, TITLE_MAX } from "../sdf.ts";
import { type Conformer, type Ensemble, type EnsembleOrder, moleculeAt } from "./ensemble.ts";
import { forceFieldOf } from "./force_fields.ts";
import type { MoleculeGraph, Unanswered } from "./graph.ts";

/** The forms of an answer. */
export const CONFORMER_FORMS = ["json", "sdf"] as const;

/** One of {@link CONFORMER_FORMS}. */
export type ConformerForm = typeof CONFORMER_FORMS[number];

/** Which molecule it is. */
export interface Told {
  readonly index: number;
  readonly name?: string;
}

/** Why a molecule has no conformers. */
export interface ItemError {
  readonly reason: Unanswered;
  readonly message: string;
}

/** What was asked for, and why it has no positions for the molecule, where another source had to draw. */
export interface InsteadOf {
  readonly by: string;
  readonly why: string;
}

/** To so many decimals. */
const round = (value: number, decimals: number) => Number(value.toFixed(decimals));

const rounded = (value: number | null, decimals: number) => value === null ? null : round(value, decimals);

/** Numbers as both forms say them. Weights keep six significant digits: they add up to 1 to as many. */
const numbersOf = ({ energy, relativeEnergy, weight, times }: Conformer) => ({
  energy: rounded(energy, 4),
  relativeEnergy: rounded(relativeEnergy, 4),
  weight: weight === null ? null : Number(weight.toPrecision(6)),
  ...(times !== undefined && { times }),
});

/** What is said of all the conformers of a molecule. */
export function ensembleJson(
  { index, name }: Told,
  graph: MoleculeGraph,
  ensemble: Ensemble,
  insteadOf?: InsteadOf,
) {
  const { conformers, by, ...facts } = ensemble;
  return {
    ...{ index, ...(name !== undefined && { name }) },
    smiles: graph.smiles,
    by,
    ...insteadOf && { insteadOf },
    ...facts,
    symbols: Array.from(graph.atomicNumbers, symbolOf),
    charges: Array.from(graph.charges),
    bonds: graph.bonds,
    conformers: conformers.map((one) => ({
      ...numbersOf(one),
      refined: one.refined,
      smiles: one.smiles,
      positions: Array.from(
        { length: graph.atomicNumbers.length },
        (_, i) => [0, 1, 2].map((axis) => round(one.positions[3 * i + axis], 4)),
      ),
    })),
  };
}

/** What is said of a molecule that has none. */
export const errorJson = ({ index, name }: Told, error: ItemError) => ({
  ...{ index, ...(name !== undefined && { name }) },
  error,
});

/** The title of a molecule's records. */
const titleOf = ({ index, name }: Told) => (name ?? `molecule-${index}`).slice(0, TITLE_MAX);

/** A record for each conformer. */
export function ensembleSdf(
  told: Told,
  graph: MoleculeGraph,
  { by, conformers, unrefined }: Ensemble,
  { seed, refine, temperature, insteadOf }: EnsembleOrder & { readonly insteadOf?: InsteadOf },
): string {
  return conformers.map((one, conformer) => {
    const { energy, relativeEnergy, weight, times } = numbersOf(one);
    const data: SdfData = {
      ...{
        index: told.index,
        conformer,
        smiles: one.smiles,
        by,
        ...insteadOf && { insteadOf: insteadOf.by },
        seed,
        refined: one.refined,
      },
      ...(unrefined && { unrefined }),
      ...(energy !== null &&
        { energy, relativeEnergy: relativeEnergy!, weight: weight!, temperature, forceField: forceFieldOf(refine) }),
      ...(times !== undefined && { times }),
    };
    return sdfRecord(molblock(moleculeAt(graph, one.positions), graph.bonds, titleOf(told)), data);
  }).join("");
}

/** A record of no atoms that says why there are no conformers. */
export function errorSdf(told: Told, { reason, message }: ItemError): string {
  const nothing = { atomicNumbers: new Uint8Array(), positions: new Float32Array() };
  const error = message.replaceAll(/\s*\n\s*/g, " ").replaceAll("$$$$", "$");
  return sdfRecord(molblock(nothing, [], titleOf(told)), { index: told.index, reason, error });
}
