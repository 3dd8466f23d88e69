/**
 * Guidance by a weaker version of the network itself (Karras et al. 2024, "Guiding a diffusion model with a bad version of itself", eq. 3): the estimate is taken beyond
 * that of the weaker one, x = weak + w (own - weak), by the line of `guide.ts`. What both get wrong alike stays; where the weaker one is further off in the same
 * direction, that is mended. The weaker version here is the network without one of its blocks (Hyung et al. 2024, "Spatiotemporal skip guidance for enhanced video
 * diffusion sampling"): it asks for no training, and no weights. Two calls a step, the second of them a block shorter.
 */
import { z } from "zod";
import { type Condition, type Conditions, eachCondition, mapConditions } from "../../diffusion/condition.ts";
import type { Denoiser } from "../../diffusion/denoiser.ts";
import { rowsOf } from "../../diffusion/latent.ts";
import type { BatchShape } from "../../diffusion/types.ts";
import { guideSome } from "./guide.ts";

/** Most that an estimate is guided so. */
const AUTOGUIDANCE_MAX = 5;

/** How far estimates can be guided so: 0 takes the weaker self's, 1 the network's own. */
export const autoguidanceSpec = z.number().min(0).max(AUTOGUIDANCE_MAX);

/** How far an estimate is guided from the weaker self's; undefined where it is the network's own. */
export const autoguidanceOf = ({ autoguidance = 1 }: Pick<Condition, "autoguidance"> = {}): number | undefined =>
  autoguidance === 1 ? undefined : autoguidance;

/** A condition, asked of the network itself. */
export const own = <C extends Pick<Condition, "autoguidance">>({ autoguidance: _, ...condition }: C) => condition;

/** The same, asked of its weaker self. */
export const weak = <C extends Pick<Condition, "autoguidance">>(condition: C) => ({
  ...own(condition),
  weak: true as const,
});

/** A denoiser around one that hears `autoguidance`, all of whose estimates are guided as far. */
export const guidedBy = (network: Denoiser, autoguidance: number): Denoiser => ({
  ...network,
  predict: (z, shape, conditions) =>
    network.predict(z, shape, mapConditions(conditions, (condition) => ({ ...condition, autoguidance }))),
});

/** A denoiser around one that has a weaker self, of which conditions' `autoguidance` is heard. */
export function createAutoguided(network: Denoiser): Denoiser {
  const { space } = network;
  const predict = async (z: Float32Array, shape: BatchShape, conditions: Conditions): Promise<Float32Array> => {
    const all = eachCondition(conditions, shape.batch);
    const places = all.flatMap((one, b) => autoguidanceOf(one) === undefined ? [] : [b]);
    const asked = Array.isArray(conditions) ? all.map(own) : own(conditions as Condition);
    const x0 = await network.predict(z, shape, asked);
    if (places.length === 0) return x0;
    const some = rowsOf(z, places, z.length / shape.batch), weaker = { ...shape, batch: places.length };
    const said = await network.predict(some, weaker, places.map((b) => weak(all[b])));
    guideSome(x0, said, places, (b) => autoguidanceOf(all[b])!, space, shape);
    return x0;
  };
  return { ...network, predict };
}
