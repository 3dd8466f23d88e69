/**
 * The latest time at which a network that predicts noise is asked: what keeps its students sound at few steps.
 *
 * Such a network's error e in the noise is one of (sigma/alpha) e in x0: 316 e at t = 1 of GeoLDM's schedule. A DDIM step
 * from t to v carries sigma_v (kappa_v / kappa_t - 1) e of it into z_v, kappa = alpha / sigma, and that first step's
 * factor grows as steps get few (docs/distillation.md). So times beyond `latest` are read as `latest`, where the log-SNR
 * is -5 and the factor 12: z there is 99.3 % noise by variance, so that pure noise in its place is off by no more than that.
 */
import type { Card } from "./card.ts";
import { decorate } from "../diffusion/decorate.ts";
import type { Parametrisation } from "../networks/egnn_denoiser.ts";
import { timeAtLogSnr } from "../diffusion/schedules.ts";
import type { Asked, Group, Learner } from "../diffusion/learner.ts";
import type { Schedule } from "../diffusion/types.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";

/** Log-SNR of the latest time. */
const LATEST_LOG_SNR = -5;

/** The latest time for a network of this parametrisation; 1 where its x0 is bounded at every time. */
export function latestTime(parametrisation: Parametrisation, schedule: Schedule): number {
  return parametrisation === "eps" ? timeAtLogSnr(schedule, LATEST_LOG_SNR) : 1;
}

function checkLatest(latest: number): void {
  if (!(latest > 0 && latest <= 1)) {
    throw new RangeError(`the latest time must be above 0 and at most 1; got ${latest}`);
  }
}

/** A denoiser that is asked at min(t, latest) in place of t. It takes the denoiser over and disposes of it. */
export function upTo(latest: number, schedule: Schedule, denoiser: Denoiser): Denoiser {
  checkLatest(latest);
  if (latest === 1) return denoiser;
  const { alpha, sigma } = schedule(latest), end = { t: latest, alpha, sigma };
  return decorate(denoiser, { asked: ({ t }) => t > latest ? end : undefined, dispose: () => denoiser.dispose() });
}

/** The denoiser of a student, of a network that the card describes, as it is asked in rounds and in service. */
export function asStudent(
  { denoiser: part }: Pick<Card, "denoiser">,
  schedule: Schedule,
  denoiser: Denoiser,
): Denoiser {
  return part.type === "egnn" ? upTo(latestTime(part.parametrisation, schedule), schedule, denoiser) : denoiser;
}

/** A group whose network is asked at min(t, latest): its latents, targets and weights stay. */
export function groupUpTo<G extends Asked>(latest: number, schedule: Schedule, group: G): G {
  if (group.conditions.every(({ time }) => time <= latest)) return group;
  const end = schedule(latest);
  const capped = (values: Float32Array, value: number) =>
    values.map((own, b) => group.conditions[b].time > latest ? value : own);
  return {
    ...group,
    conditions: group.conditions.map((one) => one.time > latest ? { ...one, time: latest } : one),
    alpha: capped(group.alpha, end.alpha),
    sigma: capped(group.sigma, end.sigma),
  };
}

/** A learner whose network is asked at min(t, latest). */
export function learnerUpTo(latest: number, schedule: Schedule, learner: Learner<Group>): Learner<Group> {
  checkLatest(latest);
  if (latest === 1) return learner;
  const one = <G extends Asked>(group: G) => groupUpTo(latest, schedule, group);
  const read = <G extends Asked>(groups: G[]) => groups.map(one);
  const { predict, step, inputGradient } = learner;
  return {
    backend: learner.backend,
    ...(predict && { predict: (asked, which) => predict(one(asked), which) }),
    ...(step && { step: (groups, rates) => step(read(groups), rates) }),
    ...(inputGradient && { inputGradient: (judged) => inputGradient(one(judged)) }),
    update: (groups, rates) => learner.update(read(groups), rates),
    loss: (groups, which) => learner.loss(read(groups), which),
    state: () => learner.state(),
    restore: (state) => learner.restore(state),
    dispose: () => learner.dispose(),
  };
}
