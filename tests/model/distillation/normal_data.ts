/** Normal data, whose best denoiser and whose probability flow are known. */
import { eachCondition } from "../../../model/diffusion/condition.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import { cosineSchedule } from "../../../model/diffusion/schedules.ts";
import type { ScheduleValues } from "../../../model/diffusion/types.ts";
import type { LatentSource } from "../../../model/distillation/source.ts";

export const space = { vectors: 1, scalars: 1, pairs: 0 }, schedule = cosineSchedule();

/** Deviation of the data. */
export const DEVIATION = 0.5;

const variance = ({ alpha, sigma }: ScheduleValues) => (alpha * DEVIATION) ** 2 + sigma ** 2;

/** E[x | z_t] is z_t times this. */
export const meanFactor = (time: number): number => {
  const values = schedule(time);
  return values.alpha * DEVIATION ** 2 / variance(values);
};

/** The flow takes z_t to z_s = z_t times this. */
export const flowFactor = (t: number, s: number): number => Math.sqrt(variance(schedule(s)) / variance(schedule(t)));

/** The x of a DDIM step t -> s that lands where the flow does is z_t times this. */
export function mapFactor(t: number, s: number): number {
  const from = schedule(t), to = schedule(s), kept = to.sigma / from.sigma;
  return (flowFactor(t, s) - kept) / (to.alpha - kept * from.alpha);
}

/** Molecules of two sizes. */
export const source: LatentSource = {
  description: "normal data",
  draw: (count, stream) =>
    [{ batch: Math.floor(count / 2), nodes: 3 }, { batch: Math.ceil(count / 2), nodes: 2 }].map((shape) => ({
      shape,
      target: drawNoise(space, shape, Array(shape.batch).fill(stream)).map((value) => DEVIATION * value),
    })),
};

/** A denoiser that says `of(z, time)` number by number, and notes how many molecules it was asked for. */
export function denoiserOf(of: (z: number, time: number) => number): Denoiser & { asked: number } {
  const denoiser: Denoiser & { asked: number } = {
    space,
    asked: 0,
    predict(z, { batch }, conditions) {
      const each = eachCondition(conditions, batch), length = z.length / batch;
      denoiser.asked += batch;
      return Promise.resolve(z.map((value, i) => of(value, each[Math.floor(i / length)].time)));
    },
    can: {},
    dispose() {},
  };
  return denoiser;
}

/** The best denoiser. */
export const bestDenoiser = () => denoiserOf((z, time) => meanFactor(time) * z);
