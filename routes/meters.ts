/**
 * What is measured of the service, for Prometheus. Each application has a registry of its own. Values of labels come from the code, the cards and
 * the configuration, never from a client: however many requests there are, there are no more series.
 */
import process from "node:process";
import { Counter, Gauge, Histogram, type MetricObjectWithValues, type MetricValue, Registry } from "prom-client";
import type { Queue } from "../model/generation/queue.ts";
import type { Stage } from "../model/generation/stages.ts";
import type { Card } from "../model/models/card.ts";
import type { ModelStore } from "../model/models/store.ts";
import { VERSION } from "../model/models/version.ts";
import { GENERATION_OUTCOMES, type GenerationEnd } from "../model/service/generate.ts";
import type { ShardObserver } from "../model/service/campaigns/controller.ts";
import type { JobStore } from "../model/service/jobs/store.ts";
import type { ConformersEnd } from "../model/service/conformers.ts";
import { JOB_STATES } from "../model/service/jobs/types.ts";
import type { Lifecycle } from "../model/service/lifecycle.ts";
import { campaignMeters, type CampaignSources } from "./campaign_meters.ts";
import { conformerMeters } from "./conformer_meters.ts";
import type { LoopLag } from "./loop_lag.ts";

/** What is read when somebody asks. */
export interface MeterSources {
  readonly store: Pick<ModelStore, "entries" | "loaded">;
  readonly queue: Pick<Queue, "held" | "work" | "waiting" | "oldestMs" | "limit">;
  readonly jobs: Pick<JobStore, "states">;
  readonly campaigns: CampaignSources;
  readonly lifecycle: Pick<Lifecycle, "state">;
  readonly door: { readonly connections: number };
  readonly lag: Pick<LoopLag, "worst">;
}

/** A request that has an answer. */
export interface Answered {
  readonly method: string;
  /** As the route declares it, with the names of its parameters; undefined where there is none. */
  readonly route: string | undefined;
  readonly status: number;
  /** Until the answer, or a stream's first piece, is there. */
  readonly seconds: number;
  /** The kind of a problem document. */
  readonly refusal?: string;
}

/** A metric, described. */
export type MeterDescription = Pick<MetricObjectWithValues<MetricValue<string>>, "name" | "help"> & {
  readonly type: string;
  readonly labels: readonly string[];
};

/** See above. */
export interface Meters {
  /** Where gauges are read from. What nothing is known of yet has no samples. */
  watch(sources: Partial<MeterSources>): void;
  request(answered: Answered): void;
  /** Something was refused for this reason. */
  refusal(reason: string): void;
  /** The event loop was late by this, in seconds. */
  lag(seconds: number): void;
  /** What a generation of a model has to tell. */
  readonly stage: (stage: Stage) => void;
  readonly steps: (model: string, moleculeSteps: number) => void;
  readonly generation: (end: GenerationEnd) => void;
  /** How a request for conformers ended. */
  readonly conformers: (end: ConformersEnd) => void;
  /** What happens to the shards of campaigns. */
  readonly shards: ShardObserver;
  /** All of it, in Prometheus' text format. */
  text(): Promise<string>;
  /** Every metric there is, in the order of their declaration. */
  readonly descriptions: readonly MeterDescription[];
}

/** Methods that have a name of their own; others are `other`. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Bounds of buckets, in seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
const LAG_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/**
 * Reasons that are there from the start, at nought: an alert on an increase does not see the one with which a series begins.
 */
const ALARMING = [
  "internal-error",
  "storage-full",
  "storage-refused",
  "queue-full",
  "over-share",
  "deadline",
  "not-authorised",
  "too-many-failures",
  "too-many-connections",
  "not-accepted",
];

/** What becomes of molecules. They overlap: a molecule that is stable is valid, too, as a rule. */
const OUTCOMES: Readonly<Record<string, (end: GenerationEnd) => number>> = {
  asked: ({ count }) => count,
  drawn: ({ drawn }) => drawn,
  valid: ({ valid }) => valid,
  stable: ({ stable }) => stable,
  unique: ({ unique }) => unique,
  fallback: ({ fallbacks }) => fallbacks,
  returned: ({ returned }) => returned,
};

/** Steps as a label: those that the card has a student for or recommends; any other number a client may choose is `other`. */
export function stepsLabel({ distilled, recommended }: Pick<Card, "distilled" | "recommended">, steps: number): string {
  return [...distilled, ...recommended].some((one) => one.steps === steps) ? String(steps) : "other";
}

/** All that is read, or nothing where that fails. */
function readOrNone<T>(read: () => Iterable<T>): readonly T[] {
  try {
    return [...read()];
  } catch {
    return [];
  }
}

/** A registry of the service's metrics, all at nought. */
export function createMeters(): Meters {
  const registry = new Registry(), registers = [registry], sources: Partial<MeterSources> = {};
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, buckets: number[], ...labelNames: L[]) =>
    new Histogram({ name, help, labelNames, buckets, registers });
  /** A gauge that is read when somebody asks; without samples where its source fails: one fault is not to hide the rest. */
  const gauge = <L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    read: () => Iterable<readonly [value: number | undefined, labels?: Partial<Record<L, string>>]>,
  ) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        if (labelNames.length === 0) this.remove();
        for (const [value, labels = {}] of readOrNone(read)) if (value !== undefined) this.set(labels, value);
      },
    });

  const requests = counter(
    "molstep_requests_total",
    "Requests that were answered, by route as it is declared (`none`: there is no such route)",
    ...["route", "method", "status"],
  );
  const durations = histogram(
    "molstep_request_duration_seconds",
    "Time from a request's head to its answer, or to a stream's first piece",
    SECONDS,
    ...["route", "method"],
  );
  const refusals = counter(
    "molstep_refusals_total",
    "Requests and connections that were refused or failed, by reason: the kind of the problem document, or the door's",
    "reason",
  );
  for (const reason of ALARMING) refusals.inc({ reason }, 0);
  const generations = new Counter({
    name: "molstep_generations_total",
    help: "Generations that have ended, by outcome",
    labelNames: ["model", "outcome"],
    registers,
    collect() {
      for (const { name: model } of sources.store?.entries ?? []) {
        for (const outcome of GENERATION_OUTCOMES) this.inc({ model, outcome }, 0);
      }
    },
  });
  const generationTimes = histogram(
    "molstep_generation_duration_seconds",
    "Time of a generation that is done, from its acceptance until its last molecule is written",
    SECONDS,
    "model",
  );
  const stages = histogram(
    "molstep_stage_duration_seconds",
    "Time of a stage: queue once a generation, sample, decode and validate by batch, write by window",
    SECONDS,
    "stage",
  );
  const batches = histogram(
    "molstep_batch_molecules",
    "Molecules of a batch that was sampled",
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
  );
  const moleculeSteps = counter("molstep_molecule_steps_total", "Molecules x steps that were sampled", "model");
  const molecules = counter(
    "molstep_molecules_total",
    "Molecules of generations that have ended, by what became of them; the outcomes overlap. Steps that the card does not name are `other`",
    ...["model", "steps", "sampler", "outcome"],
  );

  gauge("molstep_queue_requests", "Generations held: none of it drawn yet, or being drawn", ["state"], () => {
    const { queue } = sources;
    if (!queue) return [];
    const { held } = queue.waiting;
    return [[held, { state: "waiting" }], [queue.held - held, { state: "drawing" }]];
  });
  gauge("molstep_queue_requests_limit", "Most generations held at once", [], () => [[sources.queue?.limit]]);
  gauge("molstep_queue_molecule_steps", "Molecules x steps yet to be drawn, of generations held", ["state"], () => {
    const { queue } = sources;
    if (!queue) return [];
    const { work } = queue.waiting;
    return [[work, { state: "waiting" }], [queue.work - work, { state: "drawing" }]];
  });
  gauge("molstep_queue_oldest_seconds", "Age of the oldest generation held; 0 where none is", [], () => {
    const { queue } = sources;
    return [[queue && queue.oldestMs / 1000]];
  });
  gauge("molstep_connections", "Connections that are open", [], () => [[sources.door?.connections]]);
  gauge("molstep_jobs", "Jobs that are kept, by state", ["state"], () => {
    const states = sources.jobs?.states();
    return states ? JOB_STATES.map((state) => [states[state] ?? 0, { state }] as const) : [];
  });
  const shards = campaignMeters({ counter, histogram, gauge }, () => sources.campaigns);
  const conformers = conformerMeters({ counter, histogram });
  gauge("molstep_ready", "1 where the service takes requests, 0 while it starts or shuts down", [], () => {
    const { lifecycle } = sources;
    return [[lifecycle && Number(lifecycle.state === "ready")]];
  });
  gauge(
    "molstep_model_info",
    "1 for the weights in service: undistilled ones (steps empty) and students; backend empty until they are loaded",
    ["model", "version", "steps", "backend"],
    () =>
      (sources.store?.entries ?? []).flatMap(({ card }) => {
        const { name: model, version, distilled } = card, backend = sources.store!.loaded(model)?.backend.name ?? "";
        return [{ version, steps: "" }, ...distilled.map(({ version, steps }) => ({ version, steps: String(steps) }))]
          .map((weights) => [1, { model, backend, ...weights }] as const);
      }),
  );
  gauge(
    "molstep_build_info",
    "1, of this version",
    ["version", "deno"],
    () => [[1, { version: VERSION, deno: Deno.version.deno }]],
  );

  const lag = histogram(
    "molstep_event_loop_lag_seconds",
    "How late the event loop came to a timer of 20 ms",
    LAG_SECONDS,
  );
  gauge(
    "molstep_event_loop_lag_max_seconds",
    "The worst of that in the last minute",
    [],
    () => [[sources.lag && sources.lag.worst / 1000]],
  );
  gauge("molstep_heap_bytes", "Memory of the main thread's JavaScript", ["kind"], () => {
    const { heapTotal, heapUsed, external } = Deno.memoryUsage();
    return [[heapTotal, { kind: "total" }], [heapUsed, { kind: "used" }], [external, { kind: "external" }]];
  });
  gauge(
    "process_resident_memory_bytes",
    "Resident memory of the process, workers included",
    [],
    () => [[Deno.memoryUsage().rss]],
  );
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time of the process, of user and system",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  gauge(
    "process_start_time_seconds",
    "When the process started, in seconds since 1970",
    [],
    () => [[performance.timeOrigin / 1000]],
  );

  const known = (model: string) => sources.store?.entries.find(({ name }) => name === model)?.card;
  return {
    watch: (more) => void Object.assign(sources, more),
    request({ method, route = "none", status, seconds, refusal }) {
      const labels = { route, method: METHODS.includes(method) ? method : "other" };
      requests.inc({ ...labels, status });
      durations.observe(labels, seconds);
      if (refusal !== undefined) refusals.inc({ reason: refusal });
    },
    refusal: (reason) => refusals.inc({ reason }),
    lag: (seconds) => lag.observe(seconds),
    stage({ name, from, to, molecules }) {
      stages.observe({ stage: name }, (to - from) / 1000);
      if (name === "sample") batches.observe(molecules);
    },
    steps: (model, done) => moleculeSteps.inc({ model }, done),
    generation(end) {
      const { model, sampler, outcome } = end, card = known(model);
      generations.inc({ model, outcome });
      if (outcome === "done") generationTimes.observe({ model }, end.ms / 1000);
      const steps = card ? stepsLabel(card, end.steps) : "other";
      for (const [outcome, count] of Object.entries(OUTCOMES)) {
        molecules.inc({ model, steps, sampler, outcome }, count(end));
      }
    },
    conformers,
    shards,
    text: () => registry.metrics(),
    get descriptions() {
      return registry.getMetricsAsArray().map((metric) => {
        const { name, help, labelNames } = metric as unknown as { name: string; help: string; labelNames: string[] };
        const type = metric instanceof Counter ? "counter" : metric instanceof Gauge ? "gauge" : "histogram";
        return { name, help, type, labels: labelNames.filter((label) => label !== "le") };
      });
    },
  };
}
