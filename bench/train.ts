/** Training updates a second of the trainers. */
import type { Place } from "./subject.ts";
import { type Rounds, throughput } from "./throughput.ts";
import type { Result } from "./table.ts";

/** Those that train on a CPU in useful time, and WebGPU. */
export const TRAINING_PLACES = ["native engine", "tfjs tensorflow", "tfjs webgpu"] as const satisfies Place[];

/** Updates of the shipped denoiser's sizes on batches of 128 molecules of nine heavy atoms. */
export function benchTraining(rounds: Rounds, places: readonly Place[] = TRAINING_PLACES): Promise<Result> {
  return throughput({
    ...rounds,
    bench: "training",
    subject: { type: "training", nodes: 9, width: 192, blocks: 6 },
    places: TRAINING_PLACES.filter((place) => places.includes(place)),
    batches: [128],
    reference: "tfjs tensorflow",
    rate: { name: "updates/s", each: () => 1 },
  });
}
