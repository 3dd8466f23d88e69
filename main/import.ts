/** molstep import */
import { z } from "zod";
import { importCheckpoint } from "../model/models/import/import.ts";
import { command } from "./command.ts";
import { shippedModels } from "./models.ts";
import { option } from "./options.ts";

const path = () => z.string().min(1);

/** Released checkpoints. */
export const importCommand = command({
  summary: "Makes a model of a released GeoLDM or EDM checkpoint. Files are read without running anything in them.",
  options: {
    weights: option("FILE", "the weights, such as generative_model_ema.npy", path()),
    args: option("FILE", "the arguments, args.pickle", path()),
    "autoencoder-args": option("FILE", "the autoencoder's args.pickle, where it was trained apart", path().optional()),
    name: option("NAME", "the model's name", path()),
    to: option("FOLDER", "the folder of models (default weights)", path().default(shippedModels())),
    dtype: option("TYPE", "F32 or F16: numbers on disk (default F32)", z.enum(["F32", "F16"]).default("F32")),
    license: option("TEXT", "the licence that the card names", z.string().optional()),
  },
  async run({ "autoencoder-args": autoencoderArgs, ...options }, { error }) {
    error(`${await importCheckpoint({ ...options, autoencoderArgs })}\n`);
    return 0;
  },
});
