/** molstep export */
import { z } from "zod";
import { exportRun } from "../model/training/atom_export.ts";
import { command } from "./command.ts";
import { flag, option } from "./options.ts";

/** A training run as a model. */
export const exportCommand = command({
  summary: "Makes a model of a training run: the averaged weights, and a card.",
  options: {
    folder: option("FOLDER", "the run's folder (default runs/qm9)", z.string().min(1).default("runs/qm9")),
    to: option(
      "FOLDER",
      "the model's folder, named as the model (default weights/qm9)",
      z.string().min(1).default("weights/qm9"),
    ),
    packed: flag("matrices of 12 bits in place of 16-bit floats: a file of three quarters the size, about as exact"),
    description: option("TEXT", "for the card", z.string().optional()),
    version: option("TEXT", "for the card (default 1)", z.string().optional()),
    before: option("TEXT", "how the weights that the run began with were made, for the card", z.string().optional()),
    hardware: option("TEXT", "what it was trained on, for the card", z.string().optional()),
    data: option("TEXT", "what data it was trained on, for the card", z.string().optional()),
  },
  async run({ folder, to, ...options }, { error }) {
    const { name } = await exportRun(folder, to, options);
    error(`${name} is in ${to}\n`);
    return 0;
  },
});
