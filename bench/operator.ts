/**
 * `deno task bench:operator`: operator learning (Zheng et al., "Fast sampling of diffusion models via operator learning", 2023) on data whose probability flow is
 * known: one pass that gives the estimates at K times of a whole trajectory from its first latent, with and without layers that mix times, beside a
 * student of rollouts that makes K calls. docs/operator.md.
 */
import { list, option, readOptions, whole } from "../main/options.ts";
import { random } from "../model/diffusion/random.ts";
import { makeSchedule } from "../model/diffusion/schedules.ts";
import { conditions } from "./conditions.ts";
import { createNetwork, type Network } from "./operator_network.ts";
import { keep, machineLine, resultsOption, resultsPath, runProgram } from "./program.ts";
import { median } from "./statistics.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

const OPTIONS = {
  times: option("N,N", "K (default 1,2,4,8)", list(whole(1, 32)).default([1, 2, 4, 8])),
  updates: option("N", "(default 3000)", whole(1).default(3000)),
  batch: option("N", "trajectories of an update (default 64)", whole(1).default(64)),
  width: option("N", "(default 24)", whole(1).default(24)),
  seeds: option("N", "runs of each row, of which the median is told (default 3)", whole(1).default(3)),
  out: resultsOption("operator"),
};

/** The data: normals of this deviation about these means, as often each. */
const MEANS = [-1.5, -0.5, 0.5, 1.5], DEVIATION = 0.05;

/** Numbers that are judged: quantiles of the noise, evenly. */
const JUDGED = 4000;

const schedule = makeSchedule({ type: "cosine", factor: 0.9995 });
type At = ReturnType<typeof schedule>;

const spread = ({ alpha, sigma }: At) => Math.hypot(alpha * DEVIATION, sigma);

/** The normal distribution function: Abramowitz & Stegun 1964, 7.1.26; its error is below 2e-7. */
function below(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x) / Math.SQRT2);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = poly * Math.exp(-x * x / 2) / 2;
  return x > 0 ? 1 - tail : tail;
}

/** The share of z_t below z. */
const share = (z: number, at: At) =>
  MEANS.reduce((sum, mean) => sum + below((z - at.alpha * mean) / spread(at)), 0) / MEANS.length;

/** The z_t that so much is below. In one dimension the probability flow keeps shares. */
function quantile(part: number, at: At): number {
  let [low, high] = [-8, 8];
  for (let k = 0; k < 40; k++) {
    const middle = (low + high) / 2;
    if (share(middle, at) < part) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** E[x | z_t]. */
function estimate(z: number, at: At): number {
  const s = spread(at), weights = MEANS.map((mean) => -((z - at.alpha * mean) ** 2) / (2 * s * s));
  const top = Math.max(...weights), own = weights.map((weight) => Math.exp(weight - top));
  const total = own.reduce((a, b) => a + b), gain = at.alpha * DEVIATION ** 2 / s ** 2;
  return MEANS.reduce((sum, mean, m) => sum + own[m] / total * (mean + gain * (z - at.alpha * mean)), 0);
}

/** K times, from 1 down, evenly. */
const timesOf = (count: number) => Array.from({ length: count }, (_, k) => schedule(1 - k / count));
const END = schedule(0), NOISE = schedule(1);

/** What a network is asked with. */
const inputs = (pairs: readonly (readonly [z: number, at: At])[]) =>
  Float64Array.from(pairs.flatMap(([z, { logSnr }]) => [z, logSnr / 5]));

/** What is learned: inputs and targets of an update, and how a number is drawn from noise. */
interface Subject {
  batch(normal: () => number): { readonly x: Float64Array; readonly target: Float64Array };
  draw(network: Network, z: readonly number[], normal: () => number): number[];
}

/** The estimates at K times of the way from z, the last of them its end, in one pass. */
function operator(times: readonly At[], batch: number): Subject {
  const asked = (z: readonly number[]) => inputs(z.flatMap((one) => times.map((at) => [one, at] as const)));
  return {
    batch(normal) {
      const z = Array.from({ length: batch }, normal), parts = z.map((one) => share(one, NOISE));
      const along = (part: number) =>
        times.map((_, k) =>
          k + 1 < times.length ? estimate(quantile(part, times[k + 1]), times[k + 1]) : quantile(part, END)
        );
      return { x: asked(z), target: Float64Array.from(parts.flatMap(along)) };
    },
    draw: (network, z) => {
      const told = network.predict(asked(z));
      return z.map((_, k) => told[(k + 1) * times.length - 1]);
    },
  };
}

/** The end of the flow from z at each of K times; drawn by K calls with fresh noise between. */
function rollout(times: readonly At[], batch: number): Subject {
  return {
    batch(normal) {
      const pairs = Array.from({ length: batch }, () => times).flat().map((at) => {
        const part = below(normal()), x = quantile(Math.min(1 - 1e-6, Math.max(1e-6, part)), END);
        return [at.alpha * x + at.sigma * normal(), at] as const;
      });
      return { x: inputs(pairs), target: Float64Array.from(pairs, ([z, at]) => quantile(share(z, at), END)) };
    },
    draw(network, z, normal) {
      let x: number[] = [];
      times.forEach((at, k) => {
        const now = k === 0 ? z : x.map((one) => at.alpha * one + at.sigma * normal());
        const rows = network.predict(inputs(now.flatMap((one) => times.map((other) => [one, other] as const))));
        x = now.map((_, i) => rows[i * times.length + k]);
      });
      return x;
    },
  };
}

/** Distance of the drawn numbers from the data: Wasserstein's, and the share farther than four deviations from any mean. */
function judge(drawn: readonly number[]) {
  const sorted = drawn.toSorted((a, b) => a - b);
  const distance = sorted.reduce((sum, x, k) => sum + Math.abs(x - quantile((k + 0.5) / sorted.length, END)), 0);
  const stray = drawn.filter((x) => MEANS.every((mean) => Math.abs(x - mean) > 4 * DEVIATION)).length;
  return { distance: distance / drawn.length, stray: 100 * stray / drawn.length };
}

if (import.meta.main) {
  await runProgram(async (args) => {
    const { times: counts, updates, batch, width, seeds, out } = readOptions(args, OPTIONS), rows: Row[] = [];
    const under = { command: toldCommand("bench:operator", args), ...await conditions() };
    console.log(machineLine(under));
    for (const count of counts) {
      const times = timesOf(count);
      const subjects = [
        ["operator", operator(times, batch), false],
        ...(count > 1 ? [["operator, times mixed", operator(times, batch), true] as const] : []),
        ["rollout", rollout(times, batch), false],
      ] as const;
      for (const [name, subject, mixed] of subjects) {
        const judged = Array.from({ length: seeds }, (_, seed) => {
          const stream = random(seed, count), normal = () => stream.normal();
          const network = createNetwork({ times: count, width, mixed }, stream);
          for (let update = 0; update < updates; update++) {
            const { x, target } = subject.batch(normal);
            network.learn(x, target, 0.01 * (1 - update / updates));
          }
          const z = Array.from({ length: JUDGED }, (_, k) => quantile((k + 0.5) / JUDGED, NOISE));
          return judge(subject.draw(network, z, normal));
        });
        const rounds = name === "rollout" ? count : 1;
        rows.push({
          "K": count,
          method: name,
          rounds,
          calls: count,
          "distance from the data": median(judged.map(({ distance }) => distance)),
          "between modes %": median(judged.map(({ stray }) => stray)),
        });
        console.log(JSON.stringify(rows.at(-1)));
      }
    }
    const result = { bench: "operator", settings: { updates, batch, width, seeds }, rows };
    console.log(formatResult(result));
    if (out !== "-") await keep(out ?? resultsPath(under, "operator"), under, [result]);
  });
}
