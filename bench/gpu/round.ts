/** A round of distillation by `POST /distill` on a GPU, from the order to the student in service, or to why it is none. */
import { type RuntimeChoice, runtimeOf } from "../../model/engines/runtimes.ts";
import { type SeenJob, untilJob } from "../job.ts";
import { startService } from "../service_process.ts";
import type { Result } from "../table.ts";

/** What to order, and of which service. */
export interface RoundCheck {
  /** Folder of models, and which of them. */
  readonly root: string;
  readonly model: string;
  readonly backend: RuntimeChoice;
  /** The body of `POST /distill`, without the model. */
  readonly order: { readonly from: number; readonly to: number } & Readonly<Record<string, unknown>>;
  /** Most seconds from the order to the end. */
  readonly patience: number;
  /** Told how far it is, at most every ten seconds. */
  readonly onProgress?: (line: string) => void;
}

/** States in which a job has ended as it should: its student is in service, or lost more than allowed. */
const ENDS = ["done", "rejected"];

/** Milliseconds between two lines of progress. */
const TELLING = 10_000;

function teller(onProgress: (line: string) => void): (job: SeenJob) => void {
  let told = -Infinity, state = "";
  return (job) => {
    if (performance.now() - told < TELLING && job.state === state) return;
    told = performance.now(), state = job.state;
    onProgress(`  ${job.state}, ${job.update} updates${job.rate ? `, ${job.rate.toFixed(1)} a second` : ""}`);
  };
}

/**
 * One row: how the round ended. Molecules are asked for while it runs, as in service, and by the student's steps where one is there.
 *
 * @throws Error where the service or the round fails, or the worker trained elsewhere than the service runs
 */
export async function checkRound(
  { root, model, backend, order, patience, onProgress = () => {} }: RoundCheck,
): Promise<Result> {
  const service = await startService({ root, model, backend });
  try {
    const { id } = await service.admin("POST", "/distill", { model, ...order });
    const begun = await untilJob(service, id as string, ({ update }) => update > 0, patience);
    const beside = await service.generate({ count: 4, steps: order.from, seed: 1 });
    const job = await untilJob(
      service,
      id as string,
      ({ state }) => ENDS.includes(state),
      patience,
      teller(onProgress),
    );
    if (runtimeOf(String(begun.backend)) !== backend) {
      throw new Error(`the service runs on ${backend}, the round trained on ${begun.backend}`);
    }
    const after = await service.generate({ count: 4, steps: order.to, seed: 1 });
    const row = {
      state: job.state,
      backend: job.backend,
      updates: job.update,
      "updates/s": job.seconds ? job.update / job.seconds : null,
      "trained s": job.seconds,
      "molecules beside": beside.returned,
      "molecules after": after.returned,
      note: String(job.reason ?? ""),
    };
    return { bench: "gpu round", settings: { model, backend, ...order }, rows: [row] };
  } finally {
    await service.stop();
  }
}
