/** What a round of a GeoLDM or EDM model works with: its EGNN on TensorFlow.js, molecules through its own autoencoder. */
import { join } from "node:path";
import { findQm9, openQm9, type Qm9 } from "../../chem/qm9.ts";
import { openBackend } from "../backends/open.ts";
import type { Card } from "../card.ts";
import { makeAutoencoder, makeDenoiser, type PartOptions } from "../parts.ts";
import { readSafetensors, type StoredTensor } from "../safetensors.ts";
import { makeSchedule } from "../schedules.ts";
import type { Denoiser } from "../types.ts";
import { asStudent, latestTime, upTo } from "./egnn_latest.ts";
import { createEgnnLearner } from "./egnn_learner.ts";
import type { Named, RoundParts } from "./parts.ts";
import type { RoundOptions } from "./run.ts";
import type { RoundSettings } from "./settings.ts";
import type { LatentSource } from "./source.ts";
import { encodedSource } from "./sources/encoded.ts";
import { generatedSource } from "./sources/generated.ts";

/** Latents of the pool that is learned from, and of the one that the held-out loss is taken on. */
const POOL = 5000, HELD_OUT_POOL = 500;

/** What is settled before. */
export interface EgnnRound {
  readonly settings: RoundSettings;
  readonly options: RoundOptions;
  /** The teacher's weights, and its name. */
  readonly teacher: { readonly path: string; readonly name: string };
  readonly device: string;
}

/** QM9 where it is: as named, or where it is looked for. */
async function qm9Where(named: string | undefined): Promise<Qm9 | undefined> {
  if (named !== undefined) return await openQm9(named);
  const found = await findQm9().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  return found === undefined ? undefined : await openQm9(found);
}

/** Latents of QM9 where it is there, else those that the undistilled model draws; pools are kept in the round's folder. */
async function sourcesOf(
  { settings: { seed, batch, keep, to }, options: { model: { card }, folder, qm9, updates, signal } }: EgnnRound,
  { schedule, autoencoder }: Pick<RoundParts, "schedule" | "autoencoder">,
  undistilled: () => Promise<Denoiser>,
): Promise<Pick<RoundParts, "source" | "heldOut">> {
  const count = updates === undefined ? POOL : Math.min(POOL, Math.max(to, ...keep, 2 * updates * batch));
  const held = Math.min(HELD_OUT_POOL, count), data = await qm9Where(qm9), key = `${card.name} ${card.version}`;
  const paths = [join(folder, "pool.safetensors"), join(folder, "held_out.safetensors")];
  await Deno.mkdir(folder, { recursive: true });
  const pair = ([source, heldOut]: LatentSource[]) => ({ source, heldOut });
  if (data) {
    const supply = (path: string, words: "train" | "valid", count: number, oneSize: boolean) => {
      const what = { autoencoder, data, rows: data.split[words], count, seed, oneSize, ...(signal && { signal }) };
      return encodedSource(path, `${key}, QM9 ${words}`, what);
    };
    return pair([await supply(paths[0], "train", count, true), await supply(paths[1], "valid", held, false)]);
  }
  const model = { card, schedule, autoencoder, batch: 64, denoiser: undistilled };
  const supply = (path: string, seed: number, count: number, oneSize: boolean) =>
    generatedSource(path, key, { model, seed, count, oneSize, ...(signal && { signal }) });
  return pair([await supply(paths[0], seed, count, true), await supply(paths[1], seed + 1, held, false)]);
}

/**
 * Opens everything. A student that starts as its teacher keeps its parametrisation; one of `knowledge` starts from
 * nothing, and predicts a velocity.
 *
 * @throws RangeError for a method or size that an EGNN has not; Error where the backend named does not work here
 */
export async function openEgnnParts(round: EgnnRound): Promise<RoundParts> {
  const { settings, options, teacher: { path, name }, device } = round, { card, folder } = options.model;
  const { denoiser: part, space } = card, { backend: choice = "auto" } = options;
  if (part.type !== "egnn") throw new RangeError(`the denoiser of ${card.name} is ${part.type}; an EGNN is asked for`);
  if (settings.method === "moments") throw new RangeError("moments teaches pair attention only; an EGNN is asked for");
  if (settings.keep.length > 0) throw new RangeError("an EGNN is not told its number of steps: it keeps no others");
  if (choice === "native") throw new RangeError("the native engine trains pair attention only; an EGNN is asked for");
  const tensors = readSafetensors(await Deno.readFile(path)), schedule = makeSchedule(card.schedule);
  const { tf, name: backend, why } = await openBackend(choice), knowledge = settings.method === "knowledge";
  const { width = Math.max(16, part.width / 32 * 16), blocks = part.blocks } = settings;
  const network = knowledge ? { ...part, width, blocks, parametrisation: "v" as const } : part;
  const place: PartOptions = { choice: backend, openTensors: () => Promise.resolve({ tf, name: backend, why }) };
  const open = async (tensors: Named, denoiser: Card["denoiser"]) => {
    const stored = new Map(
      [...tensors].map((
        [key, { shape, data }],
      ): [string, StoredTensor] => [key, { shape: [...shape], data, dtype: "F32" }]),
    );
    return (await makeDenoiser({ space, denoiser }, stored, schedule, place)).part;
  };
  const learner = createEgnnLearner(tf, backend, {
    space,
    sizes: network,
    schedule,
    seed: settings.seed,
    ...(knowledge ? {} : { values: tensors }),
  });
  const denoiser = upTo(latestTime(part.parametrisation, schedule), await open(tensors, part));
  const file = "file" in card.autoencoder ? card.autoencoder.file : undefined;
  const ofAutoencoder = file === undefined ? undefined : readSafetensors(await Deno.readFile(join(folder, file)));
  const autoencoder = await makeAutoencoder(card, ofAutoencoder, place);
  const drawing: Denoiser[] = [];
  const undistilled = async () => {
    const tensors = readSafetensors(await Deno.readFile(join(folder, part.file)));
    const denoiser = await open(tensors, part);
    drawing.push(denoiser);
    return denoiser;
  };
  const sources = await sourcesOf(round, { schedule, autoencoder }, undistilled);
  for (const one of drawing) one.dispose();
  const studentWeights = async () => {
    const { tensors } = await learner.state(), prefix = "ema/";
    return new Map(
      [...tensors].flatMap(([key, tensor]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), tensor] as const] : []
      ),
    );
  };
  return {
    schedule,
    autoencoder,
    teacher: { denoiser, name },
    learner,
    auxiliary: undefined,
    why,
    device,
    ...sources,
    network,
    levels: 0,
    studentWeights,
    async studentDenoiser() {
      const student = { ...network, file: part.file };
      return asStudent({ denoiser: student }, schedule, await open(await studentWeights(), student));
    },
    dispose() {
      learner.dispose();
      denoiser.dispose();
      autoencoder.dispose();
    },
  };
}
