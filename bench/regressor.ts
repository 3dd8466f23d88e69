/**
 * `deno task regressor`: trains the regressor that judges conditional models by the properties of what they draw, on its half of QM9's training split.
 */
import { z } from "zod";
import { TRAINERS } from "../model/engines/open_learner.ts";
import { runRegressor } from "../model/training/regressor/run.ts";
import { flag, option, positive, readOptions, whole } from "../main/options.ts";
import { runProgram } from "./program.ts";

const OPTIONS = {
  folder: option(
    "FOLDER",
    "where checkpoints, losses and the regressor go (default runs/regressor)",
    z.string().default("runs/regressor"),
  ),
  minutes: option("N", "minutes of training, over all resumes", positive().optional()),
  updates: option("N", "updates, over all resumes", whole(1).optional()),
  resume: flag("go on from the folder's checkpoint"),
  from: option("FOLDER", "begin with the weights of a regressor of the same size", z.string().optional()),
  width: option("N", "channels of a node (default 128)", whole(16).optional()),
  blocks: option("N", "blocks (default 5)", whole(1).optional()),
  batch: option("N", "molecules an update (default 64)", whole(1).optional()),
  seed: option("N", "(default 1)", whole(0, 0xffffffff).optional()),
  muon: option("RATE", "Muon's learning rate (default 0.02)", positive().optional()),
  adamw: option("RATE", "AdamW's learning rate (default 0.002)", positive().optional()),
  "validate-seconds": option("N", "seconds between measurements (default 180)", positive().optional()),
  backend: option("NAME", `${TRAINERS.join(", ")} (default auto)`, z.enum(TRAINERS).default("auto")),
  threads: option("N", "(default: all cores)", whole(1).optional()),
};

async function main(args: string[]): Promise<void> {
  const { "validate-seconds": validateSeconds, ...options } = readOptions(args, OPTIONS);
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, () => stop.abort());
  const write = (text: string) => void Deno.stderr.writeSync(new TextEncoder().encode(text));
  await runRegressor({ ...options, validateSeconds, write, terminal: Deno.stderr.isTerminal(), signal: stop.signal });
}

if (import.meta.main) await runProgram(main);
