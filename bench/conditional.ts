/**
 * `deno task bench:conditional --model FOLDER --regressor FOLDER`: how near molecules come to the properties that they are asked for. Sizes and values are
 * those of held-out molecules, one molecule is drawn for each, and a regressor that learned from other molecules than the model says what they have
 * (Hoogeboom et al. 2022, section 5.2). Rungs beside it: the regressor on the held-out molecules themselves, values by the number of atoms alone,
 * and values of other molecules.
 */
import { z } from "zod";
import { summarise } from "../chem/metrics.ts";
import { halvesOf } from "../chem/halves.ts";
import { PROPERTIES, propertiesOf, PROPERTY_NAMES, type PropertyName } from "../chem/properties.ts";
import { openQm9, type Qm9 } from "../chem/qm9.ts";
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator } from "../chem/validator.ts";
import { shuffled } from "../model/distillation/batches.ts";
import { random } from "../model/diffusion/random.ts";
import {
  checkConditions,
  conditionsOf,
  guidanceAsked,
  needsCondition,
  trialCondition,
} from "../model/generation/condition_order.ts";
import { loadModel } from "../model/models/load.ts";
import { tensorsOn } from "../model/models/parts.ts";
import { chooseSettings } from "../model/models/settings.ts";
import type { Example } from "../model/networks/heavy_atom/examples.ts";
import { openRegressor, readable } from "../model/training/regressor/regressor.ts";
import { list, option, readOptions, whole } from "../main/options.ts";
import { gridOf, samplingOptions } from "../main/sampling_options.ts";
import { conditions as conditionsNow } from "./conditions.ts";
import { type Asked, drawConditional } from "./conditional_draw.ts";
import { keep, machineLine, resultsPath, runProgram } from "./program.ts";
import { meanError } from "./statistics.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

const OPTIONS = {
  model: option("FOLDER", "a model that is told properties; none for the rungs alone", z.string().optional()),
  regressor: option(
    "FOLDER",
    "what `deno task regressor` wrote (default bench/regressors/qm9)",
    z.string().default("bench/regressors/qm9"),
  ),
  conditions: option(
    "NAMES",
    "properties that are asked for, each by itself (default: all that the model is told)",
    list(z.enum(PROPERTY_NAMES)).optional(),
  ),
  together: option(
    "yes|no",
    "ask for all of them at once in place of each by itself (default no)",
    z.enum(["yes", "no"]).default("no"),
  ),
  steps: option(
    "N,N",
    "steps of the sampler (default 16)",
    list(z.string().transform(Number).pipe(z.int().min(1))).default([16]),
  ),
  guidance: option(
    "W,W",
    "how far estimates are guided (default 1)",
    list(z.string().transform(Number).pipe(guidanceAsked)).default([1]),
  ),
  grid: samplingOptions.grid,
  count: option("N", "molecules for each property (default 1000)", whole(1).default(1000)),
  part: option("NAME", "held-out molecules: valid or test (default valid)", z.enum(["valid", "test"]).default("valid")),
  seed: option("N", "(default 1)", whole().default(1)),
  threads: option("N", "(default 2)", whole(1).default(2)),
  out: option("FILE", "where results go, - for nowhere", z.string().optional()),
};

/** Held-out molecules: a value of each property, and the size. */
interface Held {
  readonly examples: readonly Example[];
  readonly values: readonly (readonly number[])[];
  readonly atoms: readonly number[];
}

/** `count` of the readable molecules of a part, drawn once each. */
function heldOut(data: Qm9, part: "valid" | "test", count: number, seed: number, least: number): Held {
  const all = data.split[part], rows = shuffled(all.length, random(seed, 0, 114)).map((place) => all[place]);
  const examples: Example[] = [], kept: number[] = [];
  for (const row of rows) {
    const example = readable(data.molecule(row));
    if (!example || example.nodes < least) continue;
    examples.push(example), kept.push(row);
    if (kept.length === count) break;
  }
  return {
    examples,
    values: kept.map((row) => propertiesOf(data.properties, row)),
    atoms: kept.map((row) => data.atomCounts[row]),
  };
}

/** The mean absolute error and its error, in the property's unit. */
const errorsOf = (errors: readonly number[]) => ({ MAE: meanError(errors).mean, "+-": meanError(errors).error });

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Medians of properties over the generator's half, by the number of atoms. */
function mediansOf(data: Qm9): (atoms: number, property: number) => number {
  const bySize = Map.groupBy(halvesOf(data.split.train).generator, (row) => data.atomCounts[row]);
  const medians = new Map([...bySize].map(([atoms, rows]) => {
    const values = rows.map((row) => propertiesOf(data.properties, row));
    return [atoms, PROPERTY_NAMES.map((_, p) => median(values.map((each) => each[p])))] as const;
  }));
  const sizes = [...medians.keys()];
  const nearest = (atoms: number) => sizes.reduce((a, b) => Math.abs(b - atoms) < Math.abs(a - atoms) ? b : a);
  return (atoms, property) => medians.get(nearest(atoms))![property];
}

/** The regressor's own errors, errors of the median of as many atoms, and of values of other molecules. */
async function rungs(
  held: Held,
  regress: (examples: readonly Example[]) => Promise<number[][]>,
  medians: ReturnType<typeof mediansOf>,
): Promise<Row[]> {
  const said = await regress(held.examples);
  return PROPERTY_NAMES.flatMap((property, p) => {
    const values = held.values.map((each) => each[p]);
    const rung = (name: string, errors: number[]): Row => ({
      ...{ property, unit: PROPERTIES[property].unit, steps: null, guidance: null, rung: name },
      ...{ ...errorsOf(errors), read: null, valid: null, stable: null, unique: null },
    });
    return [
      rung("regressor on held-out molecules", values.map((value, k) => Math.abs(said[k][p] - value))),
      rung("number of atoms alone", values.map((value, k) => Math.abs(medians(held.atoms[k], p) - value))),
      rung("values of other molecules", values.map((value, k) => Math.abs(values[(k + 1) % values.length] - value))),
    ];
  });
}

async function main(args: string[]): Promise<void> {
  const { model: folder, regressor: judge, steps, guidance, count, part, seed, threads, out, ...rest } = readOptions(
    args,
    OPTIONS,
  );
  const under = { command: toldCommand("bench:conditional", args), ...await conditionsNow() };
  console.log(machineLine(under));
  const regressor = await openRegressor(judge, { choice: "auto", threads, openTensors: tensorsOn("auto") });
  const model = folder === undefined ? undefined : await loadModel(folder, { threads });
  const told = model && conditionsOf(model.card).map(({ name }) => name);
  const least = model ? Math.min(...Object.keys(model.card.sizes).map(Number)) : 3;
  const data = await openQm9(), held = heldOut(data, part, count, seed, least);
  const rows = await rungs(held, regressor.values, mediansOf(data));
  if (model && told) {
    const names = rest.conditions ?? told, validate = createValidator(await createRdkit());
    const unknown = names.find((name) => !told.includes(name));
    if (unknown) throw new RangeError(`conditions must be of ${told.join(", ")}; got ${unknown}`);
    // EDM's and GeoLDM's are told all of them, and not guided.
    const { card } = model, must = needsCondition(card), set = must ? told : names;
    for (const w of must ? guidance : []) checkConditions({ condition: trialCondition(card), guidance: w }, card);
    const sets: readonly (readonly PropertyName[])[] = must || rest.together === "yes"
      ? [set]
      : set.map((one) => [one]);
    for (const number of steps) {
      const settings = chooseSettings(model.card, number, undefined, { grid: gridOf(rest.grid) });
      for (const w of guidance) {
        for (const set of sets) {
          const asked: Asked[] = held.values.map((values, k) => ({
            nodes: card.counts === "atoms" ? held.atoms[k] : held.examples[k].nodes,
            properties: Object.fromEntries(set.map((name) => [name, values[PROPERTY_NAMES.indexOf(name)]])),
          }));
          const molecules = await drawConditional(model, settings, asked, { guidance: w, seed });
          const validations = molecules.map((molecule) => validate(molecule, { inchikey: false }));
          const read = molecules.map(readable), some = read.flatMap((example, k) => example ? [k] : []);
          const said = await regressor.values(some.map((k) => read[k]!)),
            { validity, moleculeStability, uniqueness } = summarise(validations);
          for (const property of set) {
            const p = PROPERTY_NAMES.indexOf(property);
            const row: Row = {
              ...{
                property,
                unit: PROPERTIES[property].unit,
                steps: number,
                guidance: w,
                rung: set.length > 1 ? "drawn, all asked" : "drawn",
              },
              ...errorsOf(some.map((k, at) => Math.abs(said[at][p] - held.values[k][p]))),
              ...{ read: some.length / molecules.length, valid: validity.value, stable: moleculeStability.value },
              unique: uniqueness.value,
            };
            console.error(JSON.stringify(row));
            rows.push(row);
          }
        }
      }
    }
  }
  const about = {
    part,
    count: held.examples.length,
    seed,
    model: model ? `${model.card.name} ${model.card.version}` : "none",
  };
  const result = { bench: "conditional", settings: about, rows };
  console.log(formatResult(result));
  const path = out ?? resultsPath(under, "conditional");
  if (path !== "-") await keep(path, under, [result]);
  regressor.dispose();
  model?.dispose();
}

if (import.meta.main) await runProgram(main);
