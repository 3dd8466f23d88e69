/** Latency and throughput of the service over the loopback, at several numbers of clients. */
import { listModels } from "../model/load.ts";
import { parseConfig } from "../routes/config.ts";
import { serve } from "../routes/serve.ts";
import type { RuntimeChoice } from "../model/runtimes.ts";
import { quantiles, type Result, type Row } from "./table.ts";

/** What to measure. */
export interface ServiceBench {
  /** Folder of models, and which of them. */
  readonly root: string;
  readonly model: string;
  readonly backend: RuntimeChoice;
  readonly count: number;
  readonly steps: number;
  readonly clients: readonly number[];
  /** Requests of each client. */
  readonly requests: number;
}

/** A row a number of clients. */
export async function benchService(
  { root, model, backend, count, steps, clients, requests }: ServiceBench,
): Promise<Result> {
  const config = parseConfig({
    PORT: "0",
    MOLSTEP_HOST: "127.0.0.1",
    MOLSTEP_BACKEND: backend,
    MOLSTEP_PRELOAD: model,
    MOLSTEP_DRAIN_SECONDS: "0",
  });
  const started = performance.now(), service = serve(config, await listModels([root]), () => {});
  await service.ready;
  const readyMs = performance.now() - started;
  const ask = async (seed: number): Promise<number> => {
    const from = performance.now();
    const response = await fetch(`http://127.0.0.1:${service.port}/generate`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ model, count, steps, seed }),
    });
    if (!response.ok) throw new Error(`the service answered ${response.status}: ${await response.text()}`);
    await response.json();
    return performance.now() - from;
  };
  const rows: Row[] = [];
  try {
    await ask(0);
    for (const n of clients) {
      const from = performance.now(), times: number[] = [];
      await Promise.all(Array.from({ length: n }, async (_, client) => {
        for (let k = 0; k < requests; k++) times.push(await ask(1 + client * requests + k));
      }));
      const seconds = (performance.now() - from) / 1000, { median, p95 } = quantiles(times);
      rows.push({ clients: n, "median ms": median, "p95 ms": p95, "molecules/s": n * requests * count / seconds });
    }
  } finally {
    await service.stop();
  }
  return { bench: "service", settings: { model, count, steps, backend, "ready after ms": Math.round(readyMs) }, rows };
}
