/** What generation loses while a round of distillation runs, and what the round loses to generation. */
import type { RuntimeChoice } from "../model/engines/runtimes.ts";
import { ask, type Seen } from "./clients.ts";
import { lookAt, type SeenJob, untilJob } from "./job.ts";
import { type ServiceProcess, startService } from "./service_process.ts";
import { median } from "./statistics.ts";
import { quantiles, type Result, type Row } from "./table.ts";
import { message } from "./throughput.ts";

/** What to measure. */
interface SharingBench {
  /** Folder of models, and which of them. */
  readonly root: string;
  readonly model: string;
  /** The version of its weights. */
  readonly weights: string;
  readonly backend: RuntimeChoice;
  /** Rounds of: quiet, a round that runs. */
  readonly rounds: number;
  /** Seconds of each load in each phase. The round is given its share within any 10. */
  readonly window: number;
}

/** Requests, and how many clients make them. */
const LOADS = [{ count: 64, steps: 16 }, { count: 1, steps: 8 }].flatMap((request) =>
  [1, 4].map((clients) => ({ ...request, clients }))
);

/** The teacher's steps, and molecules that a validation draws: few, as validations are not what is measured. */
const FROM = 128, SAMPLES = 32;

/** A load in a phase; of a phase in which the round ran, its updates meanwhile. */
interface Measured extends Seen {
  readonly updates?: number;
}

/** A round in the service's hands. */
interface Job {
  /** Begins, or goes on, and waits until it has made an update. */
  start(): Promise<void>;
  /** Ends it with a checkpoint. */
  stop(): Promise<void>;
  /** Updates made. */
  updates(): Promise<number>;
}

/** Most seconds until a round has made an update, or has ended. */
const PATIENCE = 300;

function jobOf(service: ServiceProcess, model: string): Job {
  const { admin } = service;
  let id: string | undefined;
  const look = () => lookAt(service, id!),
    until = (done: (job: SeenJob) => boolean) => untilJob(service, id!, done, PATIENCE);
  return {
    async start() {
      let before = 0;
      if (id === undefined) {
        const order = { model, from: FROM, samples: SAMPLES, minutes: 600 };
        id = (await admin("POST", "/distill", order)).id as string;
      } else {
        before = (await look()).update;
        await admin("POST", `/jobs/${id}/resume`);
      }
      await until(({ update }) => update > before);
    },
    async stop() {
      await admin("DELETE", `/jobs/${id}`);
      await until(({ state }) => state === "cancelled");
    },
    updates: async () => (await look()).update,
  };
}

/** All loads, one after the other. */
async function measure(service: ServiceProcess, window: number, job?: Job): Promise<Measured[]> {
  const all: Measured[] = [];
  for (const load of LOADS) {
    const before = await job?.updates();
    const seen = await ask(service, { ...load, more: (_, seconds) => seconds < window });
    all.push({ ...seen, ...(job && { updates: await job.updates() - before! }) });
  }
  return all;
}

/** Updates a second while nobody asks for molecules. */
async function alone(job: Job, seconds: number): Promise<number> {
  const from = performance.now(), before = await job.updates();
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  return 1000 * (await job.updates() - before) / (performance.now() - from);
}

const rateOf = ({ molecules, seconds }: Seen) => molecules / seconds;

/** Numbers of one load in one phase over all rounds. */
function summary(all: readonly Seen[]) {
  const times = all.flatMap((seen) => seen.times), { median: p50, p95, p99 } = quantiles(times);
  const rate = median(all.map(rateOf));
  return { requests: times.length, "molecules/s": rate, "p50 ms": p50, "p95 ms": p95, "p99 ms": p99 };
}

/**
 * The rows of a load: before, during and after rounds.
 *
 * @param quiet one more than there were rounds
 * @param free updates a second of each round while nobody asked
 */
export function rowsOf(
  { count, steps, clients }: { count: number; steps: number; clients: number },
  quiet: readonly Measured[],
  during: readonly Measured[],
  free: readonly number[],
): Row[] {
  const name = { request: `${count} x ${steps} steps`, clients };
  /** The median over rounds of a measure during it, as a share of the mean of those before and after. */
  const ratio = (of: (seen: Seen) => number) =>
    median(during.map((seen, k) => 2 * of(seen) / (of(quiet[k]) + of(quiet[k + 1]))));
  const quantile = (q: "median" | "p99") => ratio(({ times }) => quantiles(times)[q]);
  const sum = (of: (seen: Measured) => number) => during.reduce((total, seen) => total + of(seen), 0);
  const updates = sum((seen) => seen.updates!) / sum(({ seconds }) => seconds);
  const none = { "rate ratio": null, "p50 ratio": null, "p99 ratio": null, "updates/s": null, "alone": null };
  return [
    { ...name, phase: "before", ...summary(quiet.slice(0, -1)), ...none, "round's share": null },
    {
      ...name,
      phase: "during",
      ...summary(during),
      "rate ratio": ratio(rateOf),
      "p50 ratio": quantile("median"),
      "p99 ratio": quantile("p99"),
      "updates/s": updates,
      "alone": median(free),
      "round's share": updates / median(free),
    },
    { ...name, phase: "after", ...summary(quiet.slice(1)), ...none, "round's share": null },
  ];
}

/** Three rows a load. Where no round can run here, one row that says why. */
export async function benchSharing(options: SharingBench): Promise<Result> {
  const { model, weights, rounds, window } = options, service = await startService(options);
  let { backend }: { backend: string } = options;
  const result = () => ({ bench: "service during a round", settings: { model, weights, backend, rounds, window } });
  try {
    for (const { count, steps } of LOADS) ({ backend } = await service.generate({ count, steps, seed: 0 }));
    const job = jobOf(service, model), quiet = [await measure(service, window)];
    const during: Measured[][] = [], free: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await job.start();
      free.push(await alone(job, window));
      during.push(await measure(service, window, job));
      await job.stop();
      quiet.push(await measure(service, window));
    }
    const of = (phases: readonly Measured[][], load: number) => phases.map((phase) => phase[load]);
    return { ...result(), rows: LOADS.flatMap((load, k) => rowsOf(load, of(quiet, k), of(during, k), free)) };
  } catch (error) {
    return { ...result(), rows: [{ note: message(error) }] };
  } finally {
    await service.stop();
  }
}
