/** Training updates a second of the trainers. */
import type { EngineName } from "./subject.ts";
import { type Rounds, throughput } from "./throughput.ts";
import type { Result } from "./table.ts";

/** Those that train on a CPU in useful time, and the engine on a GPU. */
export const TRAINING_PLACES = ["native engine", "webgpu engine", "tfjs tensorflow"] as const satisfies EngineName[];

/**
 * Updates of the shipped denoiser's sizes on batches of 128 molecules of nine heavy atoms.
 *
 * @param software whether an adapter that computes on the CPU counts as a GPU
 */
export function benchTraining(
  rounds: Rounds,
  places: readonly EngineName[] = TRAINING_PLACES,
  software = false,
): Promise<Result> {
  return throughput({
    ...rounds,
    bench: "training",
    subject: { type: "training", nodes: 9, width: 192, blocks: 6, software },
    places: TRAINING_PLACES.filter((place) => places.includes(place)),
    batches: [128],
    reference: "tfjs tensorflow",
    rate: { name: "updates/s", each: () => 1 },
  });
}
