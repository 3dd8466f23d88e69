/** Runs rounds in processes of this machine, which share its device with the service's requests. */
import type { RuntimeChoice } from "../../engines/runtimes.ts";
import type { Queue } from "../../generation/queue.ts";
import type { RoundRunner } from "./runner.ts";
import { TEACHER } from "./snapshot.ts";
import { shareDevice } from "./sharing.ts";
import { endPredecessor, mayStartWorkers, ownTrainer, reasonOf, startWorker, untilFree } from "./worker.ts";

/** What a local runner works with. */
export interface LocalRunnerOptions {
  /** The device's queue: a round waits while requests are held. */
  readonly queue: Pick<Queue, "held">;
  /** Least share of the time that a round gets while requests are held. Default 0.1. */
  readonly share?: number;
  /** Program and first arguments of the worker. Default: this program's own `distill`, with the permissions that its backend needs. */
  readonly trainer?: readonly string[];
  /** Where the worker is told to train, in {@link options}. Default `auto`. */
  readonly backend?: RuntimeChoice;
  /** Further options of the worker. */
  readonly options?: readonly string[];
  /** Seconds that a worker has to end after SIGTERM. Default 60. */
  readonly killSeconds?: number;
  /** Seconds that a worker of an earlier life has to end. Default 30. */
  readonly orphanSeconds?: number;
  /** Told of each line of a worker that is no event. */
  readonly onNote?: (level: "debug", message: string, fields: Record<string, unknown>) => void;
}

/** Where a process trains whose service or worker is told this, and how it is told: on the same backend where that can. */
export function trainingAs(
  { backend: asked = "auto", threads }: { readonly backend?: RuntimeChoice; readonly threads?: number },
): Pick<LocalRunnerOptions, "backend" | "options"> {
  const backend = asked === "wasm" ? "auto" : asked;
  return { backend, options: ["--backend", backend, ...threads === undefined ? [] : ["--threads", String(threads)]] };
}

/** See above. */
export function localRunner(options: LocalRunnerOptions): RoundRunner {
  const { queue, share = 0.1, trainer, backend, options: more = [], killSeconds = 60, orphanSeconds = 30 } = options;
  const { onNote = () => {} } = options;
  return {
    get able() {
      return trainer !== undefined || mayStartWorkers();
    },
    lasting: false,
    start({ id, folder, settings, limits, traceparent }) {
      const asked = Object.entries(limits).flatMap(([name, value]) => [`--${name}`, String(value)]);
      const whole = ["--model", `${folder}/${TEACHER}`, "--settings", JSON.stringify(settings)];
      const worker = startWorker(
        [...trainer ?? ownTrainer(folder, backend), "--folder", folder, ...whole, ...asked, "--events", ...more],
        (line) => onNote("debug", "worker", { job: id, line }),
        traceparent,
      );
      const endSharing = shareDevice(worker, queue, share);
      const stop = () => {
        worker.kill("SIGTERM");
        const late = setTimeout(() => worker.kill("SIGKILL"), 1000 * killSeconds);
        worker.ended.finally(() => clearTimeout(late));
      };
      return {
        pid: worker.pid,
        events: worker.events,
        heard: null,
        ended: worker.ended.then(reasonOf).finally(endSharing),
        ...{ stop, leave: stop },
        kill: () => worker.kill("SIGKILL"),
      };
    },
    async clear({ pid, folder }) {
      await endPredecessor(pid, folder, 1000 * orphanSeconds);
      await untilFree(folder, { graceMs: 1000 * orphanSeconds });
    },
  };
}
