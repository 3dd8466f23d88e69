/** molstep train */
import { z } from "zod";
import { runTraining } from "../model/training/run.ts";
import { TRAINERS } from "../model/training/open_learner.ts";
import { command } from "./command.ts";
import { flag, option, positive, UsageError, whole } from "./options.ts";

/** Our own model on QM9. */
export const trainCommand = command({
  summary: "Trains a model on QM9, or goes on training one. Survives being killed: --resume goes on exactly.",
  options: {
    name: option("NAME", "the model's name (default qm9)", z.string().default("qm9")),
    minutes: option("N", "minutes of training, over all resumes", positive().optional()),
    updates: option("N", "updates, over all resumes; --minutes or --updates is needed", whole(1).optional()),
    resume: flag("go on from the folder's checkpoint"),
    folder: option(
      "FOLDER",
      "where checkpoints, losses and the learning curve go (default runs/NAME)",
      z.string().optional(),
    ),
    data: option("FOLDER", "QM9 in compact form (default: where it is found)", z.string().optional()),
    width: option("N", "channels of a node, a multiple of 16 (default 192)", whole(16).optional()),
    blocks: option("N", "blocks (default 6)", whole(1, 64).optional()),
    batch: option("N", "molecules an update (default 128)", whole(1).optional()),
    seed: option("N", "seed of weights, batches and noise (default 1)", whole(0, 0xffffffff).optional()),
    muon: option("RATE", "Muon's learning rate (default 0.02)", positive().optional()),
    adamw: option("RATE", "AdamW's learning rate (default 0.002)", positive().optional()),
    backend: option("NAME", `${TRAINERS.join(", ")} (default auto)`, z.enum(TRAINERS).default("auto")),
    threads: option("N", "threads of the native engine (default: all cores)", whole(1, 64).optional()),
  },
  async run({ name, data, ...options }, { error, interactive, signal }) {
    if (!options.minutes && !options.updates) throw new UsageError("--minutes or --updates is needed");
    const { folder } = await runTraining({
      ...options,
      modelName: name,
      qm9: data,
      write: error,
      terminal: interactive,
      signal,
    });
    error(`checkpoint, losses.csv and learning_curve.svg are in ${folder}\n`);
    return signal.aborted ? 130 : 0;
  },
});
