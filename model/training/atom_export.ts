/** From a run of GeoLDM or EDM to a model's folder. */
import { QM9_ELEMENTS } from "../../chem/qm9.ts";
import type { CardInput } from "../models/card.ts";
import { egnnDenoiserParameters } from "../networks/egnn_denoiser.ts";
import { geoldmParameters } from "../networks/geoldm/networks.ts";
import type { WritableTensor } from "../diffusion/safetensors.ts";
import {
  ATOM_SCHEDULE,
  atomSettings,
  atomSpace,
  autoencoderSizes,
  denoiserSizes,
  NORMALISERS,
} from "./atom_settings.ts";
import { type Checkpoint, loadCheckpoint } from "./checkpoint.ts";
import {
  averagedWeights,
  DENOISER_FILE,
  exportModel,
  type ExportOptions,
  readMoments,
  stageFacts,
  trainingFacts,
  writeModel,
} from "./export.ts";

/** File of the autoencoder's weights in a model's folder. */
const AUTOENCODER_FILE = "autoencoder.safetensors";

async function checkpointOf(folder: string): Promise<Checkpoint> {
  const checkpoint = await loadCheckpoint(folder);
  if (!checkpoint) throw new RangeError(`${folder} holds no checkpoint of a run`);
  return checkpoint;
}

/**
 * Writes `card.json`, `denoiser.safetensors` and, for GeoLDM, `autoencoder.safetensors` into the folder `to`.
 *
 * @param folder the run's, which holds `denoiser/` and, for GeoLDM, `autoencoder/`
 * @throws RangeError where a checkpoint is missing or of another kind of run; TypeError where the card is unsound
 */
export async function exportAtomModel(folder: string, to: string, options: ExportOptions = {}): Promise<CardInput> {
  const at = `${folder}/denoiser`, checkpoint = await checkpointOf(at);
  const { schedule: _, sizes, ...rest } = JSON.parse(checkpoint.settings);
  const settings = atomSettings.parse(rest), space = atomSpace(settings), denoiser = denoiserSizes(settings);
  const files = new Map<string, ReadonlyMap<string, WritableTensor>>([
    [DENOISER_FILE, averagedWeights(at, checkpoint, egnnDenoiserParameters(space, denoiser))],
  ]);
  const training: Record<string, unknown> = {
    ...trainingFacts(options),
    settings,
    ...await stageFacts(at, checkpoint, settings.batch, options),
  };
  let autoencoder: CardInput["autoencoder"];
  if (settings.kind === "geoldm") {
    const before = `${folder}/autoencoder`, first = await checkpointOf(before), ofIt = autoencoderSizes(settings);
    files.set(AUTOENCODER_FILE, averagedWeights(before, first, geoldmParameters(ofIt)));
    autoencoder = {
      type: "geoldm",
      ...ofIt,
      elements: [...QM9_ELEMENTS],
      normalisers: NORMALISERS,
      klWeight: settings.klWeight,
      file: AUTOENCODER_FILE,
    };
    training.autoencoder = await stageFacts(before, first, settings.batch, options);
  } else {autoencoder = {
      type: "identity",
      elements: [...QM9_ELEMENTS],
      includeCharges: true,
      normalisers: NORMALISERS,
    };}
  const card: CardInput = {
    name: settings.model,
    version: options.version ?? "1",
    description: options.description ?? `${settings.kind === "geoldm" ? "GeoLDM" : "EDM"} trained on QM9.`,
    license: options.license ?? "MIT",
    kind: settings.kind,
    counts: "atoms",
    space,
    schedule: ATOM_SCHEDULE,
    denoiser: { type: "egnn", ...denoiser, file: DENOISER_FILE },
    autoencoder,
    sizes,
    coupling: settings.coupling,
    ...await readMoments(at),
    ...(options.recommended ? { recommended: options.recommended } : {}),
    training,
  };
  await writeModel(to, card, files, options);
  return card;
}

/** Exports a run of any kind: `denoiser/` in its folder tells one of GeoLDM or EDM. See the exports of each. */
export async function exportRun(folder: string, to: string, options: ExportOptions = {}): Promise<CardInput> {
  const ofAtoms = await Deno.stat(`${folder}/denoiser`).then(({ isDirectory }) => isDirectory, () => false);
  return await (ofAtoms ? exportAtomModel : exportModel)(folder, to, options);
}
