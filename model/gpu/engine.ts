/**
 * A pair-attention network on the GPU: its weights, its kernels by size of molecule, and buffers that grow to the largest batch seen
 * and are used again. Whoever uses it does so in turns, as there is one set of buffers.
 */
import { latentLength } from "../latent.ts";
import { flatten } from "../engine/parameters.ts";
import { narrowFloat16 } from "../float16.ts";
import { pairAttentionParameters } from "../pair_attention/parameters.ts";
import type { BatchShape } from "../types.ts";
import type { Gpu } from "./device.ts";
import type { Resource } from "./kernel.ts";
import { ALIGNMENT, createArray, type Numbers, uploadAll } from "./memory.ts";
import {
  type Arrays,
  bindForward,
  conditionWidth,
  createArrays,
  createRowKernels,
  createSizeKernels,
  type Forward,
  mostRows,
  type NetworkOptions,
  type Ports,
} from "./network.ts";
import { packPairAttention, type Parameters } from "./packing.ts";

/** What a batch needs room for. */
export interface Room {
  readonly shape: BatchShape;
  /** Rows of times, alpha and sigma. */
  readonly conditions: number;
  /** Slots of `call.ts`. */
  readonly calls: number;
}

/** Buffers with room for a batch, and the forward pass bound to them. Good until the next `prepare`. */
export interface Prepared {
  readonly ports: Ports;
  readonly forward: Forward;
}

/** A network on a device. */
export interface GpuEngine {
  readonly gpu: Gpu;
  /** Most molecules of this size in one batch. */
  most(nodes: number): number;
  /** Compiles kernels for a size where that has not been done, and makes room. */
  prepare(room: Room): Promise<Prepared>;
  /** Waits for those before, then has the buffers to itself. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Bytes of the buffers of batches. */
  readonly memory: number;
  /** Frees weights and buffers; the device stays open. */
  dispose(): void;
}

/** Workgroups of a dispatch, at most: one a molecule in some kernels. */
const MOST_MOLECULES = 65535;

/**
 * Uploads weights and compiles what serves molecules of any size.
 *
 * @throws RangeError where parameters are missing or of other shapes, or sizes are beyond the kernels'
 */
export async function createGpuEngine(gpu: Gpu, options: NetworkOptions, parameters: Parameters): Promise<GpuEngine> {
  const { space, sizes, precision = "f32" } = options;
  if (!(sizes.width > 0 && sizes.width % 16 === 0)) {
    throw new RangeError(`width must be a positive multiple of 16, ${sizes.width} given`);
  }
  if (space.vectors < 1 || space.scalars < 1 || space.scalars > 16 || space.pairs < 1 || space.pairs > 8) {
    throw new RangeError(
      `a latent with vectors, 1 to 16 scalars and 1 to 8 pair features asked, ${JSON.stringify(space)} given`,
    );
  }
  flatten(pairAttentionParameters(space, sizes), parameters); // checks names and shapes
  const { products, others } = packPairAttention(space, sizes, parameters);
  const weights = uploadAll(
    gpu,
    "weights",
    new Map<string, Numbers>([
      ...[...products].map((
        [name, data],
      ): [string, Numbers] => [name, precision === "f16" ? narrowFloat16(data) : data]),
      ...others,
    ]),
  );
  const weight = (name: string): Resource => weights.parts.get(name)!;
  const rowKernels = await createRowKernels(gpu, options);
  const sizeKernels = new Map<number, ReturnType<typeof createSizeKernels>>();
  const largest = mostRows(gpu, sizes);

  let arrays: Arrays | undefined, ports: Ports | undefined, rows = 0;
  const bound = new Map<number, Forward>();
  const free = (buffers: object | undefined) => {
    for (const buffer of Object.values(buffers ?? {}) as GPUBuffer[]) buffer.destroy();
  };
  /** Room at least doubles, so that growing batches don't make new buffers each time. */
  const grown = (before: number, asked: number, most = Infinity) => Math.max(asked, Math.min(2 * before, most));
  const makeRoom = ({ shape: { batch, nodes }, conditions, calls }: Room) => {
    if (!arrays || batch * nodes > rows) {
      free(arrays);
      rows = grown(rows, batch * nodes, largest);
      arrays = createArrays(gpu, sizes, rows);
      bound.clear();
    }
    const bytes = {
      latents: 4 * batch * latentLength(space, nodes),
      estimates: 4 * batch * latentLength(space, nodes),
      conditions: 4 * conditions * conditionWidth(sizes),
      calls: ALIGNMENT * calls,
    };
    const names = Object.keys(bytes) as (keyof Ports)[];
    if (ports && names.every((name) => ports![name].size >= bytes[name])) return;
    const made = names.map((name) => {
      const had = ports?.[name];
      if (had && had.size >= bytes[name]) return [name, had];
      const size = grown(had?.size ?? 0, bytes[name], gpu.device.limits.maxStorageBufferBindingSize);
      had?.destroy();
      return [
        name,
        name !== "calls" ? createArray(gpu, name, size / 4) : gpu.device.createBuffer({
          label: name,
          size,
          usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        }),
      ];
    });
    ports = Object.fromEntries(made) as unknown as Ports;
    bound.clear();
  };

  let last: Promise<unknown> = Promise.resolve();
  let disposed = false;
  return {
    gpu,
    most: (nodes) => {
      const floats = Math.floor(gpu.device.limits.maxStorageBufferBindingSize / 4);
      const most = Math.min(
        Math.floor(largest / nodes),
        MOST_MOLECULES,
        Math.floor(floats / latentLength(space, nodes)),
      );
      if (most < 1) throw new RangeError(`molecules of ${nodes} nodes are too large for this GPU (${gpu.label})`);
      return most;
    },
    async prepare(room) {
      if (disposed) throw new Error("the engine on the GPU has been disposed of");
      const { nodes } = room.shape;
      let kernels = sizeKernels.get(nodes);
      if (!kernels) sizeKernels.set(nodes, kernels = createSizeKernels(gpu, options, nodes));
      const ready = { ...rowKernels, ...await kernels };
      makeRoom(room);
      let forward = bound.get(nodes);
      if (!forward) {
        forward = bindForward(options, nodes, ready, weight, arrays!, ports!);
        bound.set(nodes, forward);
      }
      return { ports: ports!, forward };
    },
    inTurn<T>(work: () => Promise<T>): Promise<T> {
      const next = last.then(work, work);
      last = next.catch(() => {});
      return next;
    },
    get memory() {
      return [...Object.values(arrays ?? {}), ...Object.values(ports ?? {})].reduce((sum, { size }) => sum + size, 0);
    },
    dispose() {
      disposed = true;
      free(arrays);
      free(ports);
      weights.buffer.destroy();
    },
  };
}
