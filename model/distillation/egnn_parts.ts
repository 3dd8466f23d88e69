/** What a round of a GeoLDM or EDM model works with: its EGNN on TensorFlow.js, molecules through its own autoencoder. */
import { openIfThere } from "../../chem/data_sets.ts";
import { join } from "node:path";
import { openBackend } from "../engines/tensorflow/open.ts";
import type { Card } from "../models/card.ts";
import { makeAutoencoder, makeDenoiser } from "../models/parts.ts";
import { readWeights } from "../models/weights.ts";
import { type PartOptions } from "../engines/placing.ts";
import type { StoredTensor } from "../diffusion/safetensors.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import { averagesOf } from "../diffusion/learner.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import { asStudent, latestTime, upTo } from "../models/egnn_latest.ts";
import { createEgnnLearner } from "./egnn_learner.ts";
import type { Named, RoundParts } from "./round.ts";
import type { RoundOptions } from "./round.ts";
import { methodOf } from "./methods/mod.ts";
import type { RoundSettings } from "./settings.ts";
import { encodedSource } from "./sources/encoded.ts";
import { generatedSupplies, poolsOf, type Supplies } from "./sources/where.ts";

/** What is settled before. */
export interface EgnnRound {
  readonly settings: RoundSettings;
  readonly options: RoundOptions;
  /** The teacher's weights, and its name. */
  readonly teacher: { readonly path: string; readonly sha256?: string; readonly name: string };
  readonly device: string;
}

/** Latents of the model's data set where it is there, else those that the undistilled model draws; pools are kept in the round's folder. */
async function sourcesOf(
  { settings, options }: EgnnRound,
  { schedule, autoencoder }: Pick<RoundParts, "schedule" | "autoencoder">,
  undistilled: () => Promise<Denoiser>,
): Promise<Supplies> {
  const { model: { card }, signal } = options,
    { seed } = settings,
    data = await openIfThere(card.dataSet, options.data);
  if (!data) {
    const model = { card, schedule, autoencoder, batch: 64, denoiser: undistilled };
    return await generatedSupplies(model, settings, options, { oneSize: true });
  }
  const pools = poolsOf(settings, options);
  await Deno.mkdir(options.folder, { recursive: true });
  const supply = ({ path, count }: { path: string; count: number }, words: "train" | "valid", oneSize: boolean) => {
    const what = { autoencoder, data, rows: data.split[words], count, seed, oneSize, ...(signal && { signal }) };
    return encodedSource(path, `${card.name} ${card.version}, ${data.label} ${words}`, what);
  };
  return { source: await supply(pools.source, "train", true), heldOut: await supply(pools.heldOut, "valid", false) };
}

/**
 * Opens everything. A student that starts as its teacher keeps its parametrisation; one of a size of its own starts from
 * nothing, and predicts a velocity.
 *
 * @throws RangeError for a method or size that an EGNN has not; Error where the backend named does not work here
 */
export async function openEgnnParts(round: EgnnRound): Promise<RoundParts> {
  const { settings, options, teacher: { path, sha256, name }, device } = round, { card, folder } = options.model;
  const { denoiser: part, space } = card, { backend: choice = "auto" } = options;
  if (part.type !== "egnn") throw new RangeError(`the denoiser of ${card.name} is ${part.type}; an EGNN is asked for`);
  if (choice === "native") throw new RangeError("the native engine trains pair attention only; an EGNN is asked for");
  const tensors = await readWeights(path, sha256), schedule = makeSchedule(card.schedule);
  const { tf, name: backend, why } = await openBackend(choice), fresh = methodOf(settings.method).makes === "model";
  const { width = Math.max(16, part.width / 32 * 16), blocks = part.blocks } = settings;
  const network = fresh ? { ...part, width, blocks, parametrisation: "v" as const } : part;
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
    ...(fresh ? {} : { values: tensors }),
  });
  const denoiser = upTo(latestTime(part.parametrisation, schedule), schedule, await open(tensors, part));
  const own = "file" in card.autoencoder ? card.autoencoder : undefined;
  const ofAutoencoder = own && await readWeights(join(folder, own.file), own.sha256);
  const autoencoder = await makeAutoencoder(card, ofAutoencoder, place);
  const drawing: Denoiser[] = [];
  const undistilled = async () => {
    const tensors = await readWeights(join(folder, part.file), part.sha256);
    const denoiser = await open(tensors, part);
    drawing.push(denoiser);
    return denoiser;
  };
  const sources = await sourcesOf(round, { schedule, autoencoder }, undistilled);
  for (const one of drawing) one.dispose();
  const studentWeights = async () => averagesOf(await learner.state());
  return {
    card,
    schedule,
    coupling: card.coupling,
    autoencoder,
    teacher: { denoiser, name },
    beginning: denoiser,
    learner,
    kept: [],
    auxiliaries: {},
    why,
    device,
    ...sources,
    network,
    told: { levels: 0 },
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
