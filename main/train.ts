/** molstep train */
import { z } from "zod";
import { THREADS_MAX } from "../model/engines/c/constants.ts";
import { DEFAULT_DATA_SET } from "../chem/data_sets.ts";
import { PROPERTY_NAMES } from "../chem/properties.ts";
import { type BackendChoice, BACKENDS } from "../model/engines/tensorflow/types.ts";
import { COUPLINGS } from "../model/diffusion/coupling/align.ts";
import { exportRun } from "../model/training/atom_export.ts";
import { runAtomTraining } from "../model/training/atom_run.ts";
import { TRAINERS } from "../model/engines/open_learner.ts";
import { runTraining } from "../model/training/run.ts";
import { HYDROGEN_CHOICES } from "../model/networks/heavy_atom/space.ts";
import { focusSpec, lossSpec, runSettings } from "../model/training/settings.ts";
import { command } from "./command.ts";
import { flag, given, list, object, option, positive, UsageError, whole } from "./options.ts";
import { trainingPrecision } from "./sampling_options.ts";

/** The model's name where nobody says. */
const DEFAULT_NAME = runSettings.parse({}).model;

/** Our own model on QM9, or GeoLDM or EDM. */
export const trainCommand = command({
  summary:
    "Trains a model on a data set (QM9), or goes on training one. Survives being killed: --resume goes on exactly.",
  options: {
    name: option("NAME", `the model's name (default ${DEFAULT_NAME}, or the resumed run's)`, z.string().optional()),
    kind: option(
      "KIND",
      "molstep (default), geoldm (an autoencoder, then its latents) or edm",
      z.enum(["molstep", "geoldm", "edm"]).default("molstep"),
    ),
    minutes: option("N", "minutes of training, over all resumes", positive().optional()),
    updates: option("N", "updates, over all resumes; --minutes or --updates is needed", whole(1).optional()),
    resume: flag("go on from the folder's checkpoint"),
    folder: option(
      "FOLDER",
      "where checkpoints, losses and the learning curve go (default runs/NAME)",
      z.string().optional(),
    ),
    data: option(
      "NAME",
      `what to train on: ${DEFAULT_DATA_SET}, a set that \`deno task data\` made, by its name, or the folder of either (default ${DEFAULT_DATA_SET}, or the resumed run's)`,
      z.string().min(1).optional(),
    ),
    width: option("N", "channels of a node (default 192, a multiple of 16; geoldm and edm 256)", whole(1).optional()),
    blocks: option("N", "blocks (default 6; geoldm and edm 9)", whole(1, 64).optional()),
    estimates: flag("pairs are told the distances of the network's own estimate on the way; molstep only"),
    batch: option("N", "molecules an update (default 128; geoldm and edm 64)", whole(1).optional()),
    seed: option("N", "seed of weights, batches and noise (default 1)", whole(0, 0xffffffff).optional()),
    muon: option("RATE", "Muon's learning rate (default 0.02)", positive().optional()),
    adamw: option("RATE", "AdamW's learning rate (default 0.002; geoldm and edm 0.0002)", positive().optional()),
    cooldown: option(
      "SHARE",
      "the last share of the run, 0 to 1, over which the rates fall (default 1; geoldm and edm 0.3)",
      z.coerce.number().min(0).max(1).optional(),
    ),
    coupling: option(
      "NAME",
      `how molecules and noise are paired: ${COUPLINGS.join(", ")} (default aligned; geoldm and edm independent)`,
      z.enum(COUPLINGS).optional(),
    ),
    focus: option(
      "JSON",
      'draws more of the times where few-step samplers ask: {"first": 0, "last": 8, "share": 0.8}, log-SNRs (default: none)',
      object().pipe(focusSpec).optional(),
    ),
    loss: option(
      "JSON",
      'other weights of the loss\' parts: {"positionCap": 2500, "classShare": 0.5} are the default',
      object().pipe(lossSpec).optional(),
    ),
    frequency: option("W", "the highest frequency of the time's features (default 192)", positive().optional()),
    conditions: option(
      "NAMES",
      `properties that molecules can then be asked to have, set apart by commas: ${
        PROPERTY_NAMES.join(", ")
      }; it learns from half of QM9's training split (docs/conditions.md)`,
      list(z.enum(PROPERTY_NAMES)).optional(),
    ),
    aromatic: flag("aromatic bonds are an order of their own in the latent"),
    neutral: flag("molecules are neutral on the whole: others of the data are left out, and drawn ones are sought so"),
    hydrogen: option(
      "NAME",
      `which of an atom's hydrogens the latent names: ${HYDROGEN_CHOICES.join(", ")} (default random)`,
      z.enum(HYDROGEN_CHOICES).optional(),
    ),
    "u-dropout": option(
      "SHARE",
      "share of the molecules, 0 to 0.5, from which the direction of that hydrogen is withheld (default 0)",
      z.coerce.number().min(0).max(0.5).optional(),
    ),
    "u-dropout-from": option(
      "LOGSNR",
      "the log-SNR from which --u-dropout withholds it, -20 to 20 (default: at all times)",
      z.coerce.number().min(-20).max(20).optional(),
    ),
    "graph-given": option(
      "SHARE",
      "share of the molecules, 0 to 0.9, whose graph is given, so that the network also draws conformers of a known molecule (default 0; docs/conformers.md)",
      z.coerce.number().gt(0).max(0.9).optional(),
    ),
    perturb: option(
      "SPREAD",
      "noise that the inputs' positions and directions get beside their own, 0 to 1 of its spread (default 0)",
      z.coerce.number().min(0).max(1).optional(),
    ),
    from: option(
      "FILE",
      "weights (safetensors) of the same network to begin with, or of one with other blocks or, by the card beside it, classes, or without --estimates or --aromatic",
      z.string().optional(),
    ),
    export: option("FOLDER", "writes the trained model there: weights/NAME, say", z.string().optional()),
    packed: flag("with --export: matrices of 12 bits in place of 16-bit floats"),
    backend: option("NAME", `${TRAINERS.join(", ")} (default auto)`, z.enum(TRAINERS).default("auto")),
    threads: option("N", "threads of the native engine (default: all cores)", whole(1, THREADS_MAX).optional()),
    precision: trainingPrecision,
  },
  async run(
    {
      name,
      kind,
      data,
      "u-dropout": uDropout,
      "u-dropout-from": uDropoutFrom,
      "graph-given": graphGiven,
      export: to,
      packed,
      ...options
    },
    { error, interactive, signal },
  ) {
    if (!options.minutes && !options.updates) throw new UsageError("--minutes or --updates must be given; got neither");
    if (packed && !to) throw new UsageError("--packed is for --export, which must be given; got --packed alone");
    const out = { write: error, terminal: interactive, signal },
      folder = options.folder ?? `runs/${name ?? DEFAULT_NAME}`;
    if (kind === "molstep") {
      await runTraining({
        ...options,
        estimates: options.estimates || undefined,
        aromatic: options.aromatic || undefined,
        neutral: options.neutral || undefined,
        uDropout,
        uDropoutFrom,
        graphGiven,
        folder,
        modelName: name,
        data,
        ...out,
      });
    } else {
      const {
        minutes,
        updates,
        resume,
        backend,
        threads: _,
        muon,
        folder: __,
        from,
        focus,
        loss,
        estimates,
        precision,
        frequency,
        aromatic,
        neutral,
        hydrogen,
        perturb,
        conditions,
        ...settings
      } = options;
      if (muon !== undefined) throw new UsageError(`--muon is not for ${kind}, which AdamW trains`);
      if (from !== undefined) throw new UsageError(`--from is not for ${kind}: it begins with random weights`);
      if (estimates) throw new UsageError(`--estimates is not for ${kind}, which has no pairs`);
      const forms = {
        frequency,
        aromatic,
        neutral,
        hydrogen,
        "u-dropout": uDropout,
        "u-dropout-from": uDropoutFrom,
        "graph-given": graphGiven,
        perturb,
        conditions,
      };
      for (const [option, value] of Object.entries(forms)) {
        if (value) throw new UsageError(`--${option} is not for ${kind}, whose latents are of atoms`);
      }
      if (focus !== undefined) throw new UsageError(`--focus is not for ${kind}, whose times are uniform`);
      if (loss !== undefined) throw new UsageError(`--loss is not for ${kind}, whose loss has no such parts`);
      if (precision !== undefined && precision !== "auto" && precision !== "f32") {
        throw new UsageError(
          `the precision of ${kind}, which TensorFlow.js trains, must be auto or f32; got ${precision}`,
        );
      }
      if (!["auto", ...BACKENDS].includes(backend)) {
        throw new UsageError(`the backend of ${kind} must be auto, ${BACKENDS.join(", ")}; got ${backend}`);
      }
      const where = { folder, minutes, updates, resume, backend: backend as BackendChoice, data };
      await runAtomTraining({ kind, model: name ?? DEFAULT_NAME, ...given(settings) }, { ...where, ...out });
    }
    error(`checkpoints, losses.csv and learning_curve.svg are in ${folder}\n`);
    if (signal.aborted) return 130;
    if (to) {
      await exportRun(folder, to, { packed });
      error(`the model is in ${to}\n`);
    }
    return 0;
  },
});
