/** Which sampler, grid and weights serve a request: what was asked, else what the model's card recommends. */
import type { SamplerChoice, SamplerName } from "../diffusion/samplers/mod.ts";
import type { Refine } from "../../chem/refinement/refine.ts";
import type { Card } from "./card.ts";
import type { Decoding } from "../diffusion/decodings.ts";
import type { GridSpec } from "../diffusion/grids.ts";
import { areSamplerOptions, type Start, startOf } from "../diffusion/samplers/mod.ts";
import { autoguidanceOf } from "../networks/heavy_atom/autoguide.ts";
import type { ScheduleValues } from "../diffusion/types.ts";

/** All that fixes a sampling run but its seed. */
export interface Settings {
  /** The name that the request and the response give. */
  readonly sampler: SamplerChoice;
  /** The function that samples. */
  readonly algorithm: SamplerName;
  readonly steps: number;
  readonly grid: GridSpec;
  readonly options: Readonly<Record<string, unknown>>;
  readonly decoding: Decoding;
  /** The time below which estimates of x0 are clamped to graphs that obey valence; 0 for never. */
  readonly clamp: number;
  /** How far estimates are guided from those of the network's weaker self (`networks/heavy_atom/autoguide.ts`); absent where they are not. */
  readonly autoguidance?: number;
}

/** How a card's latents can be decoded, its default first. */
export function decodings({ autoencoder }: Pick<Card, "autoencoder">): readonly Decoding[] {
  if (autoencoder.type !== "heavy-atom") return ["argmax"];
  return autoencoder.decoding === "valence" ? ["valence", "argmax"] : ["argmax", "valence"];
}

/** Most steps at which molecules are better by GFN2-xTB after `mmff94-qm9` (docs/refinement.md): at 8 and 16 there is no gain. */
const REFINED_STEPS = 4;

/**
 * How molecules are refined where nobody says: as the card has it; else by the force field fitted to QM9 where a model of QM9 takes so few steps that it gains by
 * it, and a graph that obeys valence is decoded; else not at all.
 */
export function chooseRefine(
  { refine, dataSet }: Pick<Card, "refine" | "dataSet">,
  { decoding, steps }: Pick<Settings, "decoding" | "steps">,
): Refine {
  const gains = dataSet === "qm9" && decoding === "valence" && steps <= REFINED_STEPS;
  return refine ?? (gains ? "mmff94-qm9" : "none");
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

/** A setting that a card recommends, but for its sampler's name. */
type Recommended = Card["recommended"][number];

/** The entry whose number of steps is nearest by ratio. */
const nearest = <T extends { steps: number }>(entries: readonly T[], steps: number): T | undefined =>
  [...entries].sort((a, b) => Math.abs(Math.log(a.steps / steps)) - Math.abs(Math.log(b.steps / steps)))[0];

/** A grid's numbers; even steps are the power 1. */
const numbersOf = (grid: GridSpec): GridSpec => grid.type === "uniform" ? { type: "power", rho: 1 } : { ...grid };

/** The grid of these numbers. */
const gridOf = (numbers: GridSpec): GridSpec =>
  numbers.type === "power" && numbers.rho === 1 ? { type: "uniform" } : numbers;

/** From a to b at `part`, 0 to 1: numbers in proportion, objects key by key; undefined where they differ in anything else. */
function between(a: unknown, b: unknown, part: number): unknown {
  if (typeof a === "number" && typeof b === "number") return Number(((1 - part) * a + part * b).toPrecision(6));
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return a === b ? a : undefined;
  const [one, other] = [a, b] as Record<string, unknown>[], keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return undefined;
  const mixed = keys.map((key) => [key, between(one[key], other[key], part)] as const);
  return mixed.some(([, value]) => value === undefined) ? undefined : Object.fromEntries(mixed);
}

/**
 * What the entries recommend for a number of steps: the entry of these steps, else what lies between the nearest ones below and
 * above (grid, start, clamp, autoguidance and the sampler's options in proportion to log(steps)) where they agree in sampler and kind of grid, else the nearest's.
 */
function recommendedAt(entries: readonly Recommended[], steps: number): Recommended | undefined {
  const below = nearest(entries.filter((entry) => entry.steps <= steps), steps);
  const above = nearest(entries.filter((entry) => entry.steps >= steps), steps);
  if (below && above && below !== above && below.sampler === above.sampler) {
    const part = Math.log(steps / below.steps) / Math.log(above.steps / below.steps);
    const of = ({ grid, options, clamp, autoguidance = 1 }: Recommended) => ({
      ...{ grid: numbersOf(grid), options, clamp, autoguidance },
    });
    const mixed = between(of(below), of(above), part) as Omit<Recommended, "steps" | "sampler"> | undefined;
    // An order is a whole number: nothing lies between two of them.
    if (mixed && areSamplerOptions(below.sampler, mixed.options)) {
      return { steps, sampler: below.sampler, ...mixed, grid: gridOf(mixed.grid) };
    }
  }
  return nearest(entries, steps);
}

/**
 * Where sampling begins for molecules of each size, where a grid begins at a start that is matched to the data; undefined where it
 * begins at noise alone. A size that the card has no moments for takes those of the nearest.
 *
 * @param first the schedule at the grid's first time
 */
export function startsOf(
  { latents, space }: Pick<Card, "latents" | "space">,
  grid: GridSpec,
  first: Pick<ScheduleValues, "alpha" | "sigma">,
): (nodes: number) => Start | undefined {
  if (grid.type !== "logSnr" || !grid.start) return () => undefined;
  const { spread } = grid.start, sizes = Object.keys(latents ?? {}).map(Number);
  return (nodes) => {
    const size = sizes.reduce((a, b) => Math.abs(b - nodes) < Math.abs(a - nodes) ? b : a);
    return startOf(latents![size], space, nodes, first, spread);
  };
}

/** The student that serves these steps where this sampler is asked, or none by name; undefined where the undistilled weights do. */
export const studentFor = <S extends { readonly steps: number }>(
  { distilled }: { readonly distilled: readonly S[] },
  steps: number,
  asked?: SamplerChoice,
): S | undefined =>
  asked === undefined || asked === "distilled" ? distilled.find((entry) => entry.steps === steps) : undefined;

/** The settings for positions of a graph that is given: what the card has for so many steps or about them (`conformers`), by the undistilled weights. */
export const conformerSettings = (card: Pick<Card, "name" | "conformers" | "autoencoder">, steps: number): Settings =>
  chooseSettings({ ...card, distilled: [], recommended: withoutClamp(card.conformers) }, steps);

/** Nothing of a given graph is clamped. */
const withoutClamp = (entries: Card["conformers"]): Recommended[] => entries.map((entry) => ({ ...entry, clamp: 0 }));

/** What a card recommends for a number of steps, and for a sampler that is asked for by name. */
const recommendedFor = ({ recommended }: Pick<Card, "recommended">, steps: number, asked?: SamplerChoice) =>
  recommendedAt(asked ? recommended.filter((entry) => entry.sampler === asked) : recommended, steps);

/** How far a request's estimates are guided from those of the network's weaker self; undefined where they are not. */
export function autoguidanceFor(
  card: Pick<Card, "distilled" | "recommended">,
  { steps, sampler, autoguidance }: Pick<Settings, "steps" | "autoguidance"> & { readonly sampler?: SamplerChoice },
): number | undefined {
  const distilled = sampler === "distilled" || studentFor(card, steps, sampler);
  const own = distilled ? undefined : recommendedFor(card, steps, sampler)?.autoguidance;
  return autoguidanceOf({ autoguidance: autoguidance ?? own });
}

/** What settings say of the guidance by the weaker self: nothing where there is none. */
function autoguided(autoguidance?: number): Pick<Settings, "autoguidance"> {
  const by = autoguidanceOf({ autoguidance });
  return by === undefined ? {} : { autoguidance: by };
}

/**
 * The settings of a request: `distilled` where the model has weights for exactly these steps, else what the card recommends for
 * them or about them, else ancestral sampling on the uniform grid. A sampler asked for by name takes the
 * grid and options that the card recommends for it, where it does.
 *
 * @param asked a sampler, or undefined for the default
 * @param grid,options,decoding,clamp,autoguidance take the place of the card's
 * @throws NotDistilledError, RangeError
 */
export function chooseSettings(
  card: Pick<Card, "name" | "distilled" | "recommended" | "autoencoder">,
  steps: number,
  asked?: SamplerChoice,
  { grid, options, clamp, autoguidance, decoding = decodings(card)[0] }: {
    grid?: GridSpec;
    options?: Readonly<Record<string, unknown>>;
    decoding?: Decoding;
    clamp?: number;
    autoguidance?: number;
  } = {},
): Settings {
  if (!Number.isInteger(steps) || steps < 1) throw new RangeError(`steps must be a positive integer; got ${steps}`);
  const student = studentFor(card, steps, asked);
  if (asked === "distilled" || student) {
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
      options: student.options,
      decoding,
      clamp: clamp ?? student.clamp,
      ...autoguided(autoguidance),
    };
  }
  const best = recommendedFor(card, steps, asked);
  const sampler = asked ?? best?.sampler ?? "ddpm";
  return {
    sampler,
    algorithm: sampler,
    steps,
    grid: grid ?? best?.grid ?? { type: "uniform" },
    options: options ?? best?.options ?? {},
    decoding,
    clamp: clamp ?? best?.clamp ?? 0,
    ...autoguided(autoguidance ?? best?.autoguidance),
  };
}
