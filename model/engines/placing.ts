/** What placing a part takes: where it may run, and what it is told of where it does. */
import type { StoredTensor } from "../diffusion/safetensors.ts";
import type { DecoderOptions } from "../networks/heavy_atom/decoders.ts";
import type { Precision, RuntimeChoice } from "./runtimes.ts";
import type { Backend } from "./tensorflow/types.ts";
import type { Gpu } from "./webgpu/device.ts";

/** Where a part's arithmetic runs, and why there. */
export interface Placement {
  readonly name: string;
  readonly why: string;
}

/** A part and its place. */
export interface Placed<T> {
  readonly part: T;
  readonly backend: Placement;
}

/** Opens TensorFlow.js's backend once, when the first part asks for it. */
export type OpenTensors = () => Promise<Backend>;

/** A part's tensors, by name. */
export type Tensors = ReadonlyMap<string, StoredTensor>;

/** Where parts are to run. */
export interface PartOptions {
  readonly choice: RuntimeChoice;
  /** Threads of the engine; the machine's cores where absent. */
  readonly threads?: number;
  readonly openTensors: OpenTensors;
  /** Of products. Default `f32`; refused where the backend has no other. */
  readonly precision?: Precision;
  /** Gives the GPU that parts share, for each to close; each opens its own where absent. */
  readonly openGpu?: () => Promise<Gpu>;
  /** Of a codec that searches for graphs; it has no workers where absent. */
  readonly decoders?: Pick<DecoderOptions, "workers" | "onFault">;
}
