/** The arrays that a training step works on: what the way forward keeps of each block, what the way back needs once, a batch. */
import { EXPANSION, PAIR_WIDTH, type PairAttentionSizes, SETS } from "../../../networks/pair_attention/parameters.ts";
import type { Gpu } from "../device.ts";
import { createArray } from "../memory.ts";
import { endColumns, projectedColumns } from "../packing.ts";
import { TILE_ROWS } from "../products.ts";
import { roundUp } from "../round_up.ts";
import { CONDITIONS } from "./batch.ts";
import { layerSizes, rowFloats, type TrainingOptions } from "./kernels.ts";
import type { TrainingLayout } from "./layout.ts";
import { MOST_GROUPS } from "./molecules.ts";

/** What a batch needs room for. */
export interface Capacity {
  readonly rows: number;
  readonly molecules: number;
  /** Floats of the latents. */
  readonly latents: number;
}

/** Floats a row of what each block keeps, and of what is kept once more behind the last block (`levels`). */
const keptFloats = ({ width: f }: PairAttentionSizes) => ({
  blocks: {
    projected: rowFloats(projectedColumns(f)),
    mixed: f + PAIR_WIDTH,
    updates: 3 * SETS,
    middle: f,
    moments2: 2,
    up: EXPANSION * f,
    gates: SETS,
  },
  levels: { h: f, moments1: 2, normalised: 3 * SETS, norms: SETS },
});

/** Floats a row of what is there once. */
const workFloats = ({ space, sizes: { width: f } }: TrainingOptions) => ({
  sets: 3 * SETS,
  ends: endColumns(space).floats,
  dends: endColumns(space).floats,
  dh: f,
  dnormed: f,
  dnorms: SETS,
  dsets: 3 * SETS,
  dnormalised: 3 * SETS,
  dupdates: 3 * SETS,
  dgates: SETS,
  dhidden: EXPANSION * f,
  dmixed: f + PAIR_WIDTH,
  dprojected: rowFloats(projectedColumns(f)),
});

/** Arrays by name. */
type Named<T> = { readonly [Name in keyof T]: GPUBuffer };

/** The arrays of a training step. */
export interface TrainingArrays {
  readonly blocks: readonly Named<ReturnType<typeof keptFloats>["blocks"]>[];
  readonly levels: readonly (Named<ReturnType<typeof keptFloats>["levels"]> & { readonly scales: GPUBuffer })[];
  readonly work: Named<ReturnType<typeof workFloats>>;
  readonly batch: Readonly<
    Record<"index" | "owners" | "inputs" | "latents" | "targets" | "conditions", GPUBuffer>
  >;
  /** Bytes of all. */
  readonly bytes: number;
  dispose(): void;
}

/** Makes room for batches of this capacity. Rows get whole tiles: what is beyond the batch is computed too, and never counts. */
export function createTrainingArrays(gpu: Gpu, { space, sizes }: TrainingOptions, capacity: Capacity): TrainingArrays {
  const rows = roundUp(capacity.rows, TILE_ROWS) + TILE_ROWS, all: GPUBuffer[] = [];
  const array = (name: string, floats: number) => {
    const buffer = createArray(gpu, name, floats);
    all.push(buffer);
    return buffer;
  };
  const named = <T extends Record<string, number>>(floats: T) =>
    Object.fromEntries(
      Object.entries(floats).map(([name, width]) => [name, array(name, width * rows)]),
    ) as Named<T>;
  const kept = keptFloats(sizes), { molecules, latents } = capacity, { blocks } = sizes;
  return {
    blocks: Array.from({ length: blocks }, () => named(kept.blocks)),
    levels: Array.from({ length: blocks + 1 }, () => ({
      ...named(kept.levels),
      scales: array("scales", molecules * SETS),
    })),
    work: named(workFloats({ space, sizes })),
    batch: {
      index: array("index", 4 * molecules),
      owners: array("owners", rows),
      inputs: array("inputs", rows * layerSizes({ space, sizes }).input.terms),
      latents: array("latents", latents),
      targets: array("targets", latents),
      conditions: array("conditions", molecules * CONDITIONS),
    },
    bytes: all.reduce((sum, { size }) => sum + size, 0),
    dispose: () => all.forEach((buffer) => buffer.destroy()),
  };
}

/** Floats of the shares of the most workgroups that a batch of so many molecules is given. */
export const sharesFloats = (layout: TrainingLayout, molecules: number): number =>
  Math.min(molecules, MOST_GROUPS) * (layout.length - layout.products);
