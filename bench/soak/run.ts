/**
 * A soak: mixed load on a real service, with rounds, kills and restarts. In its first sixth the service is ended again and again; then it lives for two
 * thirds of the time, with rounds whose workers are killed, so that its memory can be watched; at the end it is ended again. Each part comes at least once.
 */
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { RuntimeChoice } from "../../model/engines/runtimes.ts";
import { openProbe } from "../probe.ts";
import { load } from "./clients.ts";
import { keep, type Keeper, type Life } from "./keeper.ts";
import { allAgain, learn, type Reference } from "./references.ts";
import { memoryPicture, type Report, reportOf, toText } from "./report.ts";
import { type Disturbance, round, type RoundScene } from "./rounds.ts";
import { CSV_HEAD, csvLine, type LifeSample } from "./samples.ts";
import { createTally } from "./tally.ts";
import { allow, Broken, posted, request, type Scene, visit } from "./visits.ts";

/** What to do. */
export interface SoakOptions {
  readonly minutes: number;
  /** Folder of models, and which of them. */
  readonly root: string;
  readonly model: string;
  readonly backend: RuntimeChoice;
  readonly seed: number;
  /** Where everything is written: the samples, the service's warnings, the report and the picture. */
  readonly out: string;
  /** Seconds that the service gives those who dawdle. Default 5. */
  readonly patienceSeconds?: number;
  /** How much longer clients rest between visits than they would. Default 1. */
  readonly pace?: number;
  /** Told what happens. */
  readonly onLine?: (line: string) => void;
}

/** Places of the service, as by default. */
const PLACES = 32;

/** Descriptors that a service at rest may have more than when it was ready: workers are opened when they are first worth it. */
const MORE_DESCRIPTORS = 40;

/** Seconds that the service goes on accepting, and has then for requests in flight. */
const DRAIN = 1, SHUTDOWN = 20;

/** From a round to the next: a twentieth of the time, a minute at most. */
const PAUSE = { share: 0.05, mostMs: 60_000 };

/** Milliseconds from one question to the next. */
const EVERY = 250;

/** The service's environment. */
const variables = (data: string, patience: number) => ({
  MOLSTEP_TRUSTED_PROXIES: "127.0.0.1",
  MOLSTEP_MAX_REQUESTS: String(PLACES),
  MOLSTEP_MAX_HELD_WORK: "1000000", // that of one request: whoever is greedy fills the service
  MOLSTEP_HEAD_SECONDS: String(patience),
  MOLSTEP_BODY_SECONDS: String(patience),
  MOLSTEP_WRITE_SECONDS: String(patience),
  MOLSTEP_DRAIN_SECONDS: String(DRAIN),
  MOLSTEP_SHUTDOWN_SECONDS: String(SHUTDOWN),
  MOLSTEP_TRAINER_SHARE: "0.3",
  MOLSTEP_QM9: join(data, "none"), // rounds draw their own molecules, wherever this is run
});

/** Whether a line of the log tells of a fault of the service's own. */
function faultOf(line: string): string | undefined {
  if (!line.startsWith("{")) return undefined;
  const { level, message, error } = JSON.parse(line);
  return level === "error" ? `the service logged "${message}": ${error ?? ""}` : undefined;
}

/** Runs a soak and writes what it comes to. */
export async function soak(options: SoakOptions): Promise<Report> {
  const { minutes, root, model, backend, seed, out, patienceSeconds = 5, pace, onLine } = options;
  await Deno.mkdir(out, { recursive: true });
  const data = await Deno.makeTempDir({ prefix: "molstep-soak-" }), log = await Deno.create(join(out, "service.log"));
  const tally = createTally(onLine),
    samples: LifeSample[] = [],
    lives = new Map<number, Life>(),
    encoder = new TextEncoder();
  // Line by line, so that a run which is interrupted has them.
  const table = await Deno.create(join(out, "samples.csv")), since = Date.now();
  table.writeSync(encoder.encode(CSV_HEAD));
  const probe = openProbe((told) => {
    const sample = { ...told, life: lives.get(told.pid)!.number };
    samples.push(sample);
    table.writeSync(encoder.encode(csvLine(sample, since)));
  });
  let keeper: Keeper | undefined;
  const began = performance.now();
  try {
    keeper = await keep({
      ...{ root, model, backend, data, tally },
      variables: variables(data, patienceSeconds),
      onLine(line) {
        const fault = faultOf(line);
        if (fault) tally.fault(fault);
        if (!line.includes('"level":"info"')) log.writeSync(encoder.encode(`${line}\n`));
      },
      onLife(life) {
        if (life) lives.set(life.process.pid, life);
        probe.watch(life && { url: life.url, pid: life.process.pid, everyMs: EVERY });
      },
    });
    const common = { keeper, tally, model, patienceSeconds, shutdownSeconds: DRAIN + SHUTDOWN };
    await play({
      ...{ ...common, data, samples, seed, pace },
      done: () => (performance.now() - began) / 60_000 / minutes,
      pauseMs: Math.min(PAUSE.mostMs, PAUSE.share * 60_000 * minutes),
    });
    await keeper.end("SIGTERM");
  } finally {
    probe.close();
    await keeper?.up().then(({ process }) => process.stop("SIGKILL")).catch(() => {});
    log.close();
    table.close();
    await Deno.remove(data, { recursive: true }).catch(() => {});
  }
  const report = reportOf(tally.totals, samples, {
    minutes: (performance.now() - began) / 60_000,
    ...{ model, backend, restarts: lives.size - 1 },
  });
  await Deno.writeTextFile(join(out, "report.json"), JSON.stringify(report, null, 1) + "\n");
  await Deno.writeTextFile(join(out, "report.txt"), toText(report) + "\n");
  await Deno.writeTextFile(join(out, "memory.svg"), memoryPicture(samples, report));
  return report;
}

/** What the parts of a soak work with. */
interface Stage extends Omit<Scene, "over" | "keeper">, RoundScene {
  readonly keeper: Keeper;
  readonly samples: readonly LifeSample[];
  readonly seed: number;
  readonly pace?: number;
  /** How much of the time is over, 0 to 1 and beyond. */
  readonly done: () => number;
  /** From a round to the next, so that rounds and the load by itself take turns. */
  readonly pauseMs: number;
}

/** The parts, one after the other. */
async function play(stage: Stage): Promise<void> {
  const { keeper, tally } = stage, never = new AbortController().signal;
  let references: readonly Reference[] = [], student: string | undefined;
  await visit(stage, "reference", async (first) => {
    references = await learn(first, stage.model);
    return await allAgain(references, first, { over: never });
  });
  if (references.length === 0) return; // which is a fault already
  const check = () => visit(stage, "reference", (one) => allAgain(references, one, { over: never }));
  const turn = async (how: Disturbance) => {
    try {
      student = await round(stage, how, student);
    } catch (error) {
      tally.fault(`round (${how}): ${(error as Error).message}`);
      await wait(2000);
    }
    await check();
  };

  await loaded(stage, references, async (rest) => {
    for (const how of turns("SIGKILL", "SIGTERM")) {
      await turn(how);
      if (stage.done() > 1 / 6) break;
    }
    for (const how of turns("worker", "none")) {
      await turn(how);
      if (stage.done() > 5 / 6) break;
      await rest();
    }
  });
  await atRest(stage);
  await check();
  await loaded(stage, references, async (rest) => {
    await rest();
    await keeper.restart("SIGTERM");
    await check();
    for (const how of turns("SIGTERM", "SIGKILL")) {
      if (stage.done() > 0.97) break;
      await turn(how);
    }
  });
}

/** These in turns, for ever. */
function* turns(...values: readonly Disturbance[]): Generator<Disturbance, never, void> {
  for (;;) yield* values;
}

/** Does something while all clients visit, and waits until they have gone. */
async function loaded(
  stage: Stage,
  references: readonly Reference[],
  work: (rest: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const over = new AbortController(),
    loading = load({ ...stage, over: over.signal }, references, stage.seed, stage.pace);
  stage.tally.event("load begins");
  try {
    await work(() => wait(stage.pauseMs));
  } finally {
    over.abort();
    await loading;
    stage.tally.event("load ends");
  }
}

/** Holds that a service which nobody asks any more has given everything back: its places and its descriptors. */
async function atRest(stage: Stage): Promise<void> {
  const { keeper, tally, samples, model, patienceSeconds } = stage;
  await wait(1000 * (patienceSeconds + 2));
  const { number } = await keeper.up(), own = samples.filter(({ life }) => life === number);
  const [first, last] = [own[0]?.descriptors, own.at(-1)?.descriptors];
  if (last! > first! + MORE_DESCRIPTORS) {
    tally.fault(
      `descriptors at rest must be at most ${MORE_DESCRIPTORS} more than the ${first} at the start; there are ${last}`,
    );
  }
  await Promise.all(Array.from({ length: PLACES }, (_, k) =>
    visit(stage, "every place", async ({ url, signal }) => {
      const body = { model, count: 1, steps: 1, seed: k }, address = `198.51.100.${100 + k}`;
      const response = await request(`${url}/generate`, posted(body, { form: "json", address, signal }));
      await allow(response, 200);
      const { drawn } = await response.json();
      if (drawn !== 1) throw new Broken(`a molecule must be drawn; got ${drawn}`);
      return 200;
    })));
}
