/** Parameters for comparing engines. */
import { random } from "../../../model/diffusion/random.ts";
import type { LatentSpace } from "../../../model/diffusion/types.ts";
import { initialise } from "../../../model/networks/pair_attention/denoiser.ts";
import type { PairAttentionSizes } from "../../../model/networks/pair_attention/parameters.ts";

/** First values of which none is zero, so that each matters. */
export function shaken(space: LatentSpace, sizes: PairAttentionSizes) {
  const values = initialise(space, sizes, 3);
  let k = 0;
  for (const { data } of values.values()) {
    const draw = random(9, k++);
    for (let i = 0; i < data.length; i++) data[i] += 0.05 * draw.normal();
  }
  return values;
}
