/** Options of the commands that draw with a model. */
import { z } from "zod";
import { DECODINGS } from "../model/diffusion/decodings.ts";
import { type GridSpec, gridSpec } from "../model/diffusion/grids.ts";
import { type Parallel, parallelSpec } from "../model/diffusion/samplers/parallel.ts";
import { autoguidanceSpec } from "../model/networks/heavy_atom/autoguide.ts";
import { SAMPLER_CHOICES } from "../model/diffusion/samplers/mod.ts";
import { THREADS_MAX } from "../model/engines/c/constants.ts";
import { PRECISION_CHOICES, PRECISIONS, precisionsInWords, RUNTIME_CHOICES } from "../model/engines/runtimes.ts";
import { object, option, UsageError, whole } from "./options.ts";

/** Which sampler runs, and where. */
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
  autoguidance: option(
    "W",
    "how far estimates are guided from those of the network's weaker self, for a model that has one; 1: not at all (default: the card's)",
    z.string().transform(Number).pipe(autoguidanceSpec).optional(),
  ),
  "sampler-options": option("JSON", "the sampler's, such as {\"eta\":0.5} (default: the card's)", object().optional()),
  backend: option("NAME", `${RUNTIME_CHOICES.join(", ")} (default auto)`, z.enum(RUNTIME_CHOICES).default("auto")),
  threads: option("N", "threads of the engine (default: all cores)", whole(1, THREADS_MAX).optional()),
  precision: option(
    "NAME",
    `number format of products: ${precisionsInWords()} (default f32, with which a seed's molecules are reproducible)`,
    z.enum(PRECISIONS).default("f32"),
  ),
  batch: option("N", "most molecules sampled together (default 64)", whole(1, 4096).default(64)),
};

/** In what is trained. */
export const trainingPrecision = option(
  "NAME",
  `number format of products: auto, the fastest of the processor, ${precisionsInWords()}; 16 bits on the native engine only (default auto)`,
  z.enum(PRECISION_CHOICES).optional(),
);

/** The grid that an option names. */
export const gridOf = (value?: Record<string, unknown>): GridSpec | undefined => specOf("grid", gridSpec, value);

/** How an option has several steps called for at once. */
export const parallelOf = (value?: Record<string, unknown>): Parallel | undefined =>
  specOf("parallel", parallelSpec, value);

function specOf<T>(name: string, schema: z.ZodType<T>, value?: Record<string, unknown>): T | undefined {
  if (value === undefined) return undefined;
  const result = schema.safeParse(value);
  if (!result.success) throw new UsageError(`--${name}: ${z.prettifyError(result.error)}`);
  return result.data;
}
