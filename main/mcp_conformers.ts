/** The MCP tool `generate_conformers`: POST /conformers, as a language model calls it. */
import { z } from "zod";
import { DRUGLIKE } from "../chem/chemistry.ts";
import { atomicNumberOf } from "../chem/elements.ts";
import type { Bond } from "../chem/molecule.ts";
import { molblock, type SdfData, sdfRecord } from "../chem/sdf.ts";
import { strict } from "../model/diffusion/strict.ts";
import {
  conformersRequest,
  type ConformersResponse,
  conformersResponse,
  DEFAULT_COUNT,
} from "../routes/conformers_schema.ts";

/** What the text of an answer can be. */
const TEXTS = ["smiles", "sdf"] as const;

// Nobody waits beyond what it cancels itself.
const { timeoutMs: _timeoutMs, count, ...asked } = conformersRequest.shape;

/** What the tool takes: keys of POST /conformers, of at most `maxCount` conformers a molecule. */
export const conformersInput = (maxCount: number) =>
  strict({
    ...asked,
    count: z.int().min(1).max(maxCount).default(Math.min(DEFAULT_COUNT, maxCount)).describe(count.description!),
    text: z.enum(TEXTS).default("smiles").describe(
      "`smiles`: a line for each conformer, with its energy above the lowest and its weight; `sdf`: SDF records with 3D positions and bonds",
    ),
  });

type Answered = Extract<ConformersResponse["molecules"][number], { conformers: unknown }>;

/** Of a molecule, what is no array of its atoms. */
const factsOf = ({ symbols: _, charges: __, bonds: ___, conformers, ...facts }: Answered) => ({
  ...facts,
  conformers: conformers.map(({ positions: _, ...told }) => told),
});

const isAnswered = (molecule: ConformersResponse["molecules"][number]): molecule is Answered =>
  "conformers" in molecule;

const { molecules: _molecules, ...told } = conformersResponse.shape;

/** What the tool gives beside its text: the JSON answer without what is of each atom. */
export const conformersOutput = z.object({ ...told, molecules: z.array(z.looseObject({ index: z.int() })) });

/** The answer as that says it. */
export const conformersFacts = ({ molecules, ...facts }: ConformersResponse) => ({
  ...facts,
  molecules: molecules.map((one) => isAnswered(one) ? factsOf(one) : one),
});

/** How many there are, what drew them, and which molecules have none. */
export function conformersSummary({ molecules, seed }: ConformersResponse): string {
  const answered = molecules.filter(isAnswered), count = answered.reduce((sum, one) => sum + one.conformers.length, 0);
  const failed = molecules.flatMap((one) => "error" in one ? [`; molecule ${one.index}: ${one.error.message}`] : []);
  const by = answered.length > 0 ? ` by ${answered[0].by}` : "";
  return `${count} conformers of ${answered.length} of ${molecules.length} molecules${by}, seed ${seed}${
    failed.join("")
  }`;
}

/** The conformers as text. */
export const conformersText: Readonly<Record<typeof TEXTS[number], (response: ConformersResponse) => string>> = {
  smiles: ({ molecules }) =>
    molecules.filter(isAnswered).flatMap(({ index, conformers }) =>
      conformers.map(({ smiles, relativeEnergy, weight }) => `${smiles}\t${index}\t${relativeEnergy}\t${weight}\n`)
    ).join(""),
  sdf: ({ molecules }) => molecules.filter(isAnswered).map(recordsOf).join(""),
};

function recordsOf({ index, name, symbols, charges, bonds, by, conformers }: Answered): string {
  const atomicNumbers = Uint8Array.from(symbols, (symbol) => atomicNumberOf(symbol, DRUGLIKE));
  return conformers.map(({ positions, smiles, relativeEnergy, weight }) => {
    const molecule = {
      atomicNumbers,
      charges: Int8Array.from(charges),
      positions: Float32Array.from(positions.flat()),
    };
    const energies: SdfData = relativeEnergy === null || weight === null ? {} : { relativeEnergy, weight };
    return sdfRecord(molblock(molecule, bonds as Bond[], name ?? `molecule-${index}`), {
      index,
      smiles,
      by,
      ...energies,
    });
  }).join("");
}
