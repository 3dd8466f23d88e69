/** Latency and throughput of the service over the loopback, at several numbers of clients. */
import type { RuntimeChoice } from "../model/engines/runtimes.ts";
import { ask } from "./clients.ts";
import { startService } from "./service_process.ts";
import { quantiles, type Result, type Row } from "./table.ts";

/** What to measure. */
interface ServiceBench {
  /** Folder of models, and which of them. */
  readonly root: string;
  readonly model: string;
  /** The version of its weights. */
  readonly weights: string;
  readonly backend: RuntimeChoice;
  readonly count: number;
  readonly steps: number;
  readonly clients: readonly number[];
  /** Least number of requests of each client, and least seconds at each number of clients. */
  readonly requests: number;
  readonly window: number;
}

/** A row a number of clients. The service is given two places for each, as one address may hold half, so that none is refused. */
export async function benchService(options: ServiceBench): Promise<Result> {
  const { model, weights, count, steps, requests, window } = options;
  const places = Math.max(...options.clients), service = await startService({ ...options, maxRequests: 2 * places });
  const rows: Row[] = [];
  try {
    const { backend } = await service.generate({ count, steps, seed: 0 });
    for (const clients of options.clients) {
      const seen = await ask(service, {
        count,
        steps,
        clients,
        more: (made, seconds) => made < requests || seconds < window,
      });
      const { median, p95, p99 } = quantiles(seen.times), rate = seen.molecules / seen.seconds;
      rows.push({
        clients,
        requests: seen.times.length,
        "median ms": median,
        "p95 ms": p95,
        "p99 ms": p99,
        "molecules/s": rate,
      });
    }
    const ready = Math.round(service.readyMs);
    const settings = { model, weights, count, steps, backend, places, window, "ready after ms": ready };
    return { bench: "service", settings, rows };
  } finally {
    await service.stop();
  }
}
