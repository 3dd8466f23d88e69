/** molstep tune */
import { z } from "zod";
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator } from "../chem/validator.ts";
import { DECODINGS } from "../model/decodings.ts";
import { findReference } from "../model/evaluate_reference.ts";
import { loadModel } from "../model/load.ts";
import { SAMPLERS } from "../model/settings.ts";
import { CANDIDATES, recommend, tune } from "../model/tune.ts";
import { command } from "./command.ts";
import { samplingOptions } from "./generate.ts";
import { dataFolder, findModel } from "./models.ts";
import { flag, option, whole } from "./options.ts";

const list = <T extends z.ZodType<unknown, string>>(each: T) =>
  z.string().transform((text) => text.split(",").map((part) => part.trim())).pipe(z.array(each).min(1));

/** The samplers and grids compared. */
export const tuneCommand = command({
  summary: "Compares samplers and grids at some numbers of steps, and can enter the best in the model's card.",
  options: {
    model: samplingOptions.model,
    steps: option("N,N", "numbers of steps (default 8,16,32,64,128)", list(whole(1, 1000)).prefault("8,16,32,64,128")),
    samplers: option("NAMES", `of ${SAMPLERS.join(", ")} (default: all)`, list(z.enum(SAMPLERS)).optional()),
    clamps: option(
      "T,T",
      "times below which estimates are clamped to valence, each tried (default 0,0.2,0.4)",
      list(z.string().transform(Number).pipe(z.number().min(0).max(1))).prefault("0,0.2,0.4"),
    ),
    count: option("N", "molecules for each candidate (default 500)", whole(1).default(500)),
    seed: option("N", "not the one that published rows use (default 7)", whole(0, 0xffffffff).default(7)),
    decoding: option("NAME", `${DECODINGS.join(" or ")} (default argmax)`, z.enum(DECODINGS).default("argmax")),
    backend: samplingOptions.backend,
    threads: samplingOptions.threads,
    batch: option("N", "most molecules sampled together (default 256)", whole(1, 4096).default(256)),
    record: flag("enter the best of each number of steps in the card"),
  },
  async run({ steps, samplers, clamps, count, seed, decoding, record, ...values }, { out, signal, environment }) {
    const entry = await findModel(values.model, undefined, dataFolder(environment)), { folder } = entry;
    const [model, rdkit, reference] = await Promise.all([
      loadModel(entry, values),
      createRdkit(),
      findReference([folder]),
    ]);
    const percent = (value: number) => (100 * value).toFixed(1).padStart(6);
    try {
      out("steps sampler       grid, options, clamp             stable  valid  v x u  conn.  lengths  angles\n");
      for (const each of steps) {
        const tried = await tune(model, {
          steps: each,
          count,
          seed,
          decoding,
          clamps,
          reference,
          signal,
          validate: createValidator(rdkit),
          candidates: CANDIDATES.filter(({ sampler }) => !samplers || samplers.includes(sampler)),
          onTried: (one) => {
            const grid = one.grid.type === "power" ? `t^${one.grid.rho}` : one.grid.type;
            const rates = [one.moleculeStability, one.validity, one.validUnique, one.connected];
            out(
              `${String(each).padStart(5)} ${one.sampler.padEnd(13)} ` +
                `${`${grid} ${JSON.stringify(one.options)} ${one.clamp}`.padEnd(32)} ${
                  rates.map((r) => percent(r.value)).join(" ")
                } ` +
                `${one.bondLengths?.toFixed(4) ?? "-"} ${one.bondAngles?.toFixed(2).padStart(7) ?? "-"}\n`,
            );
          },
        });
        if (record) await recommend(folder, tried[0]);
      }
      return 0;
    } finally {
      model.dispose();
    }
  },
});
