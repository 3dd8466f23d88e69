/**
 * `deno task bench:conformers`: conformers of held-out druglike molecules, as they are drawn and refined, beside RDKit's ETKDGv3 (docs/conformers.md). Python
 * with RDKit judges all sets alike, by MMFF94s with charges.
 */
import { cpuUsage } from "node:process";
import { z } from "zod";
import { SMILES_FILE, SPLIT_FILES } from "../chem/compact.ts";
import { type Ensemble, ensembleOf, type EnsembleTools } from "../chem/conformers/ensemble.ts";
import { type ConformerField, FORCE_FIELDS } from "../chem/conformers/force_fields.ts";
import { type MoleculeGraph, readGraph, UnansweredError } from "../chem/conformers/graph.ts";
import { createProximitySource } from "../chem/conformers/proximity_source.ts";
import { createOpenchemlibSource } from "../chem/conformers/openchemlib.ts";
import type { PositionSource } from "../chem/conformers/source.ts";
import { readNpy } from "../chem/npy.ts";
import type { Bond, Molecule } from "../chem/molecule.ts";
import { createRdkit, type Rdkit } from "../chem/rdkit.ts";
import { molblock } from "../chem/sdf.ts";
import { compactSource, linesOf } from "../chem/sets/records.ts";
import { KEEP_LONE } from "../chem/validator.ts";
import { flag, list, option, readOptions, whole } from "../main/options.ts";
import { openNetworkSources } from "../model/generation/network_source.ts";
import { openConformerFields } from "../model/generation/refiner.ts";
import { conditions } from "./conditions.ts";
import { keep, machineLine, resultsOption, resultsPath, runProgram } from "./program.ts";
import { openPython } from "./python.ts";
import { evenly, median } from "./statistics.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

const OPTIONS = {
  data: option(
    "FOLDER",
    "druglike molecules in compact form, with energies (default data/druglike)",
    z.string().default("data/druglike"),
  ),
  smiles: option(
    "FILE",
    "these molecules in their place, a SMILES a line, strained above the lowest energy of all sets",
    z.string().optional(),
  ),
  molecules: option("N", "of the test split, evenly from all of it (default 100)", whole(1).default(100)),
  stereo: flag("those with stereo alone, all of it specified as in the data's positions"),
  count: option("N", "conformers of each (default 10)", whole(1).default(10)),
  model: option("FOLDER", "a model that is told the graph, whose positions are judged, too", z.string().optional()),
  steps: option("LIST", "its numbers of steps (default 8,16)", list(whole(1)).default([8, 16])),
  alone: flag("without openchemlib, which takes most of the time"),
  brief: flag("refined by mmff94s alone, neither by mmff94 nor by RDKit's minimiser"),
  macrocycles: flag("beside ETKDGv3 without its torsions of macrocycles, too"),
  seconds: option("N", "begin no further molecule after so long", whole(1).optional()),
  reference: option("N", "conformers of the reference (default 50)", whole(1).default(50)),
  seed: option("N", "(default 1)", whole(1).default(1)),
  python: option("FILE", "a Python with RDKit (default /usr/bin/python3)", z.string().default("/usr/bin/python3")),
  out: resultsOption("conformers"),
};

/** Distances at which a conformer of the reference counts as found, angstrom. */
const NEAR = [0.75, 1.25];

/** Most atoms of a molecule. */
const ATOMS_MAX = 256;

/** What Python says of a set of conformers; `whole`: how many have the bonds of the graph by their distances, and its stereo. */
interface Judged {
  readonly whole: number;
  readonly energies: number[];
  readonly nearest: number[];
  readonly seconds: number | null;
}

/** What it says of a molecule's sets. */
interface Answer {
  readonly error?: string;
  /** The lowest energy of the reference, kcal/mol. */
  readonly lowest: number;
  readonly sets: Readonly<Record<string, Judged>>;
}

/** A molecule's figures by set: energies above the data's, or the lowest, kcal/mol; processor seconds. */
export interface Figures extends Judged {
  readonly strains: number[];
}

/** Molecules of the data's test split, evenly from all of it, with their energies: SMILES as the data has them, or with all stereo of the data's positions. */
async function heldOut(folder: string, count: number, stereo: boolean, rdkit: Rdkit) {
  const array = async <T extends "i32" | "f32">(name: string, type: T) =>
    readNpy(await Deno.readFile(`${folder}/${name}`), type, name).data;
  const test = await array(SPLIT_FILES.test.name, "i32"), energies = await array("energy.f32.npy", "f32");
  // Not all molecules have stereo.
  const rows = new Set(evenly(test.length, stereo ? 4 * count : count).map((place) => test[place]));
  const lines = await Array.fromAsync(linesOf(`${folder}/${SMILES_FILE}`)), { records } = await compactSource(folder);
  const found = new Map<number, string>();
  let row = -1;
  for await (const record of records) {
    if (!rows.has(++row) || !("molecule" in record)) continue;
    const smiles = stereo ? smilesOf(rdkit, record.molecule) : lines[row].split(" ")[0];
    if (!stereo || /[@/\\]/.test(smiles)) found.set(row, smiles);
  }
  return [...rows].flatMap((row) => found.has(row) ? [{ smiles: found.get(row)!, energy: energies[row] }] : []).slice(
    0,
    count,
  );
}

/** Molecules of a file, a SMILES and perhaps a name a line; of no known energy. */
export async function listed(path: string): Promise<{ readonly smiles: string; readonly energy?: number }[]> {
  const lines = (await Deno.readTextFile(path)).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return lines.map((line) => ({ smiles: line.split(/\s/)[0] }));
}

/** SMILES with the stereo of positions. */
const smilesOf = (rdkit: Rdkit, molecule: Molecule & { readonly bonds: readonly Bond[] }): string =>
  rdkit.withMol(molblock(molecule, molecule.bonds), (mol) => {
    mol.remove_hs_in_place(KEEP_LONE);
    return mol.get_smiles();
  })!;

/** What was drawn once, as a source. */
const again = (name: string, drawn: readonly ArrayLike<number>[]): PositionSource => ({
  name,
  draw: (_graph, most) => drawn.slice(0, most),
});

/** Processor seconds that work takes. */
async function spent<T>(work: () => Promise<T>): Promise<[T, number]> {
  const before = cpuUsage(), value = await work(), { user, system } = cpuUsage(before);
  return [value, (user + system) / 1e6];
}

/** The force fields that each set is refined by. */
const FIELDS = Object.keys(FORCE_FIELDS) as ConformerField[];

/** Conformers, or none of what a source does not answer. */
async function answered(...asked: Parameters<typeof ensembleOf>): Promise<Partial<Ensemble>> {
  try {
    return await ensembleOf(...asked);
  } catch (error) {
    if (error instanceof UnansweredError) return {};
    throw error;
  }
}

/** Raw and refined conformers of a graph, with processor seconds. */
async function drawnOf(
  graph: MoleculeGraph,
  tools: EnsembleTools,
  { count, seed, by }: { count: number; seed: number; by: readonly ConformerField[] },
) {
  const order = { count, seed, temperature: 298.15, rmsd: 0, resample: false }, seen: ArrayLike<number>[] = [];
  const source: PositionSource = {
    name: tools.source.name,
    async *draw(...asked) {
      for await (const x of tools.source.draw(...asked)) seen.push(x), yield x;
    },
  };
  const [raw, drawing] = await spent(() => answered(graph, { ...order, refine: "none" }, { ...tools, source }));
  const refined: { readonly by: ConformerField; readonly set: Partial<Ensemble>; readonly seconds: number }[] = [];
  for (const field of by) {
    const [set, refining] = await spent(() =>
      answered(graph, { ...order, refine: field }, { ...tools, source: again(source.name, seen) })
    );
    refined.push({ by: field, set, seconds: drawing + refining });
  }
  return { raw, refined, drawing, drawn: seen.length };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A set over all molecules; of those that a source does not answer it has found nothing, and other figures are of those that it does. */
export function rowOf(name: string, figures: readonly Figures[], asked: number): Row {
  const share = (near: number) =>
    mean(figures.map(({ nearest }) => nearest.filter((d) => d < near).length / Math.max(1, nearest.length)));
  const found = figures.filter(({ nearest }) => nearest.length > 0), seconds = figures.map((one) => one.seconds ?? 0);
  const told = {
    set: name,
    answered: found.length,
    "conformers a molecule": mean(figures.map((one) => one.energies.length)),
  };
  if (found.length === 0) return { ...told, molecules: figures.length, asked };
  const strains = found.flatMap((one) => one.strains);
  return {
    ...told,
    "whole %": 100 * found.reduce((sum, { whole }) => sum + whole, 0) / strains.length,
    "strain, median": median(strains),
    "strain of the lowest, median": median(found.map(({ strains }) => Math.min(...strains))),
    ...Object.fromEntries(NEAR.map((near) => [`COV-R ${near} %`, 100 * share(near)])),
    "MAT-R, mean": mean(found.map(({ nearest }) => mean(nearest))),
    "MAT-R, median": median(found.map(({ nearest }) => mean(nearest))),
    "processor s a molecule": mean(seconds),
    molecules: figures.length,
    asked,
  };
}

/** What came of the sets of positions of each source. */
const inWords = (tallies: Readonly<Record<string, { drawn: number; wrong: number; mirrored: number }>>) =>
  Object.fromEntries(
    Object.entries(tallies).map(([name, { drawn, wrong, mirrored }]) => [
      name,
      `${drawn} drawn (${mirrored} mirrored, ${wrong} of other stereo)`,
    ]),
  );

async function main(args: string[]): Promise<void> {
  const { data, smiles: file, molecules, stereo, count, reference, seed, ...given } = readOptions(args, OPTIONS);
  const { python, out, model, steps, alone, brief, macrocycles, seconds: longest = Infinity } = given;
  const under = { command: toldCommand("bench:conformers", args), ...await conditions() };
  console.log(machineLine(under));
  const [rdkit, fields] = await Promise.all([createRdkit(), openConformerFields()]),
    judge = openPython(python, "conformers.py");
  const network = model === undefined ? undefined : await openNetworkSources(model);
  const sources: [name: string, source: PositionSource][] = [];
  if (!alone) sources.push(["openchemlib", createOpenchemlibSource()]);
  sources.push(["proximity", createProximitySource()]);
  for (const count of network ? steps : []) {
    const source = network!.at(count);
    sources.push([`${source.name}, ${count} steps`, source]);
  }
  const figures = new Map<string, Figures[]>(), failures: string[] = [];
  const tally = { centres: 0, bonds: 0, untyped: 0 };
  const tallies: Record<string, { drawn: number; wrong: number; mirrored: number }> = {};
  const began = performance.now();
  const by: readonly ConformerField[] = brief ? ["mmff94s"] : FIELDS;
  for (
    const { smiles, energy } of file
      ? (await listed(file)).slice(0, molecules)
      : await heldOut(data, molecules, stereo, rdkit)
  ) {
    if (performance.now() - began > 1000 * longest) break;
    let untyped = false;
    try {
      const graph = readGraph(rdkit, { kind: "smiles", text: smiles }, ATOMS_MAX), own: Record<string, number> = {};
      const sets: Record<string, Partial<Ensemble>> = {};
      for (const [name, source] of sources) {
        const { raw, refined, drawing, drawn } = await drawnOf(graph, { rdkit, fields, source }, { count, seed, by });
        sets[`${name}, raw`] = raw, own[`${name}, raw`] = drawing;
        for (const { by, set, seconds } of refined) sets[`${name}, ${by}`] = set, own[`${name}, ${by}`] = seconds;
        const told = tallies[name] ??= { drawn: 0, wrong: 0, mirrored: 0 };
        told.drawn += drawn, told.wrong += raw.dropped?.stereo ?? drawn, told.mirrored += raw.mirrored ?? 0;
        untyped ||= raw.unrefined !== undefined;
      }
      const answer = await judge.ask<Answer>({
        ...{ smiles, count, reference, brief, macrocycles, seed: seed + 1000, atomicNumbers: [...graph.atomicNumbers] },
        sets: Object.fromEntries(
          Object.entries(sets).map((
            [name, { conformers = [] }],
          ) => [name, conformers.map(({ positions }) => [...positions])]),
        ),
      });
      if (answer.error !== undefined) throw new Error(answer.error);
      tally.centres += graph.centres.length, tally.bonds += graph.stereoBonds.length;
      tally.untyped += Number(untyped);
      const from = energy ?? Math.min(answer.lowest, ...Object.values(answer.sets).flatMap(({ energies }) => energies));
      for (const [set, one] of Object.entries(answer.sets)) {
        const told = { ...one, seconds: own[set] ?? one.seconds, strains: one.energies.map((value) => value - from) };
        figures.set(set, [...figures.get(set) ?? [], told]);
      }
      console.error(
        `${figures.values().next().value!.length}: ${smiles}, ${((performance.now() - began) / 1000).toFixed(0)} s`,
      );
    } catch (error) {
      failures.push(`${smiles}: ${(error as Error).message}`);
      console.error(failures.at(-1));
    }
  }
  network?.dispose();
  await judge.close();
  const rows = [...figures].map(([name, list]) => rowOf(name, list, count));
  const result = {
    bench: "conformers",
    settings: { molecules, stereo, count, reference, seed, ...tally, ...inWords(tallies), failed: failures.length },
    rows,
  };
  console.log(formatResult(result));
  const path = out ?? resultsPath(under, "conformers");
  if (path !== "-") await keep(path, under, [result]);
}

if (import.meta.main) await runProgram(main);
