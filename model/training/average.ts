/** Means of networks' weights. */
import type { WritableTensor } from "../diffusion/safetensors.ts";

/**
 * The mean of networks of one shape by their shares, in double precision: Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models
 * improves accuracy without increasing inference time" (2022).
 *
 * @throws RangeError for shares that do not add up to 1, and for networks of different tensors
 */
export function averageWeights(
  networks: readonly { readonly tensors: ReadonlyMap<string, WritableTensor>; readonly share: number }[],
): Map<string, { shape: number[]; data: Float32Array }> {
  const all = networks.reduce((sum, { share }) => sum + share, 0), names = [...networks[0]?.tensors.keys() ?? []];
  if (Math.abs(all - 1) > 1e-9) throw new RangeError(`shares must add up to 1; got ${all}`);
  return new Map(names.map((name) => {
    const parts = networks.map(({ tensors }) => tensors.get(name)), shape = parts[0]!.shape;
    for (const [k, part] of parts.entries()) {
      if (part?.shape.join() !== shape.join() || networks[k].tensors.size !== names.length) {
        throw new RangeError(`networks must have the same tensors; ${name} is ${shape} and ${part?.shape ?? "absent"}`);
      }
    }
    const data = parts[0]!.data.map((_, i) =>
      parts.reduce((sum, part, k) => sum + networks[k].share * part!.data[i], 0)
    );
    return [name, { shape: [...shape], data }];
  }));
}
