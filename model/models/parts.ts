/** The parts that a card names, made for a backend: networks are loaded only when a card asks for them. */
import type { OpenTensors, PartOptions, Placed, Tensors } from "../engines/placing.ts";
import type { Backend } from "../engines/tensorflow/types.ts";
import { CHEMISTRIES } from "../../chem/chemistry.ts";
import type { Card } from "./card.ts";
import { placePairAttention } from "./pair_attention_place.ts";
import { createAutoguided } from "../networks/heavy_atom/autoguide.ts";
import { createGuided } from "../networks/heavy_atom/guide.ts";
import { formOf } from "../networks/heavy_atom/space.ts";
import { sizesOf, type ToldBeside } from "../networks/pair_attention/parameters.ts";
import type { RuntimeChoice } from "../engines/runtimes.ts";
import type { Autoencoder, Schedule } from "../diffusion/types.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";

/**
 * TensorFlow.js on the backend of this choice, opened at the first call.
 *
 * @param choice see `engines/tensorflow/open.ts`; for `native`, which TensorFlow.js has not, the best that it has
 */
export function tensorsOn(choice: RuntimeChoice): OpenTensors {
  let open: Promise<Backend> | undefined;
  return () =>
    open ??= import("../engines/tensorflow/open.ts").then(({ openBackend }) =>
      openBackend(choice === "native" ? "auto" : choice)
    );
}

/**
 * The denoiser of a card: on the engine where it knows the network, see `engines/place.ts`; else on TensorFlow.js.
 *
 * @param student what else than the card's denoiser the network of these tensors is told
 */
export async function makeDenoiser(
  { denoiser: part, space }: Pick<Card, "denoiser" | "space">,
  tensors: Tensors,
  schedule: Schedule,
  options: PartOptions,
  student: ToldBeside = {},
): Promise<Placed<Denoiser>> {
  switch (part.type) {
    case "pair-attention": {
      const sizes = sizesOf(part, student),
        placed = await placePairAttention({ space, sizes, schedule }, tensors, options);
      let network = placed.part;
      // One that is told how far it is guided does so by itself, wherever it samples.
      if (sizes.scale) network = { ...network, can: { ...network.can, guides: true } };
      else if (sizes.conditions) network = createGuided(network);
      if (sizes.weakWithout !== undefined) network = createAutoguided(network);
      return { ...placed, part: network };
    }
    case "egnn": {
      const { createEgnnDenoiser, createEngineEgnnDenoiser, egnnDenoiserNetwork } = await import(
        "../networks/egnn_denoiser.ts"
      );
      const { placeEgnns } = await import("../engines/egnn_place.ts"), made = { space, sizes: part, schedule };
      return await placeEgnns<Denoiser>([egnnDenoiserNetwork(made)], tensors, {
        onEngine: ([network]) => createEngineEgnnDenoiser(made, network),
        async onGpu(place) {
          const { createGpuEgnnDenoiser } = await import("../engines/webgpu/egnn/denoiser.ts");
          return await createGpuEgnnDenoiser({ ...made, ...place, precision: options.precision }, tensors);
        },
        onTensors: ({ tf }) => createEgnnDenoiser(tf, made, tensors),
      }, options);
    }
  }
}

/** The autoencoder of a card; `tensors` where the card's part has a file. */
export async function makeAutoencoder(
  { denoiser, autoencoder: part, chemistry = "edm" }:
    & Pick<Card, "denoiser" | "autoencoder">
    & Partial<Pick<Card, "chemistry">>,
  tensors: Tensors | undefined,
  options: PartOptions,
): Promise<Autoencoder> {
  switch (part.type) {
    case "heavy-atom": {
      const { createHeavyAtomAutoencoder } = await import("../networks/heavy_atom/autoencoder.ts");
      return createHeavyAtomAutoencoder({
        classes: part.classes,
        chemistry: CHEMISTRIES[chemistry],
        form: formOf(part),
        ...options.decoders,
      });
    }
    case "geoldm": {
      const { placeGeoldmAutoencoder } = await import("./geoldm_place.ts");
      const sizes = { ...part, conditions: part.told && denoiser.conditions };
      return (await placeGeoldmAutoencoder(sizes, tensors!, options)).part;
    }
    case "identity": {
      const { createIdentityAutoencoder } = await import("../networks/identity.ts");
      return createIdentityAutoencoder(part);
    }
  }
}
