/** Which sampler, grid and weights serve a request: what was asked, else what the model's card recommends. */
import type { Card } from "./card.ts";
import type { Decoding } from "./decodings.ts";
import type { GridSpec } from "./grids.ts";

/** Samplers that take the undistilled weights, at any number of steps. */
export const SAMPLERS = ["ddpm", "ancestral", "ddim", "dpm-solver++", "consistency"] as const;

/** What a request may ask for as its sampler. */
export const SAMPLER_NAMES = ["distilled", ...SAMPLERS] as const;

/** A sampler's name in a request. */
export type SamplerName = typeof SAMPLER_NAMES[number];

/** All that fixes a sampling run but its seed. */
export interface Settings {
  /** The name that the request and the response give. */
  readonly sampler: SamplerName;
  /** The function that samples. */
  readonly algorithm: typeof SAMPLERS[number];
  readonly steps: number;
  readonly grid: GridSpec;
  readonly options: Readonly<Record<string, unknown>>;
  readonly decoding: Decoding;
  /** The time below which estimates of x0 are clamped to graphs that obey valence; 0 for never. */
  readonly clamp: number;
}

/** How a card's latents can be decoded, its default first. */
export function decodings({ autoencoder }: Pick<Card, "autoencoder">): readonly Decoding[] {
  if (autoencoder.type !== "heavy-atom") return ["argmax"];
  return autoencoder.decoding === "valence" ? ["valence", "argmax"] : ["argmax", "valence"];
}

/** The model has no weights distilled to the number of steps asked; `available` lists those it has. */
export class NotDistilledError extends RangeError {
  override readonly name = "NotDistilledError";
  constructor(readonly model: string, readonly steps: number, readonly available: readonly number[]) {
    super(
      `model ${model} has no weights distilled to ${steps} steps; ` +
        (available.length ? `it has ${available.join(", ")}` : "it has none: choose another sampler"),
    );
  }
}

/** The entry whose number of steps is nearest by ratio. */
const nearest = <T extends { steps: number }>(entries: readonly T[], steps: number): T | undefined =>
  [...entries].sort((a, b) => Math.abs(Math.log(a.steps / steps)) - Math.abs(Math.log(b.steps / steps)))[0];

/**
 * The settings of a request: `distilled` where the model has weights for exactly these steps, else the setting that
 * the card recommends nearest to them, else ancestral sampling on the uniform grid. A sampler asked for by name takes the
 * grid and options that the card recommends for it, where it does.
 *
 * @param asked a sampler, or undefined for the default
 * @param grid,options,decoding,clamp take the place of the card's
 * @throws NotDistilledError, RangeError
 */
export function chooseSettings(
  card: Pick<Card, "name" | "distilled" | "recommended" | "autoencoder">,
  steps: number,
  asked?: SamplerName,
  { grid, options, clamp, decoding = decodings(card)[0] }: {
    grid?: GridSpec;
    options?: Readonly<Record<string, unknown>>;
    decoding?: Decoding;
    clamp?: number;
  } = {},
): Settings {
  if (!Number.isInteger(steps) || steps < 1) throw new RangeError(`steps must be a positive integer, not ${steps}`);
  const student = card.distilled.find((entry) => entry.steps === steps);
  if (asked === "distilled" || (asked === undefined && student)) {
    if (!student) {
      throw new NotDistilledError(
        card.name,
        steps,
        card.distilled.map((d) => d.steps).sort((a, b) => a - b),
      );
    }
    // A student learned one step of its variant over each interval of its grid, and takes no other.
    return {
      sampler: "distilled",
      algorithm: student.variant,
      steps,
      grid: student.grid,
      options: {},
      decoding,
      clamp: clamp ?? student.clamp,
    };
  }
  const entries = asked ? card.recommended.filter((entry) => entry.sampler === asked) : card.recommended;
  const best = nearest(entries, steps);
  const sampler = asked ?? best?.sampler ?? "ddpm";
  return {
    sampler,
    algorithm: sampler,
    steps,
    grid: grid ?? best?.grid ?? { type: "uniform" },
    options: options ?? best?.options ?? {},
    decoding,
    clamp: clamp ?? best?.clamp ?? 0,
  };
}
