/** molstep distill */
import { z } from "zod";
import { THREADS_MAX } from "../model/engines/c/constants.ts";
import type { RoundEvent } from "../model/distillation/events.ts";
import {
  acceptRound,
  DEFAULT_MINUTES,
  ImpossibleRoundError,
  type Limits,
  roundOrder,
} from "../model/distillation/order.ts";
import { methodOf, METHODS, methodsInWords, methodsWith } from "../model/distillation/methods/mod.ts";
import { BOUNDARIES } from "../model/distillation/consistency_learner.ts";
import { RESULT } from "../model/distillation/result.ts";
import { BEGINNINGS, learningRatesInWords, type RoundSettings, roundSettings } from "../model/distillation/settings.ts";
import { SOLVERS } from "../model/distillation/solvers.ts";
import { VARIANTS } from "../model/diffusion/samplers/mod.ts";
import type { ModelEntry } from "../model/models/overlay.ts";
import { TRAINERS } from "../model/engines/open_learner.ts";
import { beginSpan } from "../routes/tracing.ts";
import { command, type Terminal } from "./command.ts";
import { talkToParent } from "../model/service/jobs/parent.ts";
import { TRACEPARENT } from "../model/service/traceparent.ts";
import { runLadder } from "../model/service/ladder.ts";
import { gridOf, trainingPrecision } from "./sampling_options.ts";
import { dataFolder, findModel } from "./models.ts";
import { flag, given, object, option, positive, UsageError, whole } from "./options.ts";

/** Methods that learn from a set of molecules that is named. */
const TAKERS = methodsWith(({ takesData }) => takesData);

/** Methods that are told how many of their teacher's steps to skip. */
const SKIPPERS = methodsWith(({ takesSkip }) => takesSkip);

/** Methods that make a model, and those of another size. */
const MAKERS = methodsWith(({ makes }) => makes === "model"),
  SIZERS = methodsWith(({ makes, keepsSize }) => makes === "model" && !keepsSize);

/** Methods that can tell their students how far to be guided. */
const GUIDERS = methodsWith(({ guidance }) => guidance !== undefined);

/** One round, or with `--ladder` all rounds down to a number of steps. */
export const distillCommand = command({
  summary: "Halves the number of steps of a model, round by round. Survives being killed: started again it goes on.",
  options: {
    model: option("NAME", "a model's name or folder (default qm9)", z.string().default("qm9")),
    method: option("NAME", `${METHODS.join(", ")} (default ${METHODS[0]})`, z.enum(METHODS).optional()),
    variant: option(
      "NAME",
      `${VARIANTS.join(", ")}: whose steps (default: the teacher's, else the method's first). ${
        methodsInWords(({ variants }) => variants.join(", "))
      }`,
      z.enum(VARIANTS).optional(),
    ),
    solver: option(
      "NAME",
      `${SOLVERS.join(", ")}: of the teacher's steps (--method ${
        methodsWith(({ solvers }) => solvers !== undefined)
      } only; default: the variant's own step, without noise)`,
      z.enum(SOLVERS).optional(),
    ),
    from: option(
      "N",
      `the teacher's steps (default ${methodsInWords(({ stepsInWords }) => stepsInWords)})`,
      whole(1, 1000).optional(),
    ),
    to: option("N", "the student's steps (default: see --from)", whole(1, 1000).optional()),
    ladder: option("N", "go on, round by round, down to N steps", whole(1, 1000).optional()),
    shared: flag("each round of a ladder keeps the step counts before it: one network serves them all"),
    minutes: option(
      "N",
      `most minutes of training a round, over all resumes (default ${DEFAULT_MINUTES}, without --updates)`,
      positive().optional(),
    ),
    updates: option("N", "updates a round", whole(1).optional()),
    grid: option(
      "JSON",
      'times of the student\'s steps, such as {"type":"power","rho":2} (default: the teacher\'s, else {"type":"uniform"})',
      object().optional(),
    ),
    "sampler-options": option(
      "JSON",
      'of the variant\'s sampler, such as {"after":2,"gamma":1}; in service, too (--method ' +
        `${methodsWith(({ takesOptions }) => takesOptions)} only)`,
      object().optional(),
    ),
    match: option(
      "JSON",
      `what is matched, such as {"classes":0.9,"from":1.5,"divergence":"jensen-shannon"} (--method ${
        methodsWith(({ takesMatch }) => takesMatch)
      } only; docs/distillation.md)`,
      object().optional(),
    ),
    skip: option(
      "N",
      `steps of the teacher that one of the solver goes over (--method ${SKIPPERS} only; default 1)`,
      whole(1, 999).optional(),
    ),
    boundary: option(
      "WHOSE",
      `${BOUNDARIES.join(", ")}: the target at the last time (--method ${SKIPPERS} only; default ${BOUNDARIES[0]})`,
      z.enum(BOUNDARIES).optional(),
    ),
    guidance: option(
      "JSON",
      `the guidance scales that the student is told, such as {"first":0,"last":4} (--method ${GUIDERS} only, of a model that is told properties; default ${
        methodsInWords(({ guidance }) => guidance?.always ? JSON.stringify(guidance.always) : "none")
      })`,
      object().optional(),
    ),
    clamp: option(
      "T",
      "time below which estimates are clamped when judged, and in service (default: the teacher's, else 0)",
      z.coerce.number().optional(),
    ),
    begin: option(
      "WHO",
      "student: the student begins as the one in service at its steps, not as its teacher",
      z.enum(BEGINNINGS).optional(),
    ),
    keep: option("N,N", "step counts that the student's network is to go on serving", z.string().optional()),
    width: option("N", `channels of a node; --method ${SIZERS} only`, whole(16).optional()),
    blocks: option("N", `blocks; --method ${SIZERS} only`, whole(1, 32).optional()),
    name: option("NAME", `name of the model that --method ${MAKERS} makes`, z.string().optional()),
    batch: option("N", "molecules an update (default 128)", whole(1).optional()),
    "learning-rate": option(
      "RATE",
      `Muon's; AdamW's is a tenth (default ${learningRatesInWords()})`,
      positive().optional(),
    ),
    seed: option("N", "(default 1)", whole(0, 0xffffffff).optional()),
    accept: option("POINTS", "molecule stability that the student may lose (default 5)", z.coerce.number().optional()),
    samples: option("N", "molecules a validation and the judgement draw (default 1000)", whole(1).optional()),
    folder: option(
      "FOLDER",
      "where the round's files go (default runs/MODEL-METHOD/VARIANT-TO)",
      z.string().optional(),
    ),
    record: flag("enter the student in the model's card, weights beside it, where the round is accepted"),
    settings: option(
      "JSON",
      "the round's settings as one object, in place of the options above",
      z.string().optional(),
    ),
    events: flag("tell events as JSON lines on stdout, read `pause` and `resume` on stdin, end with it"),
    data: option(
      "FOLDER",
      `the model's data set, by its name or folder (default: where it is found); of --method ${TAKERS} the set to learn from`,
      z.string().optional(),
    ),
    backend: option("NAME", `${TRAINERS.join(", ")} (default auto)`, z.enum(TRAINERS).default("auto")),
    threads: option("N", "threads of the native engine (default: all cores)", whole(1, THREADS_MAX).optional()),
    precision: trainingPrecision,
    "validate-seconds": option("N", "seconds of training between validations (default 90)", positive().optional()),
    "checkpoint-seconds": option("N", "seconds of training between checkpoints (default 60)", positive().optional()),
  },
  async run(values, terminal) {
    const { backend, threads, data, ladder, shared, record } = values;
    if (ladder !== undefined && (values.folder || values.settings || values.method !== undefined)) {
      throw new UsageError(
        "--ladder runs progressive rounds, each in a folder of its own: no --folder, --settings, --method",
      );
    }
    const talk = values.events ? talkToService(terminal) : talkToPeople(terminal);
    const model = await findModel(values.model, undefined, dataFolder(terminal.environment));
    const { settings, limits } = values.settings
      ? wholeSettings(values.settings, values)
      : acceptOptions(values, model);
    const { method, variant, from, to } = settings;
    const endSpan = beginSpan("round", terminal.environment[TRACEPARENT], { method, variant, from, to });
    try {
      const finished = await runLadder(settings, {
        ...{ model, backend, threads, data, ladder, shared, record, ...limits, ...talk },
        validateSeconds: values["validate-seconds"],
        checkpointSeconds: values["checkpoint-seconds"],
        folderOf: ({ method, variant, to }) =>
          values.folder ?? `runs/${values.model.replaceAll("/", "_")}-${method}/${variant}-${to}`,
        onFinished: ({ from, to }, folder) =>
          terminal.error(
            `${folder} holds a finished round of ${from} to ${to} steps, which is not run again; remove its ${RESULT} to train it on\n`,
          ),
        onRound({ from, to }, folder) {
          if (ladder !== undefined) terminal.error(`${from} to ${to} steps, in ${folder}\n`);
        },
      });
      return finished ? 0 : 130;
    } catch (error) {
      if (!values.events) throw error;
      talk.onEvent({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
      return 1;
    } finally {
      endSpan();
    }
  },
});

/** Settings that are whole, and the limits beside them: so a job's worker is told. */
function wholeSettings(json: string, { minutes, updates }: Limits): { settings: RoundSettings; limits: Limits } {
  if (minutes === undefined && updates === undefined) {
    throw new UsageError("with --settings, --minutes or --updates must be given; got neither");
  }
  return { settings: roundSettings.parse(JSON.parse(json)), limits: { minutes, updates } };
}

/** The round that options name, what they leave open filled in as for POST /distill. @throws UsageError */
export function acceptOptions(values: Record<string, unknown> & Limits, { card }: ModelEntry) {
  const named = Object.fromEntries(Object.entries(values).filter(([name]) => name in roundOrder.shape));
  const order = roundOrder.safeParse(given({
    ...named,
    model: card.name,
    grid: gridOf(values.grid as Record<string, unknown> | undefined),
    // Of others it is where the model's own data set lies.
    data: methodOf((values.method as typeof METHODS[number]) ?? METHODS[0]).takesData ? values.data : undefined,
    keep: (values.keep as string | undefined)?.split(",").map(Number),
    learningRate: values["learning-rate"],
    options: values["sampler-options"],
  }));
  if (!order.success) throw new UsageError(z.prettifyError(order.error));
  try {
    return acceptRound(card, order.data);
  } catch (error) {
    if (error instanceof ImpossibleRoundError) {
      throw new UsageError(`--${error.field === "options" ? "sampler-options" : error.field}: ${error.message}`);
    }
    throw error;
  }
}

/** As a worker: SIGTERM stops the round, too. */
function talkToService({ out, signal }: Terminal) {
  const told = new AbortController();
  Deno.addSignalListener("SIGTERM", () => told.abort());
  return talkToParent({ input: Deno.stdin.readable, output: out, signal: AbortSignal.any([signal, told.signal]) });
}

const percent = (value: number) => (100 * value).toFixed(1);

/** Events as lines of text. */
function talkToPeople({ error, interactive, signal }: Terminal) {
  let last = -Infinity;
  const onEvent = (event: RoundEvent) => {
    switch (event.type) {
      case "started":
        if (event.passedOver) error(`${event.passedOver}\n`);
        return error(`trains on ${event.backend} (${event.why}), from update ${event.update}\n`);
      case "progress": {
        if (performance.now() - last < (interactive ? 500 : 20_000)) return;
        last = performance.now();
        const parts = Object.entries(event.parts).map(([name, value]) => `${name} ${value.toPrecision(4)}`).join(" ");
        const line =
          `${percent(event.fraction)} % | update ${event.update} | ${event.updatesPerSecond.toFixed(2)}/s | ` +
          `loss ${event.loss.toPrecision(4)} (${parts}) | ${Math.round(event.seconds)} s`;
        return error(interactive ? `\r${line}\x1b[K` : `${line}\n`);
      }
      case "validated": {
        const drawn = event.drawn;
        return error(
          `${interactive ? "\n" : ""}update ${event.update}: held out ${event.heldOut.toPrecision(5)}` +
            (drawn
              ? `, stable ${percent(drawn.moleculeStability.value)} %, valid ${percent(drawn.validity.value)} %\n`
              : "\n"),
        );
      }
      case "judged":
        return error(`${event.accepted ? "accepted" : "not accepted"}: ${event.why}\n`);
      case "finished":
      case "stopped":
        return error(`${event.type} after ${event.update} updates, ${Math.round(event.seconds)} s\n`);
    }
  };
  return { onEvent, signal };
}
