/** From a run's folder to a model's: the moving average of the weights as halves, or packed, and a card that says how they were made. */
import { type CardInput, cardPath, parseCard, writeCard } from "../models/card.ts";
import { ANGSTROM, formOf, ONE_HOT } from "../networks/heavy_atom/space.ts";
import { pairAttentionParameters, type ParameterSpec } from "../networks/pair_attention/parameters.ts";
import { type WritableTensor, writeSafetensors } from "../diffusion/safetensors.ts";
import { type Checkpoint, loadCheckpoint } from "./checkpoint.ts";
import { absent, writeAtomically } from "../diffusion/files.ts";
import { checkFinite } from "../diffusion/finite.ts";
import { writePacked } from "../models/packed.ts";
import { sha256Of, withDigests } from "../models/weights.ts";
import { LATENTS } from "./moments.ts";
import { LOSSES, type LossRow, readLossRows } from "./loss_log.ts";
import { RUN_SCHEDULE, runSettings, runSizes, runSpace, trainingData } from "./settings.ts";

/** What the card says beyond what the run knows. */
export interface ExportOptions {
  readonly description?: string;
  readonly version?: string;
  readonly license?: string;
  /** What it was trained on, in words: processor, cores or GPU. */
  readonly hardware?: string;
  /** The data, in words. */
  readonly data?: string;
  /** How the weights that the run began with were made, in words. */
  readonly before?: string;
  readonly recommended?: CardInput["recommended"];
  /** Points of the learning curve in the card. */
  readonly points?: number;
  /** Matrices in 12 bits (`models/packed.ts`) in place of 16-bit floats. */
  readonly packed?: boolean;
}

/** File of the denoiser's weights in a model's folder. */
export const DENOISER_FILE = "denoiser.safetensors";

/** About `points` of the rows, evenly by update, the last among them, held-out losses carried to the next kept row. */
function thinned(rows: readonly LossRow[], points: number) {
  const every = Math.max(1, Math.floor(rows.length / points));
  let heldOut: number | undefined;
  return rows.flatMap((row, k) => {
    heldOut = row.validation ?? heldOut;
    if ((rows.length - 1 - k) % every !== 0) return [];
    const kept = {
      minutes: Math.round(row.seconds / 6) / 10,
      molecules: row.molecules,
      loss: row.losses.total,
      ...(heldOut === undefined ? {} : { heldOut }),
    };
    heldOut = undefined;
    return [kept];
  });
}

/** What all exported cards say of their data and machine. */
export function trainingFacts(
  { data, hardware, before, packed }: ExportOptions,
  of: { readonly description: string; readonly split: string } = trainingData({}),
): Record<string, unknown> {
  return {
    data: data ?? of.description,
    split: of.split,
    hardware: hardware ?? `${navigator.hardwareConcurrency} cores, ${Deno.build.arch} ${Deno.build.os}`,
    ...(before === undefined ? {} : { before }),
    weights: `exponential moving average, ${packed ? "matrices of 12 bits with a scale a column" : "16-bit floats"}`,
  };
}

/** How long and where a network was trained, with what products, and how its losses fell. */
export async function stageFacts(
  folder: string,
  { update, seconds, backends }: Checkpoint,
  batch: number,
  { points = 40 }: ExportOptions,
): Promise<Record<string, unknown>> {
  return {
    hours: Math.round(seconds / 3.6) / 1000,
    updates: update,
    ...(backends.length > 0 ? { backend: backends.join(", then ") } : {}),
    molecules: update * batch,
    moleculesPerSecond: Math.round(update * batch / Math.max(1e-9, seconds)),
    learningCurve: thinned(await readLossRows(`${folder}/${LOSSES}`), points),
  };
}

/** The averaged weights of a checkpoint, by the names of `specs`. */
export function averagedWeights(folder: string, { state }: Checkpoint, specs: readonly ParameterSpec[]) {
  return new Map(specs.map(({ name, shape }) => {
    const tensor = state.tensors.get(`ema/${name}`);
    if (tensor?.shape.join() !== shape.join()) throw new RangeError(`the checkpoint in ${folder} lacks ema/${name}`);
    return [name, tensor] as const;
  }));
}

/** The moments of a run's training data, as a card has them; nothing where the run is older than they are. */
export async function readMoments(folder: string): Promise<Pick<CardInput, "latents">> {
  const text = await Deno.readTextFile(`${folder}/${LATENTS}`).catch(absent);
  return text ? { latents: JSON.parse(text) } : {};
}

/** Writes a model's folder: the card, checked, with the files' digests, and files of 16-bit floats, or packed. @throws TypeError where one is unsound */
export async function writeModel(
  to: string,
  card: CardInput,
  files: ReadonlyMap<string, ReadonlyMap<string, WritableTensor>>,
  { packed }: Pick<ExportOptions, "packed"> = {},
): Promise<void> {
  parseCard(card, "the new card");
  const encoded = new Map([...files].map(([name, weights]) => {
    checkFinite(weights, name);
    const metadata = { model: card.name }, compact = packed ? writePacked(weights, metadata) : undefined;
    return [name, compact ?? writeSafetensors(weights, { dtype: "F16", metadata })];
  }));
  await Deno.mkdir(to, { recursive: true });
  for (const [name, bytes] of encoded) await writeAtomically(`${to}/${name}`, bytes);
  const told = withDigests(card, (file) => encoded.has(file) ? sha256Of(encoded.get(file)!) : undefined);
  await writeCard(cardPath(to), told);
}

/**
 * Writes `card.json` and `denoiser.safetensors` into the folder `to`.
 *
 * @throws RangeError where `folder` holds no checkpoint or one of another kind of run; TypeError where the card is unsound
 */
export async function exportModel(folder: string, to: string, options: ExportOptions = {}): Promise<CardInput> {
  const checkpoint = await loadCheckpoint(folder);
  if (!checkpoint) throw new RangeError(`${folder} holds no checkpoint of a run`);
  const { schedule: _, sizes, ...rest } = JSON.parse(checkpoint.settings);
  const settings = runSettings.parse(rest),
    space = runSpace(settings),
    of = trainingData(settings),
    { width, blocks, estimates, frequency, conditions, graphGiven } = settings;
  const latents = await readMoments(folder);
  const weights = averagedWeights(folder, checkpoint, pairAttentionParameters(space, runSizes(settings)));
  const what = settings.trainedOn
    ? `Molecules as of ${of.description}`
    : "Small organic molecules of up to nine heavy atoms (C, N, O, F)";
  const card: CardInput = {
    name: settings.model,
    version: options.version ?? "1",
    description: options.description ?? `${what}: heavy atoms and their bonds diffused together.`,
    license: options.license ?? "MIT",
    kind: "molstep",
    counts: "heavyAtoms",
    space,
    schedule: RUN_SCHEDULE,
    denoiser: {
      type: "pair-attention",
      width,
      blocks,
      ...estimates && { estimates },
      ...frequency && { frequency },
      ...conditions && { conditions },
      ...graphGiven && { graph: true },
      file: DENOISER_FILE,
    },
    autoencoder: {
      type: "heavy-atom",
      classes: of.classes.map((kind): [number, number, number?] => [...kind]),
      scale: ANGSTROM,
      oneHot: ONE_HOT,
      decoding: "valence",
      ...formOf(settings),
    },
    chemistry: of.chemistry,
    dataSet: of.dataSet,
    sizes,
    coupling: settings.coupling,
    ...latents,
    ...(options.recommended ? { recommended: options.recommended } : {}),
    training: {
      ...trainingFacts(options, of),
      settings,
      ...await stageFacts(folder, checkpoint, settings.batch, options),
    },
  };
  await writeModel(to, card, new Map([[DENOISER_FILE, weights]]), options);
  return card;
}
