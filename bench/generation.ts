/** Molecules as a subject, from their seeds to their verdicts: the pipeline of `generate` and of the service, in a warm process. */
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator, warmUp } from "../chem/validator.ts";
import { createRefiningPool } from "../model/generation/refiner.ts";
import { type Decoding, DECODINGS } from "../model/diffusion/decodings.ts";
import { loadModel } from "../model/models/load.ts";
import { acceptOrder } from "../model/generation/order.ts";
import { generateMolecules } from "../model/generation/pipeline.ts";
import { type EngineName, type Generation, type OpenSubject, runtimeOf } from "./subject.ts";

/** What is counted, in the order of a sample. Counts and milliseconds are sums over all calls of what was prepared. */
export const TALLY = [
  "drawn",
  "valid",
  "stable",
  /** Distinct molecules, by EDM's SMILES, among those that are both valid and stable. */
  "validUniqueStable",
  "sampleMs",
  "decodeMs",
  /** Added up over the threads that validate. */
  "validateMs",
] as const;

/** By the names of {@link TALLY}. */
export type Tally = Record<typeof TALLY[number], number>;

/** The tally that a sample tells. */
export const tallyOf = (sample: readonly number[]) =>
  Object.fromEntries(TALLY.map((name, k) => [name, sample[k]])) as Tally;

/** What to draw. */
export interface Draw {
  readonly steps: number;
  readonly decoding: Decoding;
  /** Of the first call; each further call takes the next. */
  readonly seed: number;
}

/** As a question's `what`. */
export const whatOf = ({ steps, decoding, seed }: Draw): string => `${steps} ${decoding} ${seed}`;

/** @throws RangeError where it is none of {@link whatOf} */
function drawOf(what = ""): Draw {
  const [steps, name, seed] = what.split(" "), decoding = DECODINGS.find((one) => one === name);
  if (decoding && seed) return { steps: Number(steps), decoding, seed: Number(seed) };
  throw new RangeError(`what to draw is steps, a decoding (${DECODINGS.join(", ")}) and a seed; got ${what}`);
}

/** A call draws and judges a batch of molecules by the model's settings for the steps; its sample is a {@link TALLY}. */
export async function openGeneration(
  { folder, place }: Generation & { readonly place: EngineName },
): Promise<OpenSubject> {
  const [model, rdkit] = await Promise.all([loadModel(folder, { backend: runtimeOf(place) }), createRdkit()]);
  const pool = createRefiningPool({ validate: warmUp(createValidator(rdkit)) });
  await pool.warm();
  return {
    why: model.backend.why,
    prepare(count, what) {
      const { steps, decoding, seed } = drawOf(what), seen = new Set<string>();
      const tally = tallyOf(TALLY.map(() => 0));
      let next = seed;
      return async () => {
        const request = acceptOrder(model.card, { count, steps, decoding, seed: next++ });
        const generation = generateMolecules(model, request, { validate: pool });
        for await (const molecules of generation.windows) {
          for (const { validation: { valid, stable, edmSmiles } } of molecules) {
            tally.drawn++;
            if (valid) tally.valid++;
            if (stable) tally.stable++;
            if (valid && stable) seen.add(edmSmiles!);
          }
        }
        tally.validUniqueStable = seen.size;
        for (const name of ["sampleMs", "decodeMs", "validateMs"] as const) tally[name] += generation.timings[name];
        return TALLY.map((name) => tally[name]);
      };
    },
    close() {
      pool.close();
      model.dispose();
    },
  };
}
