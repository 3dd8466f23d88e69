/** Time from the start of the service's process to its readiness, and to the first molecule. */
import type { RuntimeChoice } from "../model/engines/runtimes.ts";
import { startService } from "./service_process.ts";
import { median, pairedRatio, takeTurns } from "./statistics.ts";
import type { Result, Row } from "./table.ts";

/** What to measure. */
interface StartBench {
  /** Folder of models, and which of them. */
  readonly root: string;
  readonly model: string;
  /** The version of its weights, or "random". */
  readonly weights: string;
  readonly backends: readonly RuntimeChoice[];
  readonly rounds: number;
}

/** Steps of the first molecule. */
const STEPS = 8;

/** A row a backend; one that does not work here gets a row that says so. */
export async function benchStart({ root, model, weights, backends, rounds }: StartBench): Promise<Result> {
  const times = new Map(
    backends.map((backend) => [backend, [] as { listening: number; ready: number; first: number }[]]),
  );
  const found = await takeTurns(
    backends.map((backend) => ({
      name: backend,
      async round() {
        const started = performance.now(), service = await startService({ root, model, backend });
        try {
          await service.generate({ count: 1, steps: STEPS, seed: 1 });
          const first = performance.now() - started;
          times.get(backend)!.push({ listening: service.listeningMs, ready: service.readyMs, first });
          return 1000 / first;
        } finally {
          await service.stop();
        }
      },
    })),
    rounds,
  );
  const reference = backends.find((backend) => !(found.get(backend) instanceof Error));
  const rows = backends.map((backend): Row => {
    const result = found.get(backend)!, own = times.get(backend)!;
    const of = (name: keyof typeof own[number]) => own.length > 0 ? median(own.map((time) => time[name])) : null;
    return {
      backend,
      "listening ms": of("listening"),
      "ready ms": of("ready"),
      "first molecule ms": of("first"),
      "slowest ms": own.length > 0 ? Math.max(...own.map(({ first }) => first)) : null,
      // Of times, so that above 1 is faster than the reference here too.
      ratio: result instanceof Error ? null : pairedRatio(result, found.get(reference!) as number[]),
      note: result instanceof Error
        ? result.message.slice(0, 160)
        : backend === reference
        ? "ratios are to this row"
        : "",
    };
  });
  return { bench: "start", settings: { model, weights, steps: STEPS, rounds }, rows };
}
