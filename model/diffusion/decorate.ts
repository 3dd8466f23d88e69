/** A denoiser around another that changes what is asked or looks at what is answered. All that the other can do, it can. */
import type { PlannedStep } from "./samplers/step.ts";
import type { Denoiser } from "./denoiser.ts";

/** What a decorated denoiser does otherwise. */
export interface Decoration {
  /** The number of steps that the network is told, in place of the caller's. */
  readonly steps?: number;
  /** The noise level that the network is asked at, in place of a step's own. */
  readonly asked?: (at: Pick<PlannedStep, "t">) => Required<PlannedStep>["asked"] | undefined;
  /** Sees each answer, with what it is of, in words; throws where it is none. */
  readonly check?: (x0: Float32Array, of: string) => void;
  /** Default: nothing, as the network is somebody else's. */
  readonly dispose?: () => void;
}

/** See above. */
export function decorate(network: Denoiser, { steps: told, asked, check, dispose = () => {} }: Decoration): Denoiser {
  const time = (t: number) => asked?.({ t })?.t ?? t;
  const checked = (x0: Float32Array, of: () => string) => {
    check?.(x0, of());
    return x0;
  };
  const estimate = (t: unknown) => () => `estimate at t = ${t}`;
  const { predictEach, sample } = network;
  return {
    space: network.space,
    appetite: network.appetite,
    async predict(z, shape, t, steps) {
      const at = typeof t === "number" ? time(t) : asked ? t.map(time) : t;
      return checked(await network.predict(z, shape, at, told ?? steps), estimate(t));
    },
    predictEach: predictEach && (async (z, shape, t, steps) => {
      const x0 = await predictEach.call(network, z, shape, asked ? t.map(time) : t, told ?? steps);
      return checked(x0, estimate(t));
    }),
    sample: sample && (async (sampling, options) => {
      const plan = asked ? sampling.plan.map((step) => ({ ...step, asked: asked(step) })) : sampling.plan;
      const sampled = await sample.call(network, { ...sampling, plan, steps: told ?? sampling.steps }, options);
      checked(sampled.x0, () => `sampling of ${plan.length} steps`);
      return sampled;
    }),
    dispose,
  };
}
