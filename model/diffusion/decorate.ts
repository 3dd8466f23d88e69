/** A denoiser around another that changes what is asked or looks at what is answered. All that the other can do, it can. */
import { type Condition, conditionWords, type FixedCondition, mapConditions } from "./condition.ts";
import type { Denoiser } from "./denoiser.ts";
import type { PlannedStep } from "./samplers/step.ts";

/** What a decorated denoiser does otherwise. */
export interface Decoration {
  /** What the network is told beside the time, in place of the caller's. */
  readonly condition?: FixedCondition;
  /** The noise level that the network is asked at, in place of a step's own. */
  readonly asked?: (at: Pick<PlannedStep, "t">) => Required<PlannedStep>["asked"] | undefined;
  /** Awaited before each call; the loop over the steps is then the caller's. */
  readonly gate?: () => void | Promise<void>;
  /** Sees each answer, with what it is of, in words; throws where it is none. */
  readonly check?: (x0: Float32Array, of: string) => void;
  /** Default: nothing, as the network is somebody else's. */
  readonly dispose?: () => void;
}

/** See above. */
export function decorate(
  network: Denoiser,
  { condition: fixed, asked, gate, check, dispose = () => {} }: Decoration,
): Denoiser {
  const change = (condition: Condition): Condition => {
    const { t: time } = asked?.({ t: condition.time }) ?? { t: condition.time };
    return { ...condition, ...fixed, time };
  };
  const { sample, ...can } = network.can;
  return {
    space: network.space,
    async predict(z, shape, conditions) {
      await gate?.();
      const x0 = await network.predict(z, shape, mapConditions(conditions, change));
      check?.(x0, `estimate at ${conditionWords(conditions)}`);
      return x0;
    },
    can: {
      ...can,
      sample: sample && !gate
        ? async (sampling, options) => {
          const plan = asked ? sampling.plan.map((step) => ({ ...step, asked: asked(step) })) : sampling.plan;
          const condition = fixed || sampling.condition ? { ...sampling.condition, ...fixed } : undefined;
          const sampled = await sample({ ...sampling, plan, condition }, options);
          check?.(sampled.x0, `sampling of ${plan.length} steps`);
          return sampled;
        }
        : undefined,
    },
    dispose,
  };
}
