/** What a peer's denoiser is called on: the very numbers that ours are. */
import { join } from "node:path";
import type { LatentSpace } from "../../model/diffusion/types.ts";
import { inputsOf } from "../subject.ts";

/**
 * Writes a batch's latents, molecule after molecule without padding, and beside them the molecules' sizes, and says what
 * to ask of `driver.py`.
 *
 * @param folder the subject's `inputs`
 * @param mixture sizes, as a network's subject is asked for them; a mixture's must ascend
 */
export async function writeInputs(
  folder: string,
  space: LatentSpace,
  mixture: readonly number[],
  batch: number,
): Promise<string> {
  const name = `${batch}-of-${mixture.length === 1 ? mixture[0] : "mixture"}`, groups = inputsOf(space, mixture, batch);
  const sizes = groups.flatMap(({ shape }) => Array<number>(shape.batch).fill(shape.nodes));
  const z = Float32Array.from(groups.flatMap(({ z }) => [...z]));
  await Deno.writeFile(join(folder, name), new Uint8Array(z.buffer));
  await Deno.writeTextFile(join(folder, `${name}.json`), JSON.stringify({ sizes }));
  return `network ${name}`;
}

/** A mixture of `count` sizes at even distances of their distribution, ascending. */
export function evenSizes(histogram: Readonly<Record<string, number>>, count: number): number[] {
  const sizes = Object.keys(histogram).map(Number).sort((a, b) => a - b);
  const total = sizes.reduce((sum, size) => sum + histogram[size], 0);
  let k = 0, below = histogram[sizes[0]];
  return Array.from({ length: count }, (_, i) => {
    while ((i + 0.5) / count * total > below) below += histogram[sizes[++k]];
    return sizes[k];
  });
}
