/** Molecule-steps a second of a model's own denoiser on each backend. */
import type { RuntimeName } from "../model/engines/runtimes.ts";
import type { EngineName } from "./subject.ts";
import type { Result } from "./table.ts";
import { type Rounds, throughput } from "./throughput.ts";

/** What to measure. */
interface DenoiserBench extends Rounds {
  readonly folder: string;
  readonly model: string;
  /** The version of its weights. */
  readonly weights: string;
  readonly backends: readonly RuntimeName[];
  readonly nodes: number;
  readonly batch: number;
}

/** Where a runtime runs a model; see `openSubject`. */
const placeOf = (runtime: RuntimeName): EngineName =>
  runtime === "tensorflow" || runtime === "cpu" ? `tfjs ${runtime}` : `${runtime} engine`;

/** A row a backend; one that does not work here gets a row that says so. */
export function benchDenoiser(
  { folder, model, weights, backends, nodes, batch, ...rounds }: DenoiserBench,
): Promise<Result> {
  return throughput({
    ...rounds,
    bench: "denoiser",
    subject: { type: "model", folder, nodes },
    settings: { model, weights, nodes },
    places: backends.map(placeOf),
    batches: [batch],
    reference: "wasm engine",
    rate: { name: "molecule-steps/s", each: (batch) => batch },
  });
}
