/** Mean and spread of the training data's latents, which matched starts are drawn with; see `samplers/start.ts`. */
import { randomRotation, writeLatent } from "../networks/heavy_atom/encode.ts";
import type { ExampleSet } from "../networks/heavy_atom/examples.ts";
import { heavyAtomSpace, type LatentForm } from "../networks/heavy_atom/space.ts";
import { latentLength } from "../diffusion/latent.ts";
import { random } from "../diffusion/random.ts";
import type { LatentMoments } from "../diffusion/samplers/mod.ts";
import type { LatentSpace } from "../diffusion/types.ts";
import { type AtomGroup, type AtomSet, makeAtomGroup } from "./atom_batches.ts";
import { ATOM_SCHEDULE, atomSchedule } from "./atom_settings.ts";

/** File of a run's folder that holds the moments of its training data. */
export const LATENTS = "latents.json";

/** Sums over one feature. */
interface Sums {
  sum: number;
  squares: number;
  count: number;
}

const meanAndSpread = ({ sum, squares, count }: Sums): [number, number] => {
  const mean = sum / Math.max(1, count);
  return [mean, Math.sqrt(Math.max(0, squares / Math.max(1, count) - mean * mean))];
};
const brief = (value: number) => Number(value.toPrecision(5));

/** Adds latents of one size up. */
export function momentsOf(space: LatentSpace, nodes: number) {
  const { vectors: V, scalars: S, pairs: P } = space, width = 3 * V + S, length = latentLength(space, nodes);
  const sums = (count: number) => Array.from({ length: count }, (): Sums => ({ sum: 0, squares: 0, count: 0 }));
  const vectors = sums(V), scalars = sums(S), pairs = sums(P);
  const add = (to: Sums, value: number) => void (to.sum += value, to.squares += value * value, to.count++);
  return {
    /** @param z `[B, L]` */
    add(z: Float32Array) {
      for (let at = 0; at < z.length; at += length) {
        for (let i = 0; i < nodes; i++) {
          for (let k = 0; k < 3 * V; k++) add(vectors[Math.floor(k / 3)], z[at + i * width + k]);
          for (let k = 0; k < S; k++) add(scalars[k], z[at + i * width + 3 * V + k]);
          for (let j = 0; j < i; j++) {
            for (let k = 0; k < P; k++) add(pairs[k], z[at + nodes * width + (i * nodes + j) * P + k]);
          }
        }
      }
    },
    /** To five digits. */
    moments(): LatentMoments {
      const both = (of: Sums): [number, number] => {
        const [mean, spread] = meanAndSpread(of);
        return [brief(mean), brief(spread)];
      };
      return {
        // Turned at random, a vector's mean is 0.
        vectors: vectors.map(({ squares, count }) => brief(Math.sqrt(squares / Math.max(1, count)))),
        scalars: scalars.map(both),
        pairs: pairs.map(both),
      };
    },
  };
}

/** Seed of the draws of u. */
const SEED = 20_103;

/** The moments of examples' latents, by size. */
export function exampleMoments(
  examples: ExampleSet,
  classes: number,
  form: LatentForm = {},
): Record<string, LatentMoments> {
  const space = heavyAtomSpace({ length: classes }, form), stream = random(SEED);
  const all = new Map([...examples.sizes.keys()].map((nodes) => [nodes, momentsOf(space, nodes)]));
  const room = new Map([...all.keys()].map((nodes) => [nodes, new Float32Array(latentLength(space, nodes))]));
  for (let k = 0; k < examples.count; k++) {
    const example = examples.example(k), z = room.get(example.nodes)!;
    writeLatent(example, classes, randomRotation(stream), stream, z, 0, form);
    all.get(example.nodes)!.add(z);
  }
  return Object.fromEntries([...all].map(([nodes, sums]) => [nodes, sums.moments()]));
}

/** Most molecules of a size whose latents make its moments, drawn with replacement, and those read from the device at once. */
const DRAWN = 128, AT_ONCE = 32;

/**
 * The moments of all-atom latents, by size.
 *
 * @param latents the clean latents of a group, `[B, L]`
 */
export async function atomMoments(
  { sizes, molecule }: AtomSet,
  space: LatentSpace,
  latents: (group: AtomGroup) => Promise<Float32Array>,
): Promise<Record<string, LatentMoments>> {
  const all: [number, LatentMoments][] = [], { timesteps } = ATOM_SCHEDULE, schedule = atomSchedule();
  for (const [size, rows] of sizes) {
    const sums = momentsOf(space, size), set = { count: rows.length, sizes: new Map([[size, rows]]), molecule };
    const batch = Math.min(AT_ONCE, rows.length), batches = Math.ceil(Math.min(DRAWN, rows.length) / batch);
    for (let update = 0; update < batches; update++) {
      const group = makeAtomGroup({ set, space, batch, seed: SEED, update, schedule, timesteps });
      sums.add(await latents(group));
    }
    all.push([size, sums.moments()]);
  }
  return Object.fromEntries(all);
}
