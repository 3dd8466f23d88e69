/** RDKit in Python (`druglike.py`), asked about sets of drug-like molecules. */
import type { Histogram } from "../chem/histogram.ts";
import { isSound } from "../chem/judge/sound.ts";
import type { Molecule } from "../chem/molecule.ts";
import { fitsMolblock, molblock } from "../chem/sdf.ts";
import type { Judgement } from "../model/evaluation/evaluate.ts";
import type { Reference } from "../model/evaluation/evaluate_reference.ts";
import {
  type AloneSaid,
  descriptorDistances,
  type Each,
  geometryFigures,
  type GeometrySaid,
  graphRates,
  histogramsOf,
  type PositionsSaid,
} from "./druglike_figures.ts";
import type { SetFigures } from "./druglike_table.ts";
import type { Python } from "./python.ts";
import { evenly } from "./statistics.ts";

/** How much is asked, and what progress is told to. */
export interface Asking {
  /** Most molecules of a set whose positions PoseBusters and GFN2-xTB look at; 0: none. */
  readonly posebusters: number;
  readonly xtb: number;
  readonly onProgress: (text: string, done: number, total: number) => void;
}

/** Held-out molecules that descriptors are compared with. */
export interface HeldOut {
  readonly name: string;
  readonly histograms: Each<Histogram>;
}

/** Molecules as they were drawn or lie in the data, and the same after what else was done to their positions, by its name. */
export interface MoleculeSet extends Pick<SetFigures, "name" | "drawn"> {
  readonly raw: readonly Judgement[];
  readonly forms: Readonly<Record<string, readonly Judgement[]>>;
}

/** Versions of what judges. @throws Error where something asked for is lacking */
export async function openJudge(python: Python, { posebusters, xtb }: Asking): Promise<Record<string, string>> {
  const { error, versions } = await python.ask<{ error?: string; versions: Record<string, string> }>({
    ...{ ask: "open", posebusters: posebusters > 0, xtb: xtb > 0 },
  });
  if (error !== undefined) throw new Error(error);
  return versions;
}

/** Descriptors of molecules, whose fingerprints Python keeps under the set's name; what RDKit refuses is left out. */
async function descriptorsOf(
  python: Python,
  set: string,
  molecules: readonly Molecule[],
  onProgress: Asking["onProgress"],
): Promise<Each<number>[]> {
  const found: Each<number>[] = [];
  for (const [k, molecule] of molecules.entries()) {
    const { read, descriptors } = await python.ask<{ read: boolean; descriptors: Each<number> }>({
      ...{ ask: "graph", set, molblock: molblock(molecule, molecule.bonds ?? []) },
    });
    if (read) found.push(descriptors);
    onProgress(`${set}: descriptors`, k + 1, molecules.length);
  }
  return found;
}

/** Takes in the held-out molecules. */
export async function holdOut(
  python: Python,
  name: string,
  molecules: readonly Molecule[],
  { onProgress }: Asking,
): Promise<HeldOut> {
  return { name, histograms: histogramsOf(await descriptorsOf(python, name, molecules, onProgress)) };
}

/** What is said of positions. Bonds that were perceived are the molecule's for this. */
async function positionsOf(
  python: Python,
  name: string,
  molecules: readonly Judgement[],
  { posebusters, xtb, onProgress }: Asking,
): Promise<PositionsSaid[]> {
  const whole = molecules.flatMap(({ validation }, k) => validation.connected ? [k] : []);
  const some = (count: number) => new Set(evenly(whole.length, count).map((place) => whole[place]));
  const busted = some(posebusters), relaxed = some(xtb), said: PositionsSaid[] = [];
  for (const [k, { molecule, validation }] of molecules.entries()) {
    const { bonds, connected } = validation, fits = fitsMolblock(molecule, bonds);
    const block = fits ? molblock(molecule, bonds) : "", asked = { posebusters: busted.has(k), xtb: relaxed.has(k) };
    said.push({
      sound: isSound(validation),
      connected,
      relaxed: asked.xtb,
      ...(connected && {
        geometry: await python.ask<GeometrySaid>({ ask: "geometry", molblock: block, ...asked }),
      }),
      alone: fits
        ? await python.ask<AloneSaid>({ ask: "alone", molblock: block })
        : { valid: false, pairs: false, graph: false },
    });
    onProgress(`${name}: positions`, k + 1, molecules.length);
  }
  return said;
}

/** All figures of a set. */
export async function figuresOf(
  { name, drawn, raw, forms }: MoleculeSet,
  { python, reference, heldOut, asking }: { python: Python; reference: Reference; heldOut: HeldOut; asking: Asking },
): Promise<SetFigures> {
  const whole = raw.filter(({ validation }) => validation.connected);
  const molecules = whole.map(({ molecule, validation: { bonds } }) => ({ ...molecule, bonds }));
  const values = await descriptorsOf(python, name, molecules, asking.onProgress);
  const { frechet } = await python.ask<{ frechet: number | null }>({ ask: "frechet", set: name, from: heldOut.name });
  const geometry: Record<string, SetFigures["geometry"][string]> = {};
  for (const [form, own] of Object.entries(forms)) {
    geometry[form] = geometryFigures(await positionsOf(python, `${name}, ${form}`, own, asking));
  }
  return {
    ...{ name, count: raw.length, ...(drawn && { drawn }) },
    graph: graphRates(raw, reference),
    distances: descriptorDistances(values, heldOut.histograms),
    ...{ frechet, geometry },
  };
}
