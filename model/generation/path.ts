/** The way of one molecule from noise to data: what the sampler held at each call of the denoiser, and what it took the clean molecule for. */
import { bondsOf } from "../../chem/bonds.ts";
import { CHEMISTRIES } from "../../chem/chemistry.ts";
import { symbolOf } from "../../chem/elements.ts";
import type { Bond, Molecule } from "../../chem/molecule.ts";
import type { PropertyValues } from "../../chem/properties.ts";
import { PURPOSE, random } from "../diffusion/random.ts";
import type { Model } from "../models/load.ts";
import type { Estimate } from "./rows.ts";

/** Most calls that a path keeps. */
export const MOST_FRAMES = 64;

/** Atoms, where they are (angstrom), and the bonds between them. */
export interface Shape {
  readonly symbols: string[];
  readonly positions: [number, number, number][];
  readonly bonds: Bond[];
}

/** A call of the denoiser. */
export interface Frame {
  /** 1 is noise, 0 is data. */
  readonly time: number;
  readonly logSnr: number;
  /** What the sampler held, decoded as it is, noise and all. */
  readonly latent: Shape;
  /** The network's estimate of the clean molecule. */
  readonly estimate: Shape;
}

/** A call that was kept: latents of the one molecule, `[L]`. */
interface Kept {
  readonly time: number;
  readonly nodes: number;
  readonly z: Float32Array;
  readonly x0: Float32Array;
}

/**
 * Hears of a sampling's calls and keeps those of one molecule, at most {@link MOST_FRAMES}: all, or where there are more every second, every fourth..., and
 * the last in any case.
 *
 * @param index of the molecule
 * @param properties that it was asked to have
 */
export function recordPath(index: number, properties?: PropertyValues): {
  readonly onEstimate: (estimate: Estimate) => void;
  /** Decodes what was kept, in the order of the calls. @param rest called between them; what it throws ends it */
  frames(
    model: Pick<Model, "autoencoder" | "schedule" | "card">,
    seed: number,
    rest: () => Promise<void>,
  ): Promise<Frame[]>;
} {
  let kept: Kept[] = [], calls = 0, every = 1, last: Kept | undefined;
  return {
    onEstimate({ time, z, x0, nodes, indices }) {
      const place = indices.indexOf(index), length = z.length / indices.length;
      if (place < 0) return;
      const own = (all: Float32Array) => all.slice(place * length, (place + 1) * length);
      last = { time, nodes, z: own(z), x0: own(x0) };
      if (calls++ % every > 0) return;
      kept.push(last);
      if (kept.length < MOST_FRAMES) return;
      kept = kept.filter((_, k) => k % 2 === 0);
      every *= 2;
    },
    async frames(model, seed, rest) {
      const all = last && kept.at(-1) !== last ? [...kept, last] : kept, frames: Frame[] = [];
      for (const { time, nodes, z, x0 } of all) {
        await rest();
        const latent = await shapeOf(model, z, nodes, { seed, index, properties });
        const estimate = await shapeOf(model, x0, nodes, { seed, index, properties });
        frames.push({ time, logSnr: model.schedule(time).logSnr, latent, estimate });
      }
      return frames;
    },
  };
}

/** A latent `[L]` as its likeliest atoms, wherever they are. */
async function shapeOf(
  { autoencoder, card }: Pick<Model, "autoencoder" | "card">,
  latent: Float32Array,
  nodes: number,
  { seed, index, properties }: {
    readonly seed: number;
    readonly index: number;
    readonly properties?: PropertyValues;
  },
): Promise<Shape> {
  const stream = random(seed, index, PURPOSE.decode), shape = { batch: 1, nodes };
  const [molecule] = await autoencoder.decode(latent, shape, [stream], { decoding: "argmax", properties });
  return told(molecule, bondsOf(molecule, CHEMISTRIES[card.chemistry ?? "edm"]));
}

/** Coordinates to four decimals. */
function told({ atomicNumbers, positions }: Molecule, bonds: readonly Bond[]): Shape {
  const at = (i: number, axis: number) => Math.round(positions[3 * i + axis] * 1e4) / 1e4;
  return {
    symbols: Array.from(atomicNumbers, symbolOf),
    positions: Array.from(atomicNumbers, (_, i) => [at(i, 0), at(i, 1), at(i, 2)]),
    bonds: bonds.map(({ i, j, order }) => ({ i, j, order })),
  };
}
