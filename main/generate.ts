/** molstep generate */
import { z } from "zod";
import { FORMATS, INCLUDES } from "../model/generation/formats.ts";
import { openModel } from "../model/generation/open_model.ts";
import { acceptOrder, drawSeed } from "../model/generation/order.ts";
import { FILTERS, UNIQUE } from "../model/generation/pipeline.ts";
import { drawMolecules } from "../model/service/generate.ts";
import { command } from "./command.ts";
import { dataFolder, findModel } from "./models.ts";
import { list, option, range, UsageError, whole } from "./options.ts";
import { createProgress } from "./progress.ts";
import { gridOf, samplingOptions } from "./sampling_options.ts";

/** The format of a file by its ending, or as asked. */
function formatOf(out: string, asked?: typeof FORMATS[number]): typeof FORMATS[number] {
  const ending = /\.([a-z]+)$/i.exec(out)?.[1].toLowerCase();
  const format = asked ?? FORMATS.find((one) => one === ending);
  if (format) return format;
  throw new UsageError(`--out must end in .${FORMATS.join(", .")}, or --format be given; got ${out}`);
}

/** Molecules to a file or to stdout. */
export const generateCommand = command({
  summary: "Draws molecules into a file.",
  options: {
    count: option("N", "molecules to draw (default 64)", whole(1, 10_000_000).default(64)),
    ...samplingOptions,
    seed: option("N", "the same seed gives the same molecules (default: drawn)", whole(0, 0xffffffff).optional()),
    atoms: option("N|N-M", "atoms a molecule, for a model that counts atoms", range().optional()),
    "heavy-atoms": option("N|N-M", "heavy atoms a molecule, for a model that counts those", range().optional()),
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
      "where to write; - for stdout (default molecules.sdf)",
      z.string().min(1).default("molecules.sdf"),
    ),
    format: option("NAME", `${FORMATS.join(", ")} (default: by the file's ending)`, z.enum(FORMATS).optional()),
  },
  async run(values, terminal) {
    const { count, steps, include, out, filter, unique, atoms, "heavy-atoms": heavyAtoms } = values;
    if (atoms && heavyAtoms) throw new UsageError("--atoms and --heavy-atoms exclude each other");
    const form = out === "-" ? values.format ?? "sdf" : formatOf(out, values.format);
    const entry = await findModel(values.model, undefined, dataFolder(terminal.environment));
    const size = atoms
      ? { counts: "atoms", range: atoms } as const
      : heavyAtoms && { counts: "heavyAtoms", range: heavyAtoms } as const;
    const seed = values.seed ?? drawSeed(), options = values["sampler-options"], grid = gridOf(values.grid);
    const request = acceptOrder(entry.card, { ...values, seed, size, grid, options });
    const onFault = (error: Error) => terminal.error(`${error.message}; going on without\n`);
    const { model, pool, close } = await openModel(entry, { ...values, onFault });
    const progress = createProgress(terminal), started = performance.now();
    const drawing = drawMolecules(model, request, {
      ...{ form, include, filter, unique, validate: pool, signal: terminal.signal },
      onProgress: (fraction) => progress.update(fraction, `${drawing.generation.drawn} of ${count} molecules`),
    });
    try {
      await write(out, drawing.records());
    } finally {
      close();
    }
    progress.end();
    const seconds = (performance.now() - started) / 1000, { returned, fallbacks } = drawing.generation;
    const { validity, moleculeStability } = drawing.generation.summary(), { sampler, backend } = drawing.facts;
    terminal.error(
      `${returned} of ${count} molecules to ${out === "-" ? "stdout" : out}: ` +
        `${sampler}, ${steps} steps, seed ${seed}, ${backend}; ` +
        `${percent(validity)} valid, ${percent(moleculeStability)} stable; ` +
        (fallbacks > 0 ? `${fallbacks} decoded by argmax, as no graph was found; ` : "") +
        `${seconds.toFixed(1)} s, ${(count / seconds).toFixed(1)} molecules/s\n`,
    );
    return 0;
  },
});

const percent = ({ value }: { value: number }) => `${(100 * value).toFixed(1)} %`;

/** Writes texts to a file, or where it is called - to stdout. */
async function write(out: string, texts: AsyncIterable<string>): Promise<void> {
  const file = out === "-" ? undefined : await Deno.open(out, { write: true, create: true, truncate: true });
  const writer = (file ?? Deno.stdout).writable.getWriter(), encoder = new TextEncoder();
  try {
    for await (const text of texts) await writer.write(encoder.encode(text));
  } finally {
    if (file) await writer.close();
  }
}
