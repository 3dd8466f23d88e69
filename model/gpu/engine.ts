/**
 * A network on the GPU: its weights, its kernels by size of molecule, and buffers that grow to the largest batch seen
 * and are used again. Whoever uses it does so in turns, as there is one set of buffers.
 */
import { latentLength } from "../latent.ts";
import type { BatchShape, LatentSpace, Schedule } from "../types.ts";
import type { Gpu } from "./device.ts";
import { ALIGNMENT, createArray } from "./memory.ts";

/** What a network reads and writes. */
export interface Ports {
  readonly latents: GPUBuffer;
  readonly conditions: GPUBuffer;
  readonly calls: GPUBuffer;
  readonly estimates: GPUBuffer;
}

/**
 * Records a forward pass of some molecules: reads `latents`, the conditions and a slot of `calls`, at a byte offset `at`, and writes
 * `estimates`.
 */
export type Forward = (pass: GPUComputePassEncoder, molecules: number, at: number) => void;

/** Arrays that a forward pass works on, by name. */
export type Buffers = Readonly<Record<string, GPUBuffer>>;

/** A kind of network with its weights: what the engine runs. */
export interface GpuNetwork<Arrays extends Buffers = Buffers> {
  readonly space: LatentSpace;
  /** Floats of a row of conditions. */
  readonly conditionWidth: number;
  /**
   * Conditions `[batch, conditionWidth]` of one time for all molecules or one each, and numbers of steps where the network is told them.
   * Throws RangeError where what is needed is not given.
   */
  conditions(
    t: number | Float32Array | Float64Array,
    batch: number,
    schedule: (t: number) => Pick<ReturnType<Schedule>, "alpha" | "sigma">,
    steps?: number | Float32Array,
  ): Float32Array<ArrayBuffer>;
  /** Most rows (nodes of all molecules) that arrays can have. */
  readonly mostRows: number;
  createArrays(rows: number): Arrays;
  /** Compiles kernels for a size where that has not been done; what it gives binds them to buffers, once for many calls. */
  compile(nodes: number): Promise<(arrays: Arrays, ports: Ports) => Forward>;
  /** Frees the weights. */
  dispose(): void;
}

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
  readonly network: Pick<GpuNetwork, "space" | "conditions">;
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

/** Puts a network to work; it is the engine's to dispose of. */
export function createEngine<Arrays extends Buffers>(gpu: Gpu, network: GpuNetwork<Arrays>): GpuEngine {
  const { space, conditionWidth, mostRows: largest } = network;
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
      arrays = network.createArrays(rows);
      bound.clear();
    }
    const bytes = {
      latents: 4 * batch * latentLength(space, nodes),
      estimates: 4 * batch * latentLength(space, nodes),
      conditions: 4 * conditions * conditionWidth,
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
    network,
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
      const bind = await network.compile(nodes);
      makeRoom(room);
      let forward = bound.get(nodes);
      if (!forward) bound.set(nodes, forward = bind(arrays!, ports!));
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
      network.dispose();
    },
  };
}
