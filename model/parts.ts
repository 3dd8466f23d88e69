/** The parts that a card names, made for a backend: networks are loaded only when a card asks for them. */
import type { Backend } from "./backends/types.ts";
import type { Card } from "./card.ts";
import type { Gpu } from "./gpu/device.ts";
import { placePairAttention } from "./pair_attention/place.ts";
import type { PRECISIONS, RuntimeChoice } from "./runtimes.ts";
import type { StoredTensor } from "./safetensors.ts";
import type { Autoencoder, Denoiser, Schedule } from "./types.ts";

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
  /** Of products on a GPU. Default `f32`. */
  readonly precision?: typeof PRECISIONS[number];
  /** Gives the GPU that parts share, for each to close; each opens its own where absent. */
  readonly openGpu?: () => Promise<Gpu>;
}

/**
 * TensorFlow.js on the backend of this choice, opened at the first call.
 *
 * @param choice see `backends/open.ts`; for `native`, which TensorFlow.js has not, the best that it has
 */
export function tensorsOn(choice: RuntimeChoice): OpenTensors {
  let open: Promise<Backend> | undefined;
  return () =>
    open ??= import("./backends/open.ts").then(({ openBackend }) => openBackend(choice === "native" ? "auto" : choice));
}

/**
 * The denoiser of a card: on the engine where it knows the network, see `engine/place.ts`; else on TensorFlow.js.
 *
 * @param levels features of the number of steps that the network's input has: of a student that serves several
 */
export async function makeDenoiser(
  { denoiser: part, space }: Pick<Card, "denoiser" | "space">,
  tensors: Tensors,
  schedule: Schedule,
  options: PartOptions,
  levels = 0,
): Promise<Placed<Denoiser>> {
  switch (part.type) {
    case "pair-attention": {
      const sizes = { width: part.width, blocks: part.blocks, levels };
      return await placePairAttention({ space, sizes, schedule }, tensors, options);
    }
    case "egnn": {
      const { createEgnnDenoiser, createEngineEgnnDenoiser, egnnDenoiserNetwork } = await import("./egnn_denoiser.ts");
      const { placeEgnns } = await import("./engine/egnn_place.ts"), made = { space, sizes: part, schedule };
      return await placeEgnns<Denoiser>([egnnDenoiserNetwork(made)], tensors, {
        onEngine: ([network]) => createEngineEgnnDenoiser(made, network),
        async onGpu(place) {
          const { createGpuEgnnDenoiser } = await import("./gpu/egnn/denoiser.ts");
          return await createGpuEgnnDenoiser({ ...made, ...place, precision: options.precision }, tensors);
        },
        onTensors: ({ tf }) => createEgnnDenoiser(tf, made, tensors),
      }, options);
    }
  }
}

/** The autoencoder of a card; `tensors` where the card's part has a file. */
export async function makeAutoencoder(
  { autoencoder: part }: Pick<Card, "autoencoder">,
  tensors: Tensors | undefined,
  options: PartOptions,
): Promise<Autoencoder> {
  switch (part.type) {
    case "heavy-atom": {
      const { createHeavyAtomAutoencoder } = await import("./heavy_atom/autoencoder.ts");
      return createHeavyAtomAutoencoder(part);
    }
    case "geoldm": {
      const { placeGeoldmAutoencoder } = await import("./geoldm/place.ts");
      return (await placeGeoldmAutoencoder(part, tensors!, options)).part;
    }
    case "identity": {
      const { createIdentityAutoencoder } = await import("./identity.ts");
      return createIdentityAutoencoder(part);
    }
  }
}
