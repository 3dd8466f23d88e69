/**
 * A network on the GPU: its weights, its kernels by size of molecule, and buffers that grow to the largest batch seen
 * and are used again. There are two lanes, so that the GPU has work while somebody reads what it has done: each has its own latents and
 * estimates; what a forward pass works on in between is shared, as passes follow one another on the device.
 */
import { latentLength } from "../../diffusion/latent.ts";
import type { Conditioned } from "../../diffusion/condition.ts";
import type { BatchShape, LatentSpace } from "../../diffusion/types.ts";
import type { Gpu } from "./device.ts";
import { ALIGNMENT, allocated, createArray } from "./memory.ts";

/** What a network reads and writes. */
export interface Ports {
  readonly latents: GPUBuffer;
  readonly conditions: GPUBuffer;
  readonly calls: GPUBuffer;
  readonly estimates: GPUBuffer;
}

/**
 * Records a forward pass of some molecules: reads `latents`, the conditions and a slot of `calls`, at a byte offset `at`, and writes
 * `estimates`; without a block of this number, where there is one.
 */
export type Forward = (pass: GPUComputePassEncoder, molecules: number, at: number, without?: number) => void;

/** Arrays that a forward pass works on, by name. */
export type Buffers = Readonly<Record<string, GPUBuffer>>;

/** A kind of network with its weights: what the engine runs. */
export interface GpuNetwork<Arrays extends Buffers = Buffers> {
  readonly space: LatentSpace;
  /** Floats of a row of conditions. */
  readonly conditionWidth: number;
  /** Rows of conditions `[batch, conditionWidth]` of molecules of so many nodes. Throws RangeError where what is needed is not given. */
  conditions(at: Conditioned, nodes: number): Float32Array<ArrayBuffer>;
  /** The block that a batch is estimated without; of a network that has a weaker self. Throws RangeError where it has none. */
  without?(conditions: Conditioned["conditions"]): number | undefined;
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

/** One of the engine's lanes, from 0. */
export type Lane = number;

/** Lanes of an engine. */
export const LANES = 2;

/** Buffers with room for a batch, and the forward pass bound to them. Good until the lane's next `prepare`. */
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
  /** Compiles kernels for a size where that has not been done, and makes room. Throws Error where the GPU's memory does not suffice. */
  prepare(room: Room, lane: Lane): Promise<Prepared>;
  /** Waits for a lane, first come, first served, and then has it to itself. */
  inTurn<T>(work: (lane: Lane) => Promise<T>): Promise<T>;
  /** Bytes of the buffers of batches. */
  readonly memory: number;
  /** Frees weights and buffers, once what is under way has ended; the device stays open. */
  dispose(): Promise<void>;
}

/** Workgroups of a dispatch, at most: one a molecule in some kernels. */
const MOST_MOLECULES = 65535;

/** What a lane has of its own. */
interface Own {
  ports?: Ports;
  /** Forward passes by size of molecule, and the arrays that they are bound to. */
  readonly bound: Map<number, { readonly forward: Forward; readonly arrays: Buffers }>;
}

/** Puts a network to work; it is the engine's to dispose of. */
export function createEngine<Arrays extends Buffers>(gpu: Gpu, network: GpuNetwork<Arrays>): GpuEngine {
  const { space, conditionWidth, mostRows: largest } = network;
  const lanes = Array.from({ length: LANES }, (): Own => ({ bound: new Map() }));
  let arrays: Arrays | undefined, rows = 0;
  /** Arrays that were too small, which a lane may still be using. */
  let outgrown: Arrays[] = [];
  const free = (buffers: object | undefined) => {
    for (const buffer of Object.values(buffers ?? {}) as GPUBuffer[]) buffer.destroy();
  };
  /** Room at least doubles, so that growing batches don't make new buffers each time. */
  const grown = (before: number, asked: number, most = Infinity) => Math.max(asked, Math.min(2 * before, most));
  const arraysFor = (asked: number): Arrays => {
    if (arrays && asked <= rows) return arrays;
    if (arrays) outgrown.push(arrays);
    rows = grown(rows, asked, largest);
    return arrays = network.createArrays(rows);
  };
  const portsFor = (own: Own, { shape: { batch, nodes }, conditions, calls }: Room): Ports => {
    const bytes = {
      latents: 4 * batch * latentLength(space, nodes),
      estimates: 4 * batch * latentLength(space, nodes),
      conditions: 4 * conditions * conditionWidth,
      calls: ALIGNMENT * calls,
    };
    const names = Object.keys(bytes) as (keyof Ports)[], { ports } = own;
    if (ports && names.every((name) => ports[name].size >= bytes[name])) return ports;
    const made = names.map((name) => {
      const had = ports?.[name];
      if (had && had.size >= bytes[name]) return [name, had];
      const size = grown(had?.size ?? 0, bytes[name], gpu.device.limits.maxStorageBufferBindingSize);
      had?.destroy();
      return [name, name === "calls" ? createSlots(gpu, size) : createArray(gpu, name, size / 4)];
    });
    own.bound.clear();
    return own.ports = Object.fromEntries(made) as unknown as Ports;
  };

  const idle = lanes.map((_, lane) => LANES - 1 - lane), waiting: PromiseWithResolvers<Lane>[] = [];
  let disposed = false;
  const ended = Promise.withResolvers<void>();
  const leave = (lane: Lane) => {
    const next = waiting.shift();
    if (next) return next.resolve(lane);
    idle.push(lane);
    if (idle.length < LANES) return;
    outgrown.forEach(free);
    outgrown = [];
    if (disposed) end();
  };
  const end = () => {
    free(arrays);
    for (const { ports } of lanes) free(ports);
    network.dispose();
    ended.resolve();
  };
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
    async prepare(room, lane) {
      if (disposed) throw new Error("the engine on the GPU has been disposed of");
      const { shape: { batch, nodes } } = room, own = lanes[lane], bind = await network.compile(nodes);
      const [ports, mine] = await allocated(gpu, () => [portsFor(own, room), arraysFor(batch * nodes)] as const)
        .catch((error) => {
          // The next batch, which may be smaller, gets new ones.
          if (arrays) outgrown.push(arrays);
          arrays = undefined, own.ports = undefined, rows = 0;
          throw error;
        });
      const bound = own.bound.get(nodes);
      if (bound?.arrays === mine) return { ports, forward: bound.forward };
      const forward = bind(mine, ports);
      own.bound.set(nodes, { forward, arrays: mine });
      return { ports, forward };
    },
    async inTurn(work) {
      let lane = idle.pop(); // the one that was used last, whose buffers are there
      if (lane === undefined) {
        const turn = Promise.withResolvers<Lane>();
        waiting.push(turn);
        lane = await turn.promise;
      }
      try {
        return await work(lane);
      } finally {
        leave(lane);
      }
    },
    get memory() {
      const all = [arrays, ...outgrown, ...lanes.map(({ ports }) => ports)].flatMap((held) =>
        Object.values(held ?? {})
      );
      return all.reduce((sum, { size }) => sum + size, 0);
    },
    dispose() {
      if (!disposed && idle.length === LANES) end();
      disposed = true;
      return ended.promise;
    },
  };
}

/** A buffer for slots of `call.ts`. */
function createSlots({ device }: Gpu, size: number): GPUBuffer {
  return device.createBuffer({ label: "calls", size, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
}
