/** molstep tune */
import { z } from "zod";
import { columnGroups, type Composition } from "../chem/composition.ts";
import { createRdkit } from "../chem/rdkit.ts";
import { bondsOf } from "../chem/bonds.ts";
import { CHEMISTRIES } from "../chem/chemistry.ts";
import { fitsMolblock, molblock, sdfRecord } from "../chem/sdf.ts";
import { createValidator } from "../chem/validator.ts";
import { createValidatorPool } from "../chem/validator_pool.ts";
import { DECODINGS } from "../model/diffusion/decodings.ts";
import { findReference } from "../model/evaluation/evaluate_reference.ts";
import { loadModel } from "../model/models/load.ts";
import { type GridSpec, gridText } from "../model/diffusion/grids.ts";
import { autoguidanceSpec } from "../model/networks/heavy_atom/autoguide.ts";
import { SAMPLERS } from "../model/diffusion/samplers/mod.ts";
import { choose } from "../model/evaluation/choose.ts";
import { candidatesFor, recommend, tune } from "../model/evaluation/tune.ts";
import { command } from "./command.ts";
import { gridOf, samplingOptions } from "./sampling_options.ts";
import { dataFolder, findModel } from "./models.ts";
import { flag, list, object, option, whole } from "./options.ts";

/** A grid in words. */
const gridWords = (grid: GridSpec) => gridText(grid) ?? "uniform";

const percent = (value: number) => (100 * value).toFixed(1).padStart(6);

/** The last columns of a row. */
const groupColumns = (composition: Composition | null | undefined) =>
  columnGroups.map(({ name }) => composition ? percent(composition[name].value) : "     -").join(" ");

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
    autoguidances: option(
      "W,W",
      "how far estimates are guided from those of the network's weaker self, each tried (default 1, not at all)",
      list(z.string().transform(Number).pipe(autoguidanceSpec)).prefault("1"),
    ),
    count: option("N", "molecules for each candidate (default 500)", whole(1).default(500)),
    seed: option("N", "not the one that published rows use (default 7)", whole(0, 0xffffffff).default(7)),
    decoding: option("NAME", `${DECODINGS.join(" or ")} (default argmax)`, z.enum(DECODINGS).default("argmax")),
    backend: samplingOptions.backend,
    threads: samplingOptions.threads,
    precision: samplingOptions.precision,
    batch: option("N", "most molecules sampled together (default 256)", whole(1, 4096).default(256)),
    grid: option("JSON", "one grid in place of those that are compared", object().optional()),
    sdf: option(
      "FOLDER",
      "writes what each candidate drew there, for bench/judge.py, which measures strain",
      z.string().min(1).optional(),
    ),
    record: flag(
      "enter in the card, for each number of steps, the candidate with the least sum of shortfalls of stability, valid x unique, composition and sound molecules",
    ),
  },
  async run({ steps, samplers, clamps, autoguidances, count, seed, decoding, record, grid, sdf, ...values }, terminal) {
    const { out, signal, environment } = terminal, fixed = gridOf(grid);
    const entry = await findModel(values.model, undefined, dataFolder(environment)), { folder } = entry;
    const [model, rdkit, reference] = await Promise.all([
      loadModel(entry, values),
      createRdkit(),
      findReference([folder], entry.card.dataSet),
    ]);
    const wanted = candidatesFor(entry.card).filter(({ sampler }) => !samplers || samplers.includes(sampler));
    const named = wanted.map(({ sampler, options }) => JSON.stringify([sampler, options]));
    const candidates = fixed
      ? wanted.filter((_, k) => named.indexOf(named[k]) === k).map((one) => ({ ...one, grid: fixed }))
      : wanted;
    if (sdf) await Deno.mkdir(sdf, { recursive: true });
    const onFault = (error: Error) => void terminal.error(`${error.message}; going on without\n`);
    const pool = createValidatorPool({ validate: createValidator(rdkit), onFault });
    try {
      out(
        `steps sampler       grid, options, clamp, autoguidance           stable  valid  v x u  conn.  sound  lengths  angles ${
          columnGroups.map(({ short }) => short.padStart(6)).join(" ")
        }  groups\n`,
      );
      out(`${"".padEnd(114)} the data${groupColumns(reference?.statistics.composition)}\n`);
      for (const each of steps) {
        const tried = await tune(model, {
          steps: each,
          count,
          seed,
          decoding,
          clamps,
          autoguidances,
          reference,
          signal,
          validate: pool,
          candidates,
          onDrawn: async ({ sampler, grid, options, clamp, autoguidance }, molecules) => {
            if (!sdf) return;
            const name = `${each}-${sampler}-${gridWords(grid)}-${
              Object.values(options).join("-")
            }-${clamp}-${autoguidance}`;
            const records = molecules.flatMap((molecule, k) => {
              const bonds = bondsOf(molecule, CHEMISTRIES[model.card.chemistry]);
              return fitsMolblock(molecule, bonds) ? [sdfRecord(molblock(molecule, bonds, String(k)))] : [];
            });
            await Deno.writeTextFile(`${sdf}/${name.replaceAll(/[^\w.+-]/g, "_")}.sdf`, records.join(""));
          },
          onTried: (one) => {
            const rates = [one.moleculeStability, one.validity, one.validUnique, one.connected, one.sound];
            out(
              `${String(each).padStart(5)} ${one.sampler.padEnd(13)} ` +
                `${
                  `${gridWords(one.grid)} ${JSON.stringify(one.options)} ${one.clamp} ${one.autoguidance}`.padEnd(44)
                } ${rates.map((r) => percent(r.value)).join(" ")} ` +
                `${one.bondLengths?.toFixed(4) ?? "-"} ${one.bondAngles?.toFixed(2).padStart(7) ?? "-"} ${
                  groupColumns(one.composition)
                } ${one.groups === null ? "-" : percent(one.groups)}\n`,
            );
          },
        });
        const { best, front } = choose(tried, reference?.statistics);
        const named = ({ sampler, grid, options, clamp, autoguidance }: typeof best) =>
          `${sampler}, ${gridWords(grid)}, ${JSON.stringify(options)}, clamp ${clamp}, autoguidance ${autoguidance}`;
        out(`${String(each).padStart(5)} the front, best first (shortfalls in units of what is noise):\n`);
        for (const { one, total, why } of front) out(`      ${total.toFixed(1)} ${named(one)}: ${why}\n`);
        out(`${String(each).padStart(5)} chosen: ${named(best)}\n`);
        if (record) await recommend(folder, best);
      }
      return 0;
    } finally {
      pool.close();
      model.dispose();
    }
  },
});
