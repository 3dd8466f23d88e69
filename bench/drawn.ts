/** What the bench programs that draw molecules by a plan of their own say of these: of nine heavy atoms, by distances alone. */
import { createComposition } from "../chem/composition.ts";
import { compareDistributions, createDistributions, type Distributions } from "../chem/distributions.ts";
import { summarise } from "../chem/metrics.ts";
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator, type Validation } from "../chem/validator.ts";
import { type AlignOptions, type Coupling, realign } from "../model/diffusion/coupling/align.ts";
import type { Denoiser } from "../model/diffusion/denoiser.ts";
import { moleculeNoise } from "../model/diffusion/noise.ts";
import { firstLatents, type Realign, runPlan, type SamplingPlan, type Start } from "../model/diffusion/samplers/mod.ts";
import { createHeavyAtomAutoencoder } from "../model/networks/heavy_atom/autoencoder.ts";
import { PURPOSE, random } from "../model/diffusion/random.ts";

import type { Row } from "./table.ts";

/** Heavy atoms of the molecules drawn, as most of QM9's have. */
export const NODES = 9;

/** Molecules drawn at once. */
const AT_ONCE = 100;

/** Gives the latents `[B, L]` of the molecules of these indices. */
export type Draw = (indices: readonly number[]) => Promise<Float32Array>;

/** What is judged against, and by what codec latents are read. */
export interface JudgeOptions {
  /** Adds the distance of bond angles from these, in degrees. */
  readonly reference?: Distributions;
  /** Adds stability and aromatic share of the same latents decoded by `valence`, where a graph says what distances at a threshold do not. */
  readonly repaired?: boolean;
  /** Default: of QM9's latents. */
  readonly autoencoder?: Pick<ReturnType<typeof createHeavyAtomAutoencoder>, "decode">;
}

/** A function that draws `count` molecules of a seed and gives their stability, uniqueness and composition in percent. */
export async function createJudge(
  count: number,
  seed: number,
): Promise<(draw: Draw, options?: JudgeOptions) => Promise<Row>> {
  const rdkit = await createRdkit(), validate = createValidator(rdkit), plain = createHeavyAtomAutoencoder();
  const open = () => ({ validations: [] as Validation[], composition: createComposition(rdkit) });
  const sharesOf = ({ validations, composition }: ReturnType<typeof open>) => {
    for (const { smiles } of validations) if (smiles !== null) composition.add(smiles);
    const { moleculeStability, validUnique } = summarise(validations),
      { aromatic, alcohol } = composition.composition();
    return Object.entries({ moleculeStability, validUnique, aromatic, alcohol });
  };
  return async (draw, { reference, repaired, autoencoder = plain } = {}) => {
    const own = open(), valence = open(), seen = createDistributions();
    try {
      for (let at = 0; at < count; at += AT_ONCE) {
        const indices = Array.from({ length: Math.min(AT_ONCE, count - at) }, (_, k) => at + k);
        const streams = indices.map((index) => random(seed, index, PURPOSE.decode));
        const shape = { batch: indices.length, nodes: NODES }, x0 = await draw(indices);
        for (const molecule of await autoencoder.decode(x0, shape, streams)) {
          const validation = validate(molecule, { inchikey: false });
          own.validations.push(validation);
          if (reference) seen.add(molecule, validation.bonds);
        }
        if (!repaired) continue;
        for (const molecule of await autoencoder.decode(x0, shape, streams, { decoding: "valence" })) {
          valence.validations.push(validate(molecule, { inchikey: false }));
        }
      }
      return {
        ...Object.fromEntries(sharesOf(own).map(([name, { value }]) => [`${name} %`, 100 * value])),
        ...reference && { "angles, degrees": compareDistributions(seen.distributions(), reference).bondAngles },
        ...repaired && Object.fromEntries(
          sharesOf(valence).filter(([name]) => name === "moleculeStability" || name === "aromatic")
            .map(([name, { value }]) => [`valence: ${name} %`, 100 * value]),
        ),
      };
    } finally {
      own.composition.close();
      valence.composition.close();
    }
  };
}

/** What draws molecules of {@link NODES} atoms by a network. */
export interface DrawOptions {
  readonly denoiser: Pick<Denoiser, "space" | "predict">;
  readonly plan: SamplingPlan;
  /** Where the plan begins, unless at noise alone. */
  readonly start?: Start;
  readonly seed: number;
  readonly coupling: Coupling;
  /** For comparisons; see there. */
  readonly align?: AlignOptions;
}

/** Draws by the plan, noise paired as the coupling says; no estimate is clamped. */
export function drawBy({ denoiser, plan, start, seed, coupling, align }: DrawOptions): Draw {
  const { space } = denoiser;
  return async (indices) => {
    const shape = { batch: indices.length, nodes: NODES }, noise = moleculeNoise(space, NODES, seed, indices);
    const aligned: Realign | undefined = coupling === "aligned"
      ? (z, x0, alpha) => realign(z, x0, space, shape, alpha, align)
      : undefined;
    const z = await firstLatents(noise, start, aligned);
    return await runPlan(plan, (z, t) => denoiser.predict(z, shape, { time: t }), z, noise, undefined, aligned);
  };
}
