/** Molecule-steps a second of the denoisers, by backend and batch. */
import { type EngineName, ENGINES } from "./subject.ts";
import { type Rounds, throughput } from "./throughput.ts";
import type { Result } from "./table.ts";

/** Products of 16-bit floats may differ by more than rounding does. */
const tolerance = (place: string) => place.includes("f16") ? 0.02 : 1e-4;

const rate = { name: "molecule-steps/s", each: (batch: number) => batch };

/**
 * The shipped denoiser's sizes on nine heavy atoms, as most molecules of QM9 have; random weights.
 *
 * @param software whether an adapter that computes on the CPU counts as a GPU
 */
export function benchPairAttention(
  rounds: Rounds,
  places: readonly EngineName[] = ENGINES,
  software = false,
): Promise<Result> {
  const subject = { type: "pair-attention", nodes: 9, width: 192, blocks: 6, software } as const;
  return throughput({
    ...rounds,
    bench: "pair-attention",
    subject,
    places,
    batches: [1, 16, 128, 1024],
    reference: "tfjs wasm",
    tolerance,
    rate,
  });
}

/** An EGNN of the sizes of GeoLDM's QM9 model on 18 atoms, the data's mean; random weights. `software`: as above. */
export function benchEgnn(rounds: Rounds, places: readonly EngineName[] = ENGINES, software = false): Promise<Result> {
  const subject = { type: "egnn", nodes: 18, width: 256, blocks: 9, software } as const;
  const batches = [1, 16, 64, 512];
  const reference = "tfjs wasm";
  return throughput({ ...rounds, bench: "egnn", subject, places, batches, reference, tolerance, rate });
}
