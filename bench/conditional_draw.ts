/** Molecules that are each asked for properties of its own: requests ask for the same of all. */
import type { Molecule } from "../chem/molecule.ts";
import type { PropertyValues } from "../chem/properties.ts";
import { realigner } from "../model/diffusion/coupling/align.ts";
import { moleculeNoise } from "../model/diffusion/noise.ts";
import { PURPOSE, random } from "../model/diffusion/random.ts";
import { firstLatents, runPlan } from "../model/diffusion/samplers/mod.ts";

import { planSettings } from "../model/generation/generate.ts";
import type { ServedModel } from "../model/models/load.ts";
import { type Settings, startsOf } from "../model/models/settings.ts";

/** A molecule that is asked for. */
export interface Asked {
  readonly nodes: number;
  readonly properties: PropertyValues;
}

/** Molecules of a call. */
const AT_ONCE = 100;

/** Draws one molecule for each; that of place k is of index k of the seed. */
export async function drawConditional(
  model: ServedModel,
  settings: Settings,
  asked: readonly Asked[],
  { guidance, seed }: { guidance: number; seed: number },
): Promise<Molecule[]> {
  const denoiser = await model.denoiser(), { space } = denoiser, plan = planSettings(settings, model.schedule);
  const startOf = startsOf(model.card, settings.grid, model.schedule(plan[0].t)), out = Array<Molecule>(asked.length);
  const bySize = Map.groupBy(asked.keys(), (k) => asked[k].nodes);
  for (const [nodes, places] of bySize) {
    for (let from = 0; from < places.length; from += AT_ONCE) {
      const indices = places.slice(from, from + AT_ONCE), shape = { batch: indices.length, nodes };
      const noise = moleculeNoise(space, nodes, seed, indices), aligned = realigner(model.card.coupling, space, shape);
      const x0 = await runPlan(
        plan,
        async (z, time) => {
          const conditions = indices.map((k) => ({ time, properties: asked[k].properties, guidance }));
          const x0 = await denoiser.predict(z, shape, conditions);
          if (time <= settings.clamp) await model.autoencoder.clamp?.(x0, shape);
          return x0;
        },
        await firstLatents(noise, startOf(nodes), aligned),
        noise,
        undefined,
        aligned,
      );
      const streams = indices.map((index) => random(seed, index, PURPOSE.decode));
      const properties = indices.map((k) => asked[k].properties), { decoding } = settings;
      const molecules = await model.autoencoder.decode(x0, shape, streams, { decoding, properties });
      indices.forEach((k, b) => void (out[k] = molecules[b]));
    }
  }
  return out;
}
