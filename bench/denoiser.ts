/** Molecule-steps a second of a model's denoiser on each backend. */
import { loadModel } from "../model/load.ts";
import { drawNoise } from "../model/latent.ts";
import { random } from "../model/random.ts";
import { RUNTIMES } from "../model/runtimes.ts";
import type { Result, Row } from "./table.ts";

/** What to measure. */
export interface DenoiserBench {
  readonly folder: string;
  readonly backends: readonly (typeof RUNTIMES[number])[];
  readonly nodes: number;
  readonly batch: number;
  /** At least this long, after one call to warm up. */
  readonly seconds: number;
}

/** A row a backend; one that does not work here gets a row that says so. */
export async function benchDenoiser({ folder, backends, nodes, batch, seconds }: DenoiserBench): Promise<Result> {
  const rows: Row[] = [];
  for (const backend of backends) {
    try {
      const model = await loadModel(folder, { backend }), denoiser = await model.denoiser();
      const shape = { batch, nodes };
      const z = drawNoise(denoiser.space, shape, Array.from({ length: batch }, (_, i) => random(1, i)));
      await denoiser.predict(z, shape, 0.5);
      const started = performance.now();
      let calls = 0;
      do {
        await denoiser.predict(z, shape, 0.5);
        calls++;
      } while (performance.now() - started < 1000 * seconds);
      const each = (performance.now() - started) / calls;
      rows.push({ backend, "molecule-steps/s": 1000 * batch / each, "ms a call": each, note: "" });
      model.dispose();
    } catch (error) {
      const note = (error as Error).message.split("\n")[0].slice(0, 60);
      rows.push({ backend, "molecule-steps/s": 0, "ms a call": 0, note });
    }
  }
  return { bench: "denoiser", settings: { model: folder, nodes, batch }, rows };
}
