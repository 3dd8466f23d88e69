/** How long a lone request for one molecule waits beside large ones: latencies at times of arrival of their own. */
import { random } from "../model/diffusion/random.ts";
import type { RuntimeChoice } from "../model/engines/runtimes.ts";
import { type Answering, ask, askAt } from "./clients.ts";
import { startService } from "./service_process.ts";
import { median } from "./statistics.ts";
import { quantiles, type Result, type Row } from "./table.ts";

/** What to measure. */
interface MixtureBench {
  /** Folder of models, and which of them. */
  readonly root: string;
  readonly model: string;
  /** The version of its weights. */
  readonly weights: string;
  readonly backend: RuntimeChoice;
  /** Seconds in which lone requests come. */
  readonly window: number;
}

/** The lone request, and the large one; how many clients go on making large ones. */
const LONE = { count: 1, steps: 8 }, LARGE = { count: 256, steps: 16 }, BESIDE = [0, 1, 4];

/** Mean milliseconds between lone requests; from half to one and a half of it. */
const INTERVAL = 200;

/** The largest batch there is: as many molecules as are sampled together, all of one size. */
const CALL = { count: 64, heavyAtoms: 9 };

/** Times of arrival within a window, milliseconds; the same at each run. */
export function arrivals(window: number): number[] {
  const source = random(6, 0), at: number[] = [];
  for (let t = INTERVAL * (0.5 + source.uniform()); t < 1000 * window; t += INTERVAL * (0.5 + source.uniform())) {
    at.push(t);
  }
  return at;
}

/** Milliseconds of a step of the largest batch, on a service that does nothing else. */
async function stepMs(service: Answering): Promise<number> {
  const { steps } = LARGE, times: number[] = [];
  for (let seed = 0; seed < 7; seed++) {
    times.push((await service.generate({ ...CALL, steps, seed })).timings.sampleMs / steps);
  }
  // The first two may still compile.
  return median(times.slice(2));
}

/** A row a number of clients that make large requests. */
export async function benchMixture({ window, ...options }: MixtureBench): Promise<Result> {
  const { model, weights } = options, service = await startService(options), rows: Row[] = [];
  try {
    const { backend } = await service.generate({ ...LONE, seed: 0 });
    await service.generate({ ...LARGE, seed: 0 });
    const step = await stepMs(service), at = arrivals(window);
    let alone: number | undefined;
    for (const clients of BESIDE) {
      let over = false;
      const beside = ask(service, { ...LARGE, clients, more: () => !over });
      beside.catch(() => {}); // it is waited for below
      const seen = await askAt(service, { ...LONE, at }).finally(() => over = true), large = await beside;
      const { median: p50, p95, p99 } = quantiles(seen.times);
      alone ??= p50;
      rows.push({
        "large requests": clients,
        requests: seen.times.length,
        "median ms": p50,
        "p95 ms": p95,
        "p99 ms": p99,
        "slowest ms": Math.max(...seen.times),
        // Against the median of those that came alone.
        "delay, steps, median": (p50 - alone) / step,
        "delay, steps, p99": (p99 - alone) / step,
        "large molecules/s": clients > 0 ? large.molecules / large.seconds : null,
      });
    }
    const told = (of: { count: number; steps: number }) => `${of.count} x ${of.steps} steps`;
    const settings = { model, weights, backend, lone: told(LONE), large: told(LARGE), window, "step ms": step };
    return { bench: "lone beside large", settings, rows };
  } finally {
    await service.stop();
  }
}
