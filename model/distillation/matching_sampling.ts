/** Samplings that are learned from: what a network was asked on the way, and what it said. */
import { conditioned } from "../diffusion/condition.ts";
import { type Coupling, realigner } from "../diffusion/coupling/align.ts";
import { drawNoise } from "../diffusion/latent.ts";
import type { Asked } from "../diffusion/learner.ts";
import type { Random } from "../diffusion/random.ts";
import { applyStep, firstLatents, type SamplingPlan, type Start } from "../diffusion/samplers/mod.ts";
import type { Autoencoder, BatchShape, LatentSpace, Schedule } from "../diffusion/types.ts";

/** Samplings of molecules of one size. */
export interface Samplings {
  readonly shape: BatchShape;
  /** The number of steps that the network is told. */
  readonly steps: number;
  readonly plan: SamplingPlan;
  /** Where sampling begins, where that is not at noise alone. */
  readonly start?: Start;
  /** The time below which sampling goes on from estimates that are clamped, as in service. Default 0: from none. */
  readonly clamp?: number;
}

/** All calls of all samplings, `[B, L]`, the first call's first. */
export interface Sampled {
  readonly asked: Asked;
  /** The network's estimates. */
  readonly x: Float32Array;
}

/** Samples once, all that is drawn from one stream. What comes back are the network's own estimates, also where sampling goes on from clamped ones. */
export async function sampleOnce(
  { shape, plan, start, steps, clamp = 0 }: Samplings,
  { space, coupling, schedule, autoencoder }: {
    readonly space: LatentSpace;
    readonly coupling?: Coupling;
    readonly schedule: Schedule;
    /** Who clamps. */
    readonly autoencoder?: Pick<Autoencoder, "clamp">;
  },
  predict: (asked: Asked) => Promise<Float32Array>,
  stream: Random,
): Promise<Sampled> {
  const draw = () => drawNoise(space, shape, Array(shape.batch).fill(stream));
  const aligned = realigner(coupling, space, shape);
  const z = await firstLatents(draw, start, aligned), length = z.length;
  const all = new Float32Array(length * plan.length), x = new Float32Array(length * plan.length);
  for (const [k, step] of plan.entries()) {
    all.set(z, k * length);
    const at = conditioned(Array(shape.batch).fill({ time: step.t, steps }), schedule);
    const x0 = await predict({ shape, z: all.subarray(k * length, (k + 1) * length), ...at });
    x.set(x0, k * length);
    if (k === plan.length - 1) break;
    if (step.t <= clamp) await autoencoder?.clamp?.(x0, shape);
    applyStep(step, z, x0, draw);
    if (step.noise !== 0) await aligned?.(z, x0, plan[k + 1].alpha);
  }
  const conditions = plan.flatMap(({ t: time }) => Array(shape.batch).fill({ time, steps }));
  const whole = { batch: shape.batch * plan.length, nodes: shape.nodes };
  return { x, asked: { shape: whole, z: all, ...conditioned(conditions, schedule) } };
}
