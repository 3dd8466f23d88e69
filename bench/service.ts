/** Latency and throughput of the service over the loopback, at several numbers of clients. */
import type { RuntimeChoice } from "../model/runtimes.ts";
import { ask } from "./clients.ts";
import { startService } from "./service_process.ts";
import { quantiles, type Result, type Row } from "./table.ts";

/** What to measure. */
export interface ServiceBench {
  /** Folder of models, and which of them. */
  readonly root: string;
  readonly model: string;
  /** The version of its weights. */
  readonly weights: string;
  readonly backend: RuntimeChoice;
  readonly count: number;
  readonly steps: number;
  readonly clients: readonly number[];
  /** Requests of each client. */
  readonly requests: number;
}

/** A row a number of clients. */
export async function benchService(options: ServiceBench): Promise<Result> {
  const { model, weights, backend, count, steps, requests } = options, service = await startService(options);
  const rows: Row[] = [];
  try {
    await service.generate({ count, steps, seed: 0 });
    for (const clients of options.clients) {
      const seen = await ask(service, { count, steps, clients, more: (made) => made < requests });
      const { median, p95, p99 } = quantiles(seen.times);
      const rate = seen.molecules / seen.seconds;
      rows.push({ clients, "median ms": median, "p95 ms": p95, "p99 ms": p99, "molecules/s": rate });
    }
  } finally {
    await service.stop();
  }
  const ready = Math.round(service.readyMs);
  return { bench: "service", settings: { model, weights, count, steps, backend, "ready after ms": ready }, rows };
}
