/**
 * The pair network and attention of a block as one kernel, which stores no pair tensor; see `pairs.wgsl` and docs/denoiser.md.
 */
import {
  DISTANCES,
  HEADS,
  PAIR_WIDTH,
  type PairAttentionSizes,
  SETS,
} from "../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import { latentConstants, RADIAL } from "./constants.ts";
import { projectedColumns } from "./packing.ts";
import pairs from "./pairs.wgsl" with { type: "text" };
import { roundUp } from "./round_up.ts";
import { seenFeatures } from "./seen.ts";
import { assemble } from "./wgsl.ts";

const THREADS = 64, LANES = 16, OUT = PAIR_WIDTH + HEADS + SETS;

/** How a workgroup divides pairs of molecules of `nodes` nodes. */
export interface PairTiling {
  /** Rows of a workgroup. */
  readonly rows: number;
  /** Nodes j at a time. */
  readonly columns: number;
  /** How often. */
  readonly chunks: number;
}

/** At most 64 pairs, a thread each, and at most 8 rows, so that a thread has two lanes of rows at most. */
export function pairTiling(nodes: number): PairTiling {
  const chunks = Math.ceil(nodes / THREADS), columns = Math.ceil(nodes / chunks);
  return { rows: Math.min(2 * THREADS / LANES, Math.floor(THREADS / columns)), columns, chunks };
}

/** Bytes of workgroup memory that the kernel takes: the first layer's weights, the second's, and `stage`. */
export const pairMemory = ({ pairs }: LatentSpace, sizes: Pick<PairAttentionSizes, "estimates"> = {}): number =>
  4 * ((DISTANCES + pairs + seenFeatures(sizes) + 2 * SETS) * PAIR_WIDTH + PAIR_WIDTH * OUT + THREADS * (OUT + 1));

/** The bindings of `createPairs`. */
export type PairBinding =
  | "latents"
  | "normalised"
  | "normalised1"
  | "projected"
  | "projected4"
  | "radial_weight"
  | "pair_weight"
  | "pair_bias"
  | "mixed"
  | "updates"
  | "seen";

/**
 * From q, k, v and the edge layer's halves (`projected`, see packing.ts) and the
 * normalised sets: `mixed` `[rows, width + 32]`, attention's output and the mean messages, and `updates` `[rows, 3, 16]`,
 * sum_j c_ij (Xn_i - Xn_j). `projected4` and `normalised` are bound again for access by vectors and by scalars. `seen` only where the sizes have
 * `estimates`. Runs in rows / `pairTiling(nodes).rows` workgroups.
 */
export function createPairs(
  gpu: Gpu,
  space: LatentSpace,
  sizes: PairAttentionSizes,
  nodes: number,
): Promise<Kernel<PairBinding>> {
  const { width } = sizes, seen = seenFeatures(sizes);
  const { rows, columns, chunks } = pairTiling(nodes), depth = width / HEADS, { pairs: P } = space;
  return createKernel<PairBinding>(gpu, {
    label: `pairs of ${nodes} nodes`,
    code: assemble(pairs, {
      blocks: { features: `const FEATURES = ${DISTANCES}u + ${P}u + ${seen}u + 2u * SETS;` },
      counts: {
        PAIRS: P,
        DEPTH: depth,
        ITEMS: Math.ceil(rows * LANES / THREADS),
        CHUNKS: chunks,
        SEEN: Number(seen > 0),
      },
    }),
    constants: {
      ...latentConstants(space, nodes),
      CHANNELS: width,
      STRIDE: roundUp(projectedColumns(width), 64),
      ROWS: rows,
      COLUMNS: columns,
      SCALE: 1 / Math.sqrt(depth),
      ...RADIAL,
    },
  });
}
