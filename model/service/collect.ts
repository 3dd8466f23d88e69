/** As many molecules as were asked, valid and of one fragment: drawn in rounds until there are enough. */
import type { GeneratedMolecule } from "../generation/pipeline.ts";
import { OverShareError, QueueFullError } from "../generation/ledger.ts";
import type { Origin } from "../generation/formats.ts";
import { drawSeed } from "../generation/order.ts";
import type { DrawingFacts } from "./drawing.ts";
import { type GenerateService, type MoleculesAsked, type ServedDrawing } from "./generate.ts";
import { DeadlineError } from "./held.ts";
import { ShuttingDownError } from "./lifecycle.ts";

/** Most rounds, the first included. */
const ROUNDS = 5;

/** What may end the rounds once there are molecules: they are given back then. */
const ENDS = [DeadlineError, OverShareError, QueueFullError, ShuttingDownError];

/** Molecules asked, and whether of those of one SMILES, stereo included, only the first is wanted. */
export interface Wanted
  extends Omit<MoleculesAsked, "filter" | "unique" | "timeoutMs" | "count" | "want" | "maxDraws"> {
  readonly count: number;
  readonly unique: boolean;
}

/** A molecule, and what drew it: each round has a seed of its own. */
export interface Found {
  readonly generated: GeneratedMolecule;
  readonly origin: Origin;
}

/** Molecules found. */
export interface Collected {
  /** Valid ones, at most as many as asked, in the order in which they were drawn. */
  readonly found: readonly Found[];
  /** Of the first round. */
  readonly facts: DrawingFacts;
  /** Of all rounds. */
  readonly drawn: number;
}

/** The seed of a round; the first has the one that was asked. Far apart, so that no neighbouring seed draws the same molecules. */
const seedOf = (seed: number, round: number) => (seed + round * 0x9e3779b9) >>> 0;

/**
 * Draws as many as are asked, then as many as are likely to fill what lacks: at most {@link ROUNDS} times, and no
 * more work in all than a request may ask. Where that, the deadline or the queue ends it, there are fewer.
 *
 * @param draw `generate` of `service/generate.ts`, for JSON
 * @throws what that throws where no molecule was found by then
 */
export async function collect(
  draw: (order: MoleculesAsked) => Promise<ServedDrawing>,
  { unique, count, ...asked }: Wanted,
  { maxWork, timeoutMs: within, most }: Pick<GenerateService, "maxWork" | "timeoutMs"> & { readonly most: number },
): Promise<Collected> {
  const seed = asked.seed ?? drawSeed(), until = performance.now() + within;
  const found: Found[] = [], seen = new Set<string>();
  let first: DrawingFacts | undefined, drawn = 0;
  /** Takes a round's molecules; of the last one there may be more than are wanted. */
  const take = (window: readonly GeneratedMolecule[], origin: Origin) => {
    for (const generated of window) {
      const { connected, smiles } = generated.validation;
      if (found.length === count || !connected || (unique && seen.has(smiles!))) continue;
      seen.add(smiles!);
      found.push({ generated, origin });
    }
  };
  for (let round = 0, next = count; round < ROUNDS && next > 0; round++) {
    try {
      const timeoutMs = Math.ceil(Math.max(1, until - performance.now()));
      const order: MoleculesAsked = { ...asked, count: next, seed: seedOf(seed, round), filter: "valid", timeoutMs };
      const drawing = await draw(order);
      first ??= drawing.facts;
      for await (const window of drawing.molecules()) take(window, drawing.origin);
    } catch (error) {
      if (found.length === 0 || !ENDS.some((end) => error instanceof end)) throw error;
      break;
    }
    drawn += next;
    const missing = count - found.length, rate = Math.max(0.1, found.length / drawn);
    const allowed = Math.floor(maxWork / asked.steps) - drawn;
    next = Math.min(Math.ceil(1.1 * missing / rate), most, allowed);
  }
  return { found, facts: first!, drawn };
}
