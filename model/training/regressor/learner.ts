/** A regressor of properties under training: a denoiser's learner that steps along the gradient of absolute errors. */
import { PROPERTY_NAMES } from "../../../chem/properties.ts";
import { together } from "../../diffusion/auxiliaries.ts";
import {
  abilityOf,
  type Asked,
  type Judged,
  type Learner,
  type Losses,
  needMolecules,
} from "../../diffusion/learner.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { readProperties } from "./readout.ts";

/** Molecules of one size, clean, and what their properties are, in the readout's units `[B, 6]`. */
export interface LabelledGroup extends Asked {
  readonly labels: Float32Array;
}

/** Sums of absolute errors by property, and the gradients of their means over properties. */
interface Errors {
  readonly sums: Float64Array;
  readonly judged: Judged[];
}

/**
 * A learner of the mean absolute error over properties. Its parts are the errors by property, in the readout's units.
 *
 * @param network of the space, told time 0
 */
export function createRegressorLearner(network: Learner, space: LatentSpace): Learner<LabelledGroup> {
  const count = PROPERTY_NAMES.length;
  const errorsOf = async (groups: readonly LabelledGroup[], which: "params" | "ema"): Promise<Errors> => {
    const sums = new Float64Array(count), judged: Judged[] = [];
    for (const group of groups) {
      const read = readProperties(await abilityOf(network, "predict")(group, which), group, space);
      const signs = read.values.map((value, k) => {
        const error = value - group.labels[k];
        sums[k % count] += Math.abs(error);
        return Math.sign(error) / count;
      });
      judged.push({ ...group, gradient: read.gradient(signs) });
    }
    return { sums, judged };
  };
  const lossesOf = (sums: Float64Array, molecules: number): Losses => {
    const parts = Object.fromEntries(PROPERTY_NAMES.map((name, k) => [name, sums[k] / molecules]));
    return { total: Object.values(parts).reduce((all, part) => all + part, 0) / count, parts };
  };
  return {
    backend: network.backend,
    async update(groups, rates) {
      const molecules = needMolecules(groups), { sums, judged } = await errorsOf(groups, "params");
      const losses = lossesOf(sums, molecules), norm = await abilityOf(network, "step")(judged, rates);
      return Number.isFinite(norm) ? losses : { ...losses, total: NaN };
    },
    async loss(groups, which) {
      return lossesOf((await errorsOf(groups, which)).sums, needMolecules(groups));
    },
    ...together(network, {}),
  };
}
