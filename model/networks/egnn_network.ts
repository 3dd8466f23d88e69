/** What the engine knows of an EGNN (`../../networks/egnn.ts`), whatever build it runs on. */
import { egnnParameters, type EgnnSizes } from "./egnn_parameters.ts";
import { centre } from "../diffusion/latent.ts";
import type { BatchShape } from "../diffusion/types.ts";

/** Features `[B,N,k]` and positions `[B,N,3]` of a batch's nodes. */
export interface EgnnArrays {
  readonly h: Float32Array;
  readonly x: Float32Array;
}

/** An EGNN with its parameters. */
export interface EgnnNetwork {
  /** Throws RangeError where the arrays are not of this shape. @returns h `[B,N,outputs]`, x `[B,N,3]` */
  run(nodes: EgnnArrays, shape: BatchShape): Promise<EgnnArrays>;
  dispose(): void;
}

/** Which network. */
export interface EgnnNetworkOptions {
  readonly sizes: EgnnSizes;
  /** Features of a node that go in, and that come out. */
  readonly inputs: number;
  readonly outputs: number;
  /** Of the parameters' names. Default "". */
  readonly prefix?: string;
  /** Threads or workers; the machine's cores where absent. */
  readonly workers?: number;
}

/** What the engine takes at most; the C engine's `constants.h` is written from this. */
export const EGNN_LIMITS = { width: 256, blocks: 32, layers: 4, inputs: 128, outputs: 256 } as const;

/** Why the engine cannot run a network of these sizes; undefined where it can. */
export function lackingForEgnn({ sizes, inputs, outputs }: EgnnNetworkOptions): string | undefined {
  const { width, blocks, invariantLayers, sinEmbedding, aggregation, normalisationFactor } = sizes;
  const most = EGNN_LIMITS;
  if (sinEmbedding) return "the engine has no sinusoidal distances";
  if (width % 16 !== 0 || width > most.width) {
    return `the engine's width must be a multiple of 16 up to ${most.width}; got ${width}`;
  }
  if (blocks > most.blocks) return `the engine's blocks must be at most ${most.blocks}; got ${blocks}`;
  if (invariantLayers < 1 || invariantLayers > most.layers) {
    return `the engine's invariant layers a block must be 1 to ${most.layers}; got ${invariantLayers}`;
  }
  if (inputs < 1 || inputs > most.inputs || outputs < 1 || outputs > most.outputs) {
    return `the engine's features must be 1 to ${most.inputs} in and 1 to ${most.outputs} out; got ${inputs} and ${outputs}`;
  }
  if (aggregation === "sum" && !(normalisationFactor > 0)) {
    return `the engine's normalisation factor must be above 0; got ${normalisationFactor}`;
  }
}

/** The parameters, in the engine's order. */
export function egnnSpecs({ sizes, inputs, outputs }: EgnnNetworkOptions) {
  return egnnParameters("", inputs, outputs, sizes);
}

/** Arguments of `molstep_egnn_create`, but for the threads. Throws RangeError where the engine lacks something. */
export function createArguments(options: EgnnNetworkOptions) {
  const lacking = lackingForEgnn(options), { sizes, inputs, outputs } = options;
  if (lacking) throw new RangeError(lacking);
  return [
    inputs,
    outputs,
    sizes.width,
    sizes.blocks,
    sizes.invariantLayers,
    Number(sizes.attention),
    Number(sizes.tanh),
    sizes.normConstant,
    sizes.aggregation === "mean" ? 0 : sizes.normalisationFactor,
    sizes.coordinateRange,
  ] as const;
}

/** Throws RangeError where arrays are not of this shape. */
export function checkArrays({ h, x }: EgnnArrays, { batch, nodes }: BatchShape, inputs: number): void {
  if (!(Number.isInteger(nodes) && nodes > 0 && Number.isInteger(batch) && batch >= 0)) {
    throw new RangeError(`molecules and their nodes must be at least 1; got ${batch} of ${nodes} nodes`);
  }
  if (x.length !== batch * nodes * 3) {
    throw new RangeError(`positions must be ${batch} x ${nodes} x 3 floats; got ${x.length}`);
  }
  if (h.length !== batch * nodes * inputs) {
    throw new RangeError(`features must be ${batch} x ${nodes} x ${inputs} floats; got ${h.length}`);
  }
}

/** Positions `[B,N,3]` less their means over the nodes, in place. */
export function centredPositions(x: Float32Array, shape: BatchShape): Float32Array {
  return centre(x, { vectors: 1, scalars: 0, pairs: 0 }, shape);
}
