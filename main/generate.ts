/** molstep generate */
import { z } from "zod";
import { UNIQUE } from "../chem/identity.ts";
import { REFINES } from "../chem/refinement/refine.ts";
import { INCLUDES } from "../model/generation/formats.ts";
import { openModel } from "../model/generation/open_model.ts";
import { acceptOrder, drawSeed } from "../model/generation/order.ts";
import { FILTERS } from "../model/generation/pipeline.ts";
import { chooseRefine } from "../model/models/settings.ts";
import { type Drawing, drawMolecules } from "../model/service/drawing.ts";
import { command } from "./command.ts";
import { dataFolder, findModel } from "./models.ts";
import { FILE_FORMS, formOf, isStream, partsOf } from "./molecule_file.ts";
import { list, option, range, UsageError, whole } from "./options.ts";
import { createProgress } from "./progress.ts";
import { gridOf, samplingOptions } from "./sampling_options.ts";
import { type Counts, headOf } from "./sidecar.ts";
import { seedIn } from "./split.ts";
import { type Draw, toFile, toFolder } from "./write_molecules.ts";

/** Molecules to a file or to stdout. */
export const generateCommand = command({
  summary: "Draws molecules into a file.",
  options: {
    count: option("N", "molecules to draw (default 64)", whole(1, 10_000_000).default(64)),
    ...samplingOptions,
    first: option(
      "N",
      "index of the first molecule (default 0): parts that are drawn apart are those of the whole",
      whole(0, 0xffffffff).default(0),
    ),
    seed: option("N", "the same seed gives the same molecules (default: drawn)", whole(0, 0xffffffff).optional()),
    atoms: option("N|N-M", "atoms a molecule, for a model that counts atoms", range().optional()),
    "heavy-atoms": option("N|N-M", "heavy atoms a molecule, for a model that counts those", range().optional()),
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
    const { count, steps, include, filter, unique, atoms, "heavy-atoms": heavyAtoms, split } = values;
    if (atoms && heavyAtoms) throw new UsageError("--atoms and --heavy-atoms exclude each other");
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
    const options = values["sampler-options"], grid = gridOf(values.grid);
    const request = acceptOrder(entry.card, { ...values, seed, size, grid, options });
    const refine = values.refine ?? chooseRefine(entry.card, request.settings);
    const onFault = (error: Error) => terminal.error(`${error.message}; going on without\n`);
    const { model, pool, close } = await openModel(entry, { ...values, refine, onFault });
    const progress = createProgress(terminal), started = performance.now(), { format, gzip } = partsOf(form);
    const head = headOf(model.card, request, { ...values, refine, backend: model.backend.name, form, out });
    let here = 0;
    const draw: Draw = async function* (part, more) {
      const before = count - part.count, { signal } = terminal;
      const drawing: Drawing = drawMolecules(model, part, {
        ...{ form: format, include, refine, filter, unique, validate: pool, signal, ...more },
        onProgress(fraction) {
          const done = (before + fraction * part.count) / count;
          progress.update(done, `${before + drawing.generation.drawn} of ${count} molecules`);
        },
      });
      yield* drawing.written(format);
      here = drawing.generation.drawn;
    };
    let counts: Counts;
    try {
      const work = { request, draw, head, out, gzip };
      counts = split
        ? await toFolder({ ...work, split, form, unique: unique ?? filter === "unique", tell: terminal.error })
        : await toFile(work);
    } finally {
      close();
    }
    progress.end();
    const seconds = (performance.now() - started) / 1000, { drawn, returned, valid, stable, fallbacks } = counts;
    const { refined } = counts;
    terminal.error(
      `${returned} of ${count} molecules to ${out === "-" ? "stdout" : out}: ` +
        `${request.settings.sampler}, ${steps} steps, seed ${seed}, ${head.backend}; ` +
        `${percent(valid, drawn)} valid, ${percent(stable, drawn)} stable; ` +
        (refine !== "none" ? `${percent(refined, drawn)} refined by ${refine}; ` : "") +
        (fallbacks > 0 ? `${fallbacks} decoded by argmax, as no graph was found; ` : "") +
        `${seconds.toFixed(1)} s, ${(here / seconds).toFixed(1)} molecules/s\n`,
    );
    return 0;
  },
});

const percent = (n: number, of: number) => `${(100 * n / of).toFixed(1)} %`;
