/** molstep generate */
import { z } from "zod";
import { UNIQUE } from "../chem/identity.ts";
import { REFINES } from "../chem/refinement/refine.ts";
import { compileWhere, PatternError } from "../chem/where/filter.ts";
import { type Where, whereSchema } from "../chem/where/where.ts";
import { INCLUDES, type Sifted } from "../model/generation/formats.ts";
import { openModel } from "../model/generation/open_model.ts";
import { acceptOrder, drawSeed } from "../model/generation/order.ts";
import { FILTERS } from "../model/generation/pipeline.ts";
import { chooseRefine } from "../model/models/settings.ts";
import { type Drawing, drawMolecules } from "../model/service/drawing.ts";
import { drawsFor } from "../model/service/generate.ts";
import { command } from "./command.ts";
import { conditionOptions } from "./condition_option.ts";
import { dataFolder, findModel } from "./models.ts";
import { FILE_FORMS, formOf, isStream, partsOf } from "./molecule_file.ts";
import { json, list, object, option, range, UsageError, whole } from "./options.ts";
import { createProgress } from "./progress.ts";
import { fixedOptions, readFixed } from "./fixed_option.ts";
import { gridOf, parallelOf, samplingOptions } from "./sampling_options.ts";
import { type Counts, headOf } from "./sidecar.ts";
import { seedIn } from "./split.ts";
import { whereFile } from "./where_option.ts";
import { type Draw, toFile, toFolder } from "./write_molecules.ts";

/** Most molecules of a drawing. */
const COUNT_MAX = 10_000_000;

/** Molecules to a file or to stdout. */
export const generateCommand = command({
  summary: "Draws molecules into a file.",
  options: {
    count: option("N", "molecules to draw (default 64, without --want)", whole(1, COUNT_MAX).optional()),
    ...samplingOptions,
    first: option(
      "N",
      "index of the first molecule (default 0): parts that are drawn apart are those of the whole",
      whole(0, 0xffffffff).default(0),
    ),
    seed: option("N", "the same seed gives the same molecules (default: drawn)", whole(0, 0xffffffff).optional()),
    atoms: option("N|N-M", "atoms a molecule, for a model that counts atoms", range().optional()),
    "heavy-atoms": option("N|N-M", "heavy atoms a molecule, for a model that counts those", range().optional()),
    ...fixedOptions,
    ...conditionOptions,
    parallel: option(
      "JSON",
      'calls for several steps of a molecule at once, such as {"window":8,"tolerance":0.003}: docs/speed.md (default: not)',
      object().optional(),
    ),
    refine: option(
      "NAME",
      `${
        REFINES.join(", ")
      }: whether molecules are moved to the nearest minimum of a force field (default: the card's, else as in POST /generate)`,
      z.enum(REFINES).optional(),
    ),
    filter: option("NAME", `which to keep: ${FILTERS.join(", ")} (default none)`, z.enum(FILTERS).default("none")),
    unique: option(
      "NAME",
      `keep the first of the same valid molecules: true (SMILES of the largest fragment without stereo), ${
        UNIQUE.join(", ")
      }`,
      z.enum(["true", ...UNIQUE]).transform((name) => name === "true" ? true : name).optional(),
    ),
    where: option(
      "JSON|FILE",
      'which to keep by descriptors, geometry, substructures and alerts, as in POST /generate: {"logP":{"max":3},"forbidden":["[N+](=O)[O-]"]}',
      z.string().min(1).optional(),
    ),
    want: option("N", "in place of --count: draw until so many are kept", whole(1, COUNT_MAX).optional()),
    "max-draws": option(
      "N",
      "most molecules to draw for --want (default 20 for each, 1000 at least)",
      whole(1, COUNT_MAX).optional(),
    ),
    include: option(
      "NAMES",
      `what else to say, set apart by commas: ${INCLUDES.join(", ")}`,
      list(z.enum(INCLUDES)).default([]),
    ),
    out: option(
      "FILE",
      "where to write; - for stdout (default molecules.sdf), with --split a folder",
      z.string().min(1).optional(),
    ),
    split: option(
      "N",
      "in files of at most N molecules in the folder --out; the same command goes on where it was stopped",
      whole(1).optional(),
    ),
    format: option(
      "NAME",
      `${FILE_FORMS.join(", ")} (default: by the file's ending, sdf with --split)`,
      z.enum(FILE_FORMS).optional(),
    ),
  },
  async run(values, terminal) {
    const { steps, include, filter, unique, atoms, "heavy-atoms": heavyAtoms, split, want } = values;
    const count = drawsOf(values), where = values.where === undefined ? undefined : await whereOf(values.where);
    if (atoms && heavyAtoms) throw new UsageError("--atoms and --heavy-atoms exclude each other");
    if (split && want) throw new UsageError("--split and --want exclude each other");
    if (split && (!values.out || await isStream(values.out))) {
      throw new UsageError(`--split needs the folder --out; got ${values.out ?? "none"}`);
    }
    const out = values.out ?? "molecules.sdf";
    const form = split || out === "-" ? values.format ?? "sdf" : formOf(out, values.format);
    const entry = await findModel(values.model, undefined, dataFolder(terminal.environment));
    const size = atoms
      ? { counts: "atoms", range: atoms } as const
      : heavyAtoms && { counts: "heavyAtoms", range: heavyAtoms } as const;
    const seed = values.seed ?? (split && await seedIn(out)) ?? drawSeed();
    const fixed = await readFixed(values);
    const options = values["sampler-options"], grid = gridOf(values.grid), parallel = parallelOf(values.parallel);
    const request = acceptOrder(entry.card, { ...values, count, seed, size, grid, options, fixed, parallel });
    for (const warning of request.warnings ?? []) terminal.error(`${warning}\n`);
    const refine = values.refine ?? chooseRefine(entry.card, request.settings);
    const onFault = (error: Error) => terminal.error(`${error.message}; going on without\n`);
    const { model, pool, close } = await openModel(entry, { ...values, count, refine, onFault });
    const progress = createProgress(terminal), started = performance.now(), { format, gzip } = partsOf(form);
    const head = headOf(model.card, request, {
      ...values,
      where,
      fixed,
      parallel,
      refine,
      backend: model.backend.name,
      form,
      out,
    });
    let here = 0, sifted: Sifted | undefined;
    const draw: Draw = async function* (part, more) {
      const before = count - part.count, { signal } = terminal;
      const drawing: Drawing = drawMolecules(model, part, {
        ...{ form: format, include, refine, filter, unique, where, want, validate: pool, signal, ...more },
        onProgress(fraction) {
          const done = (before + fraction * part.count) / count;
          progress.update(done, `${before + drawing.generation.drawn} of ${count} molecules`);
        },
      });
      yield* drawing.written(format);
      here = drawing.generation.drawn;
      sifted = drawing.sifted();
    };
    let counts: Counts;
    try {
      const work = { request, draw, head, out, gzip };
      counts = split
        ? await toFolder({ ...work, split, form, unique: unique ?? filter === "unique", tell: terminal.error })
        : await toFile({ ...work, sifted: () => sifted });
    } finally {
      close();
    }
    progress.end();
    const seconds = (performance.now() - started) / 1000, { drawn, returned, valid, stable, fallbacks } = counts;
    const { refined } = counts;
    terminal.error(
      `${returned} of ${want ? drawn : count} molecules to ${out === "-" ? "stdout" : out}: ` +
        `${request.settings.sampler}, ${steps} steps, seed ${seed}, ${head.backend}; ` +
        `${percent(valid, drawn)} valid, ${percent(stable, drawn)} stable; ` +
        (refine !== "none" ? `${percent(refined, drawn)} refined by ${refine}; ` : "") +
        (sifted ? `${rejections(sifted)}; ` : "") +
        (fallbacks > 0 ? `${fallbacks} decoded by argmax, as no graph was found; ` : "") +
        `${seconds.toFixed(1)} s, ${(here / seconds).toFixed(1)} molecules/s\n`,
    );
    return 0;
  },
});

/** How many molecules may be drawn. */
function drawsOf(
  { count, want, "max-draws": maxDraws, first }: {
    readonly count?: number;
    readonly want?: number;
    readonly "max-draws"?: number;
    readonly first: number;
  },
): number {
  if (want === undefined) {
    if (maxDraws !== undefined) throw new UsageError("--max-draws needs --want; got none");
    return count ?? 64;
  }
  if (count !== undefined) throw new UsageError("--count and --want exclude each other");
  if (maxDraws !== undefined && maxDraws < want) {
    throw new UsageError(`--max-draws must be at least --want, ${want}; got ${maxDraws}`);
  }
  return maxDraws ?? Math.max(want, drawsFor(want, { most: COUNT_MAX, first }));
}

/** A filter from JSON, or a file of it, its patterns checked. */
async function whereOf(text: string): Promise<Where> {
  const file = whereFile(text), source = file === undefined ? text : await Deno.readTextFile(file);
  const parsed = json("must be JSON, or a file of it").pipe(whereSchema).safeParse(source);
  if (!parsed.success) throw new UsageError(`--where: ${z.prettifyError(parsed.error)}`);
  try {
    (await compileWhere(parsed.data)).close();
  } catch (error) {
    if (error instanceof PatternError) throw new UsageError(`--where: ${error.message}`);
    throw error;
  }
  return parsed.data;
}

/** Why molecules fell out, the commonest first. */
function rejections({ rejected, ended }: Sifted): string {
  const reasons = Object.entries(rejected).sort(([, a], [, b]) => b - a).map(([reason, n]) => `${n} ${reason}`);
  return `rejected: ${reasons.join(", ") || "none"}` + (ended === "maxDraws" ? "; --max-draws were drawn" : "");
}

const percent = (n: number, of: number) => `${(100 * n / of).toFixed(1)} %`;
