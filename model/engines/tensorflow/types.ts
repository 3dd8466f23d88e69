/** TensorFlow.js as the one tensor library; a backend is where its kernels run. */
import type { Tf } from "../../networks/tf.ts";

/** The backends, best first: the order in which `auto` tries them. */
export const BACKENDS = ["tensorflow", "webgpu", "wasm", "cpu"] as const;

/** A backend's name. */
export type BackendName = typeof BACKENDS[number];

/** What a caller may ask for: a name, or the best that works. */
export const BACKEND_CHOICES = ["auto", ...BACKENDS] as const;

/** A name, or `auto`. */
export type BackendChoice = typeof BACKEND_CHOICES[number];

/** An open backend. TensorFlow.js has one active backend a process: the one opened last. */
export interface Backend {
  readonly name: BackendName;
  /** Why this one: what it runs on, and what was passed over for which reason. */
  readonly why: string;
  readonly tf: Tf;
}

/** Options of {@link Backend}s. */
export interface BackendOptions {
  /** The folder that `deno task setup:tensorflow` filled. */
  readonly tensorflowFolder?: string;
  /** Let `auto` take WebGPU on a software adapter (slower than wasm; for tests). */
  readonly softwareAdapter?: boolean;
}

/** Registers a backend with TensorFlow.js and says what it runs on; throws where it cannot. */
export type Register = (tf: Tf, options: BackendOptions & { readonly auto: boolean }) => Promise<string>;
