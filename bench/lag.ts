/**
 * `deno task bench:lag`: how long GET /health/live takes while the service draws many molecules in few steps, by each sampler. That nothing of the main
 * thread's work is longer than one molecule's is a test's to say (tests/model/service/stretches_test.ts); here it is milliseconds.
 */
import { dirname } from "node:path";
import { z } from "zod";
import { findModel } from "../main/models.ts";
import { helpText, list, option, readOptions, whole } from "../main/options.ts";
import { SAMPLERS } from "../model/diffusion/samplers/mod.ts";
import { RUNTIME_CHOICES } from "../model/engines/runtimes.ts";
import { conditions } from "./conditions.ts";
import { openProbe } from "./probe.ts";
import { asksForHelp, keep, machineLine, resultsOption, resultsPath, runProgram } from "./program.ts";
import { startService } from "./service_process.ts";
import { formatResult, quantiles, type Result, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

const OPTIONS = {
  model: option("NAME", "a model's name or folder (default qm9)", z.string().default("qm9")),
  backend: option(
    "NAME",
    `${RUNTIME_CHOICES.join(", ")} (default wasm)`,
    z.enum(RUNTIME_CHOICES).default("wasm"),
  ),
  count: option("N", "molecules of a request (default 1000)", whole(1, 1000).default(1000)),
  steps: option("N,N", "(default 1,2,4)", list(whole(1, 1000)).default([1, 2, 4])),
  samplers: option(
    "NAMES",
    `(default ${SAMPLERS.join(",")})`,
    list(z.enum(SAMPLERS)).default([...SAMPLERS]),
  ),
  rounds: option("N", "requests of each (default 3)", whole(1).default(3)),
  out: resultsOption("lag"),
};

/** From one question to the next, ms. */
const EVERY = 20;

/** What to measure. */
interface LagBench {
  readonly root: string;
  readonly model: string;
  readonly weights: string;
  readonly backend: typeof RUNTIME_CHOICES[number];
  readonly count: number;
  readonly steps: readonly number[];
  readonly samplers: readonly string[];
  readonly rounds: number;
}

/** A row a sampler and number of steps, and one of a service at rest. */
export async function benchLag({ rounds, count, steps, samplers, ...served }: LagBench): Promise<Result> {
  const service = await startService(served), rows: Row[] = [];
  let live: number[] = [], busy: number[] = [];
  const probe = openProbe((sample) => {
    live.push(...sample.live);
    busy.push(...sample.busy);
  });
  const row = async (sampler: string, steps: number | null, work: () => Promise<void>) => {
    [live, busy] = [[], []];
    probe.watch({ url: service.url, pid: service.pid, everyMs: EVERY });
    await work();
    await new Promise((resolve) => setTimeout(resolve, 1100)); // the last sample
    probe.watch(null);
    const all = quantiles(live), own = quantiles(busy);
    rows.push({
      ...{ sampler, steps, questions: live.length },
      ...{ "live median ms": all.median, "live p99 ms": all.p99, "live most ms": Math.max(...live) },
      ...{ "busy median ms": own.median, "busy p99 ms": own.p99, "busy most ms": Math.max(...busy) },
    });
  };
  try {
    const { backend } = await service.generate({ count, steps: steps[0], seed: 0 }); // code is compiled, workers are opened
    await row("at rest", null, () => new Promise((resolve) => setTimeout(resolve, 2000)));
    for (const number of steps) {
      for (const sampler of samplers) {
        await row(sampler, number, async () => {
          for (let seed = 1; seed <= rounds; seed++) await service.generate({ count, steps: number, seed, sampler });
        });
      }
    }
    const { model, weights } = served;
    return { bench: "lag", settings: { model, weights, backend, count, rounds, "asked every ms": EVERY }, rows };
  } finally {
    probe.close();
    await service.stop();
  }
}

async function main(args: string[]): Promise<void> {
  if (asksForHelp(args)) {
    return console.log(
      helpText("deno task bench:lag", "Measures how long GET /health/live takes under load.", OPTIONS),
    );
  }
  const { model: name, out, ...options } = readOptions(args, OPTIONS);
  const { folder, card: { name: model, version: weights } } = await findModel(name);
  const under = { command: toldCommand("bench:lag", args), ...await conditions() };
  console.log(machineLine(under));
  const result = await benchLag({ ...options, root: dirname(folder), model, weights });
  console.log(formatResult(result));
  const path = out ?? resultsPath(under, "lag");
  if (path !== "-") await keep(path, under, [result]);
}

if (import.meta.main) await runProgram(main);
