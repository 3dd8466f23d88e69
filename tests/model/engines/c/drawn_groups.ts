/** Noisy latents of molecules that a model draws itself: of the kind that it was trained on, without the data. */
import { packExamples, toExample } from "../../../../model/networks/heavy_atom/examples.ts";
import { formOf, QM9_CLASSES } from "../../../../model/networks/heavy_atom/space.ts";
import { realigner } from "../../../../model/diffusion/coupling/align.ts";
import { makeGrid } from "../../../../model/diffusion/grids.ts";
import type { Group } from "../../../../model/diffusion/learner.ts";
import { moleculeNoise } from "../../../../model/diffusion/noise.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { firstLatents, planSampling, runPlan, startOf } from "../../../../model/diffusion/samplers/mod.ts";
import { loadModel } from "../../../../model/models/load.ts";
import { makeGroups } from "../../../../model/training/batches.ts";

/** A batch of `batch` with noise at many times, of molecules of nine heavy atoms drawn at eight steps by the model in `folder`. */
export async function drawnGroups(folder: string, batch: number): Promise<Group[]> {
  const model = await loadModel(folder, { backend: "native" }), { card, schedule } = model, nodes = 9;
  const denoiser = await model.denoiser(), { space } = denoiser, shape = { batch, nodes };
  try {
    const { grid: spec, options } = card.recommended.find(({ steps }) => steps === 8)!;
    const grid = makeGrid(spec, 8, schedule), indices = Array.from({ length: batch }, (_, index) => index);
    const aligned = realigner(card.coupling, space, shape), noise = moleculeNoise(space, nodes, 1, indices);
    const z = await firstLatents(noise, startOf(card.latents![nodes], space, nodes, schedule(grid[0]), 1), aligned);
    const plan = planSampling("consistency", schedule, grid, options);
    const x0 = await runPlan(plan, (z, time) => denoiser.predict(z, shape, { time }), z, noise, undefined, aligned);
    const streams = indices.map((index) => random(2, index));
    const molecules = await model.autoencoder.decode(x0, shape, streams, { decoding: "valence" });
    const examples = molecules.map((molecule) => toExample(molecule, QM9_CLASSES));
    const coupling = card.coupling, form = formOf(card.autoencoder.type === "heavy-atom" ? card.autoencoder : {});
    return makeGroups({ examples: packExamples(examples), batch, seed: 3, update: 0, schedule, coupling, ...form });
  } finally {
    denoiser.dispose();
  }
}
