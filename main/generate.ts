/** molstep generate */
import { z } from "zod";
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator } from "../chem/validator.ts";
import { createValidatorPool } from "../chem/validator_pool.ts";
import { THREADS_MAX } from "../model/engines/c/constants.ts";
import { PRECISIONS, RUNTIME_CHOICES } from "../model/engines/runtimes.ts";
import { FORMATS, INCLUDES, toRecord } from "../model/generation/formats.ts";
import { gridSpec } from "../model/diffusion/grids.ts";
import { loadModel } from "../model/models/load.ts";
import { acceptOrder, drawSeed } from "../model/generation/order.ts";
import { FILTERS, generateMolecules } from "../model/generation/pipeline.ts";
import { DECODINGS } from "../model/diffusion/decodings.ts";
import { SAMPLER_CHOICES } from "../model/diffusion/samplers/mod.ts";
import { command } from "./command.ts";
import { dataFolder, findModel } from "./models.ts";
import { object, option, range, UsageError, whole } from "./options.ts";
import { createProgress } from "./progress.ts";

/** Which sampler runs, and where: shared with `evaluate`. */
export const samplingOptions = {
  model: option("NAME", "a model's name or folder (default qm9)", z.string().min(1).default("qm9")),
  steps: option("N", "steps of the sampler: calls of the denoiser (default 16)", whole(1, 1000).default(16)),
  sampler: option(
    "NAME",
    `${SAMPLER_CHOICES.join(", ")} (default: as POST /generate)`,
    z.enum(SAMPLER_CHOICES).optional(),
  ),
  grid: option(
    "JSON",
    'times of the steps, such as {"type":"power","rho":2} (default: the card\'s)',
    object().optional(),
  ),
  decoding: option("NAME", `${DECODINGS.join(" or ")} (default: the card's)`, z.enum(DECODINGS).optional()),
  clamp: option(
    "T",
    "the time, 0 to 1, below which estimates are clamped to graphs that obey valence; 0: never (default: the card's)",
    z.string().transform(Number).pipe(z.number().min(0).max(1)).optional(),
  ),
  "sampler-options": option("JSON", "the sampler's, such as {\"eta\":0.5} (default: the card's)", object().optional()),
  backend: option("NAME", `${RUNTIME_CHOICES.join(", ")} (default auto)`, z.enum(RUNTIME_CHOICES).default("auto")),
  threads: option("N", "threads of the engine (default: all cores)", whole(1, THREADS_MAX).optional()),
  precision: option(
    "NAME",
    `number format of products: ${PRECISIONS.join(" or ")} (default f32; f16 needs --backend webgpu)`,
    z.enum(PRECISIONS).default("f32"),
  ),
  batch: option("N", "most molecules sampled together (default 64)", whole(1, 4096).default(64)),
};

/** Molecules from which on a validating worker, which costs half a second to start, is worth it on two cores. */
export const WORTH_WORKERS = 2000;

/** The grid that an option names. */
export function gridOf(value: Record<string, unknown> | undefined) {
  if (value === undefined) return undefined;
  const result = gridSpec.safeParse(value);
  if (!result.success) throw new UsageError(`--grid: ${z.prettifyError(result.error)}`);
  return result.data;
}

/** The format of a file by its ending, or as asked. */
export function formatOf(out: string, asked?: typeof FORMATS[number]): typeof FORMATS[number] {
  const ending = /\.([a-z]+)$/i.exec(out)?.[1].toLowerCase();
  const format = asked ?? FORMATS.find((one) => one === ending);
  if (format) return format;
  throw new UsageError(`--out ${out}: the format is not clear; end it in .${FORMATS.join(", .")} or give --format`);
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
    include: option(
      "NAMES",
      `what else to say, set apart by commas: ${INCLUDES.join(", ")}`,
      z.string().transform((text) => text.split(",")).pipe(z.array(z.enum(INCLUDES))).default([]),
    ),
    out: option(
      "FILE",
      "where to write; - for stdout (default molecules.sdf)",
      z.string().min(1).default("molecules.sdf"),
    ),
    format: option("NAME", `${FORMATS.join(", ")} (default: by the file's ending)`, z.enum(FORMATS).optional()),
  },
  async run(values, terminal) {
    const { count, steps, sampler, include, out, atoms, "heavy-atoms": heavyAtoms } = values;
    if (atoms && heavyAtoms) throw new UsageError("--atoms and --heavy-atoms exclude each other");
    const format = out === "-" ? values.format ?? "sdf" : formatOf(out, values.format);
    const entry = await findModel(values.model, undefined, dataFolder(terminal.environment)), { card } = entry;
    const seed = values.seed ?? drawSeed();
    const size = atoms
      ? { counts: "atoms", range: atoms } as const
      : heavyAtoms && { counts: "heavyAtoms", range: heavyAtoms } as const;
    const request = acceptOrder(card, {
      count,
      steps,
      seed,
      sampler,
      size,
      grid: gridOf(values.grid),
      options: values["sampler-options"],
      decoding: values.decoding,
      clamp: values.clamp,
    });
    const [model, rdkit] = await Promise.all([loadModel(entry, values), createRdkit()]);
    const pool = createValidatorPool({
      validate: createValidator(rdkit),
      workers: count < WORTH_WORKERS ? 0 : undefined,
      onFault: (error) => terminal.error(`${error.message}; going on without\n`),
    });
    const progress = createProgress(terminal);
    const generation = generateMolecules(model, request, {
      validate: pool,
      filter: values.filter,
      detail: { descriptors: include.includes("descriptors"), inchikey: format !== "xyz" },
      signal: terminal.signal,
      onProgress: (fraction) => progress.update(fraction, `${generation.drawn} of ${count} molecules`),
    });
    const started = performance.now();
    const file = out === "-" ? undefined : await Deno.open(out, { write: true, create: true, truncate: true });
    const writer = (file ?? Deno.stdout).writable.getWriter(), encoder = new TextEncoder();
    try {
      for await (const molecules of generation.windows) {
        const text = molecules.map((one) =>
          toRecord(format, one, include, {
            model: card.name,
            version: generation.version,
            seed,
          })
        ).join("");
        await writer.write(encoder.encode(text));
      }
    } finally {
      if (file) await writer.close();
      pool.close();
      model.dispose();
    }
    const seconds = (performance.now() - started) / 1000, { validity, moleculeStability } = generation.summary();
    const percent = ({ value }: { value: number }) => `${(100 * value).toFixed(1)} %`;
    progress.end();
    terminal.error(
      `${generation.returned} of ${count} molecules to ${out === "-" ? "stdout" : out}: ` +
        `${request.settings.sampler}, ${steps} steps, seed ${seed}, ${model.backend.name}; ` +
        `${percent(validity)} valid, ${percent(moleculeStability)} stable; ` +
        `${seconds.toFixed(1)} s, ${(count / seconds).toFixed(1)} molecules/s\n`,
    );
    return 0;
  },
});
