/**
 * `deno task bench:druglike`: new drug-like molecules of a model, beside held-out molecules of its data (docs/druglike.md). RDKit in Python judges beside
 * the service's own judge.
 */
import { z } from "zod";
import type { DataSet, Part } from "../chem/data_set.ts";
import { openDataSet } from "../chem/data_sets.ts";
import { createRdkit } from "../chem/rdkit.ts";
import { REFINES } from "../chem/refinement/refine.ts";
import { createValidator, type ValidateOptions } from "../chem/validator.ts";
import type { ValidatorPool } from "../chem/validator_pool.ts";
import { findModel } from "../main/models.ts";
import { helpText, list, option, readOptions, type Values, whole } from "../main/options.ts";
import { createProgress } from "../main/progress.ts";
import { gridOf, samplingOptions } from "../main/sampling_options.ts";
import type { Judgement } from "../model/evaluation/evaluate.ts";
import { WINDOW } from "../model/evaluation/evaluate_model.ts";
import { refineMolecules } from "../model/evaluation/evaluate_refined.ts";
import { findReference, type Reference } from "../model/evaluation/evaluate_reference.ts";
import { type OpenModel, openModel } from "../model/generation/open_model.ts";
import { acceptOrder } from "../model/generation/order.ts";
import { generateMolecules } from "../model/generation/pipeline.ts";
import { createRefiningPool } from "../model/generation/refiner.ts";
import { parseCard } from "../model/models/card.ts";
import type { ModelEntry } from "../model/models/load.ts";
import { conditions } from "./conditions.ts";
import { type Asking, figuresOf, holdOut, type MoleculeSet, openJudge } from "./druglike_judge.ts";
import { druglikeTables, type SetFigures } from "./druglike_table.ts";
import { asksForHelp, keep, machineLine, resultsOption, resultsPath, runProgram } from "./program.ts";
import { openPython } from "./python.ts";
import { evenly } from "./statistics.ts";
import type { Row } from "./table.ts";
import { toldCommand } from "./told.ts";

/** What can refine positions. */
const REFINERS = REFINES.filter((name) => name !== "none");

const OPTIONS = {
  ...samplingOptions,
  model: option("NAME", "a model's name or folder (default none: the data's rows alone)", z.string().min(1).optional()),
  steps: option("N,N", "steps of the sampler (default 8,16,64)", list(whole(1, 1000)).prefault("8,16,64")),
  "weak-without": option(
    "N",
    "the block that the network's weaker self goes without (default: the card's)",
    whole(0).optional(),
  ),
  data: option("NAME", "the data set, or its folder (default druglike)", z.string().min(1).default("druglike")),
  reference: option(
    "FOLDER",
    "what model/evaluation/evaluate_reference.ts wrote of the data (default: in the model's folder)",
    z.string().min(1).optional(),
  ),
  count: option("N", "molecules of a set (default 2000)", whole(1).default(2000)),
  seed: option("N", "(default 1)", whole(0, 0xffffffff).default(1)),
  refine: option(
    "NAME",
    `what refines positions: ${REFINERS.join(", ")} (default mmff94s)`,
    z.enum(REFINERS).default("mmff94s"),
  ),
  posebusters: option("N", "molecules of a set for PoseBusters; 0: none (default 500)", whole(0).default(500)),
  xtb: option("N", "molecules of a set for GFN2-xTB; 0: none (default 100)", whole(0).default(100)),
  python: option("FILE", "a Python with RDKit and PoseBusters (default python3)", z.string().default("python3")),
  out: resultsOption("druglike"),
};

type Asked = Values<typeof OPTIONS>;

/** The two forms of a set. */
async function formsOf(raw: readonly Judgement[], pool: ValidatorPool, detail: ValidateOptions, { refine }: Asked) {
  const molecules = raw.map(({ molecule }) => molecule);
  const { judged: refined, summary } = await refineMolecules(molecules, refine, pool, detail);
  return { forms: { raw, refined }, refined: summary.refined };
}

/** Molecules of a part of the data, evenly from all of it, taken as if they were drawn. */
async function dataMolecules(
  data: DataSet,
  part: Part,
  asked: Asked,
  pool: ValidatorPool,
  detail: ValidateOptions,
): Promise<MoleculeSet> {
  const rows = data.split[part],
    molecules = evenly(rows.length, asked.count).map((place) => data.molecule(rows[place]));
  const { validations } = await pool.judge(molecules, detail, { last: true });
  const raw = molecules.map((molecule, k) => ({ molecule, validation: validations[k] }));
  // Positions of all parts were made alike: those of one are enough.
  const forms = part === "valid" ? (await formsOf(raw, pool, detail, asked)).forms : {};
  return { name: `data, ${{ valid: "validation", train: "training", test: "test" }[part]} split`, raw, forms };
}

/** Molecules of the model at a number of steps. */
async function drawnMolecules(
  { card }: ModelEntry,
  { model, pool }: OpenModel,
  steps: number,
  asked: Asked,
  { detail, onProgress }: { detail: ValidateOptions; onProgress: Asking["onProgress"] },
): Promise<MoleculeSet> {
  const { count, grid, "sampler-options": options } = asked;
  const request = acceptOrder(card, { ...asked, steps, grid: gridOf(grid), options }), raw: Judgement[] = [];
  const generation = generateMolecules(model, request, {
    ...{ validate: pool, detail: { judge: true, inchikey: false }, window: WINDOW },
    onProgress: () => onProgress(`${steps} steps: drawing`, generation.drawn, count),
  });
  for await (const window of generation.windows) raw.push(...window);
  const { sampleMs, decodeMs } = generation.timings, { settings } = request;
  const { forms, refined } = await formsOf(raw, pool, detail, asked);
  const moleculesPerSecond = count / (sampleMs + decodeMs) * 1000;
  const drawn = {
    ...settings,
    version: generation.version,
    fallbacks: generation.fallbacks,
    refined,
    moleculesPerSecond,
  };
  return { name: `${steps} steps`, drawn, raw, forms };
}

/** The reference of the data. @throws Error where there is none, or it lacks motifs */
async function referenceOf(data: DataSet, asked: Asked, entry?: ModelEntry): Promise<Reference> {
  const folder = asked.reference ?? entry?.folder, reference = await findReference(folder ? [folder] : [], data.name);
  if (reference?.motifs) return reference;
  throw new Error(
    `--reference must name a reference of ${data.name} with motifs; got ${folder ?? "none"}; ` +
      "deno run -A model/evaluation/evaluate_reference.ts FOLDER DATA writes one",
  );
}

/** @throws Error where the model was not trained on the data; as `parseCard` where it has no such block */
async function entryOf(name: string, data: DataSet, weakWithout?: number): Promise<ModelEntry> {
  const entry = await findModel(name), { dataSet, denoiser } = entry.card;
  if (dataSet === data.name) {
    if (weakWithout === undefined) return entry;
    return { ...entry, card: parseCard({ ...entry.card, denoiser: { ...denoiser, weakWithout } as typeof denoiser }) };
  }
  throw new Error(`--model must have been trained on --data, ${data.name}; got one of ${dataSet}`);
}

/** Progress on stderr, a bar a stage. */
function createTold(): Asking["onProgress"] {
  const error = (text: string) => void Deno.stderr.writeSync(new TextEncoder().encode(text));
  const begin = () => createProgress({ error, interactive: Deno.stderr.isTerminal() });
  let stage = "", progress = begin();
  return (text, done, total) => {
    if (text !== stage) stage = text, progress = begin();
    progress.update(done / total, `${text}, ${done} of ${total}`);
    if (done === total) progress.end();
  };
}

async function main(args: string[]): Promise<void> {
  if (asksForHelp(args)) {
    return console.log(
      helpText("deno task bench:druglike", "New drug-like molecules, judged: docs/druglike.md.", OPTIONS),
    );
  }
  const asked = readOptions(args, OPTIONS), { count, seed, posebusters, xtb } = asked;
  const under = { command: toldCommand("bench:druglike", args), ...await conditions() };
  console.log(machineLine(under));
  const data = await openDataSet(asked.data),
    entry = asked.model ? await entryOf(asked.model, data, asked["weak-without"]) : undefined;
  const reference = await referenceOf(data, asked, entry), python = openPython(asked.python, "druglike.py");
  const onProgress = createTold();
  const asking = { posebusters, xtb, onProgress }, judge = await openJudge(python, asking);
  const test = [...data.split.test].map((row) => data.molecule(row));
  const heldOut = await holdOut(python, "data, test split", test, asking);
  const detail = { judge: true, chemistry: data.chemistry, inchikey: false },
    sets: SetFigures[] = [],
    rows: Row[] = [];
  const path = asked.out ?? resultsPath(under, "druglike");
  const take = async (of: () => Promise<MoleculeSet>) => {
    const from = performance.now(), figures = await figuresOf(await of(), { python, reference, heldOut, asking });
    sets.push(figures);
    rows.push({ set: figures.name, molecules: figures.count, seconds: (performance.now() - from) / 1000 });
    const settings = {
      count,
      seed,
      refine: asked.refine,
      posebusters,
      xtb,
      judge,
      heldOut: test.length,
      model: entry?.card.name,
    };
    const result = { bench: "druglike", settings, rows, sets };
    if (path !== "-") await keep(path, under, [result]);
  };
  const open = entry && await openModel(entry, asked);
  const pool = open?.pool ?? createRefiningPool({ validate: createValidator(await createRdkit()), workers: 0 });
  try {
    for (const part of ["valid", "train"] as const) await take(() => dataMolecules(data, part, asked, pool, detail));
    for (const steps of open ? asked.steps : []) {
      await take(() => drawnMolecules(entry!, open!, steps, asked, { detail, onProgress }));
    }
  } finally {
    (open ?? pool).close();
    await python.close();
  }
  console.log(`\n${druglikeTables([...sets.slice(2), ...sets.slice(0, 2)])}`);
}

if (import.meta.main) await runProgram(main);
