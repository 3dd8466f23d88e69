/** Released checkpoints of GeoLDM and EDM to a model folder of ours. */
import { basename, join } from "node:path";
import { type CardInput, cardPath, parseCard, writeCard } from "../card.ts";
import { egnnDenoiserParameters } from "../../networks/egnn_denoiser.ts";
import { geoldmParameters, type GeoldmSizes } from "../../networks/geoldm/networks.ts";
import type { ParameterSpec } from "../../networks/pair_attention/parameters.ts";
import { writeSafetensors } from "../../diffusion/safetensors.ts";
import { makeSchedule } from "../../diffusion/schedules.ts";
import { conditionsOfArguments } from "./conditioning.ts";
import { type Arguments, dataSetOf, egnnOptions, parseArguments, scheduleOf } from "./arguments.ts";
import { type Collected, type StateDict, stateDict, takeEgnn, takeLinear } from "./names.ts";
import { readNamespace } from "./namespace.ts";
import { readTorchState } from "./torch_file.ts";
import { checkFinite } from "../../diffusion/finite.ts";
import { sha256Of, withDigests } from "../weights.ts";

/** What to import, and to where. */
export interface ImportOptions {
  /** The weights, for instance `generative_model_ema.npy`: a state dict that torch.save wrote. */
  readonly weights: string;
  /** `args.pickle`. */
  readonly args: string;
  /** The autoencoder's own `args.pickle` where it was trained apart (GeoLDM's `--ae_path`). */
  readonly autoencoderArgs?: string;
  /** The model's name. */
  readonly name: string;
  /** The folder of models; the model's own will be `<to>/<name>`, which must not exist. */
  readonly to: string;
  /** Numbers on disk. Default F32. */
  readonly dtype?: "F32" | "F16";
  /** For the card. */
  readonly license?: string;
}

/** Refuses parameters of other shapes than the network has. */
function checkShapes(collected: Collected, specs: readonly ParameterSpec[], part: string): void {
  for (const { name, shape } of specs) {
    const found = collected.get(name)?.shape;
    if (found?.join() !== shape.join()) {
      throw new RangeError(
        `the ${part}'s ${name} should be [${shape}] by its arguments; it is [${found ?? "missing"}]`,
      );
    }
  }
}

/** Refuses a checkpoint whose schedule, stored as gamma = -log SNR, is not the one that the card will name. */
function checkSchedule(data: Float32Array, args: Arguments): void {
  const schedule = makeSchedule(scheduleOf(args)), T = args.diffusion_steps;
  if (data.length !== T + 1) throw new RangeError(`gamma.gamma must have ${T + 1} values; got ${data.length}`);
  data.forEach((gamma, i) => {
    const own = -schedule(i / T).logSnr;
    if (!(Math.abs(gamma - own) <= 1e-3 * Math.max(1, Math.abs(own)))) {
      throw new RangeError(
        `the checkpoint's gamma at step ${i} of ${T} must be ${own}, as its arguments have it; got ${gamma}`,
      );
    }
  });
}

/** The autoencoder's part of the card, and its parameters. */
function takeAutoencoder(state: StateDict, args: Arguments, { elements, conditions }: {
  readonly elements: number[];
  readonly conditions?: GeoldmSizes["conditions"];
}, file: string) {
  if (args.latent_nf === undefined) throw new RangeError("the arguments lack latent_nf, which GeoLDM's models have");
  const sizes: GeoldmSizes = {
    ...egnnOptions(args),
    encoderBlocks: 1,
    decoderBlocks: args.n_layers,
    elements,
    includeCharges: args.include_charges,
    latentScalars: args.latent_nf,
    ...(args.context_node_nf > 0 && { conditions }),
  };
  const parameters: Collected = new Map();
  takeEgnn(state, "vae.encoder.egnn.", parameters, "encoder.", { ...sizes, blocks: 1 });
  takeLinear(state, "vae.encoder.final_mlp.0", parameters, "encoder.final.0");
  takeLinear(state, "vae.encoder.final_mlp.2", parameters, "encoder.final.1");
  takeEgnn(state, "vae.decoder.egnn.", parameters, "decoder.", { ...sizes, blocks: args.n_layers });
  const { elements: _, conditions: told, ...rest } = sizes;
  const normalisers = args.normalize_factors as [number, number, number];
  const part = {
    type: "geoldm",
    ...rest,
    elements,
    normalisers,
    klWeight: args.kl_weight,
    file,
    ...(told && { told: true as const }),
  } as const;
  return { part, parameters, specs: geoldmParameters(sizes) };
}

/**
 * Reads a checkpoint of GeoLDM (weights below `vae.` and `dynamics.`) or EDM (`dynamics.` alone) and writes
 * `<to>/<name>` with card and weights.
 *
 * @returns the folder
 * @throws PickleError, SyntaxError for files that are damaged or hold anything but tensors and plain arguments;
 * TypeError, RangeError for models that cannot be run here, each saying why; Deno.errors.AlreadyExists
 */
export async function importCheckpoint(options: ImportOptions): Promise<string> {
  const { name, to, dtype = "F32" } = options, folder = join(to, name);
  const named = async <T>(path: string, read: (bytes: Uint8Array<ArrayBuffer>) => T): Promise<[T, string]> => {
    const bytes = await Deno.readFile(path);
    try {
      return [read(bytes), sha256Of(bytes)];
    } catch (error) {
      if (error instanceof Error) error.message = `${path}: ${error.message}`;
      throw error;
    }
  };
  const [args, argsHash] = await named(options.args, (bytes) => parseArguments(readNamespace(bytes)));
  const dataSet = dataSetOf(args), { elements } = dataSet; // before the weights, which may be large
  const conditions = args.conditioning.length > 0 ? conditionsOfArguments(args.conditioning, args) : undefined;
  const [{ tensors, entry }, weightsHash] = await named(options.weights, (bytes) => {
    const state = readTorchState(bytes);
    checkFinite(state.tensors, "the state dict");
    return state;
  });
  const state = stateDict(tensors), latent = state.has("vae.");
  const files = new Map<string, Collected>(), shapes: Parameters<typeof checkShapes>[] = [];
  let autoencoder: CardInput["autoencoder"], scalars: number;
  if (latent) {
    const own = options.autoencoderArgs
      ? (await named(options.autoencoderArgs, (bytes) => parseArguments(readNamespace(bytes))))[0]
      : args;
    if (own.conditioning.join() !== args.conditioning.join()) {
      const [wanted, given] = [args, own].map(({ conditioning }) => conditioning.join(", ") || "nothing");
      throw new RangeError(`the autoencoder must be told what the denoiser is, ${wanted}; its arguments have ${given}`);
    }
    const file = "autoencoder.safetensors";
    const { part, parameters, specs } = takeAutoencoder(state, own, { elements, conditions }, file);
    files.set(file, parameters);
    shapes.push([parameters, specs, "autoencoder"]);
    autoencoder = part, scalars = part.latentScalars;
  } else {
    const normalisers = args.normalize_factors as [number, number, number];
    autoencoder = { type: "identity", elements, includeCharges: args.include_charges, normalisers };
    scalars = elements.length + (args.include_charges ? 1 : 0);
  }
  const denoiser = {
    type: "egnn",
    ...egnnOptions(args),
    blocks: args.n_layers,
    conditionTime: args.condition_time,
    parametrisation: "eps",
    ...(conditions && { conditions }),
    file: "denoiser.safetensors",
  } as const;
  const parameters: Collected = new Map(), space = { vectors: 1, scalars, pairs: 0 };
  takeEgnn(state, "dynamics.egnn.", parameters, "", denoiser);
  shapes.push([parameters, egnnDenoiserParameters(space, denoiser), "denoiser"]);
  files.set("denoiser.safetensors", parameters);
  const { data: gamma } = state.take("gamma.gamma");
  state.refuseRest((key) => /(^|\.)buffer$/.test(key));
  for (const one of shapes) checkShapes(...one);
  checkSchedule(gamma, args);
  const kind = latent ? "geoldm" : "edm";
  const card: CardInput = {
    name,
    version: "1",
    description: `${conditions ? "conditional " : ""}${latent ? "GeoLDM" : "EDM"} on ${dataSet.label}, imported from ${
      basename(options.weights)
    }`,
    license: options.license ?? "as its authors say",
    kind,
    counts: "atoms",
    space,
    schedule: scheduleOf(args),
    denoiser,
    autoencoder,
    chemistry: dataSet.chemistry,
    dataSet: dataSet.name,
    sizes: dataSet.sizes,
    recommended: [{ steps: args.diffusion_steps, sampler: "ddpm" }],
    training: {
      imported: {
        weights: basename(options.weights),
        ...entry.length > 0 && { entry: entry.join(".") },
        sha256: weightsHash,
        arguments: argsHash,
      },
    },
  };
  parseCard(card, "the imported card");
  await writeFolder(folder, card, files, dtype);
  return folder;
}

/** All or nothing: written beside its place, then moved there. */
async function writeFolder(folder: string, card: CardInput, files: Map<string, Collected>, dtype: "F32" | "F16") {
  if (await Deno.stat(folder).then(() => true, () => false)) {
    throw new Deno.errors.AlreadyExists(`${folder} exists; remove it, or give the model another name`);
  }
  const draft = `${folder}.part`;
  await Deno.mkdir(draft, { recursive: true });
  try {
    const digests = new Map<string, string>();
    for (const [file, tensors] of files) {
      const bytes = writeSafetensors(tensors, { dtype, metadata: { model: card.name } });
      await Deno.writeFile(join(draft, file), bytes);
      digests.set(file, sha256Of(bytes));
    }
    const told = withDigests(card, (file) => digests.get(file));
    await writeCard(cardPath(draft), told);
    await Deno.rename(draft, folder);
  } catch (error) {
    await Deno.remove(draft, { recursive: true });
    throw error;
  }
}
