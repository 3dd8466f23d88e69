/** Positions by distance bounds alone (`bounds.ts`, `proximity.ts`): quick, coarse, and of any molecule. */
import { mersenneTwister } from "../numpy_permutation.ts";
import { distanceBounds } from "./bounds.ts";
import { embed } from "./proximity.ts";
import type { PositionSource } from "./source.ts";
import { withStereo } from "./stereo.ts";

/** Most embeddings for one set of positions, until one has the stereo. */
const TRIES = 64;

/** Numbers in (0, 1), by the seed. */
export function uniformOf(seed: number): () => number {
  const next = mersenneTwister(seed);
  return () => (next() + 0.5) / 2 ** 32;
}

/** The source. */
export function createProximitySource(): PositionSource {
  return {
    name: "proximity",
    *draw(graph, most, seed) {
      const bounds = distanceBounds(graph, "all"), uniform = uniformOf(seed);
      for (let drawn = 0; drawn < most; drawn++) {
        let x = embed(bounds, uniform);
        for (let tried = 1; tried < TRIES && !withStereo(graph, x); tried++) x = embed(bounds, uniform);
        yield x;
      }
    },
  };
}
