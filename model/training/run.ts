/** The command `train`: our own model on a data set, from molecules to checkpoints, losses and a learning curve. */
import type { DataSet } from "../../chem/data_set.ts";
import { DEFAULT_DATA_SET, openDataSet } from "../../chem/data_sets.ts";
import { halvesOf } from "../../chem/halves.ts";
import type { PropertyName } from "../../chem/properties.ts";
import { makeGroups } from "./batches.ts";
import { loadCheckpoint } from "./checkpoint.ts";
import { conditionEntries, hasProperties, toldOf } from "./conditions.ts";
import { writeAtomically } from "../diffusion/files.ts";
import { whileOwned } from "../diffusion/lock.ts";
import { writeLearningCurve } from "./curve.ts";
import { heldOutGroups, loadExamples } from "./data.ts";
import { exampleMoments, LATENTS } from "./moments.ts";
import { openLearner, type Trainer } from "../engines/open_learner.ts";
import type { PrecisionChoice } from "../engines/runtimes.ts";
import { createProgress } from "./progress.ts";
import {
  CHOSEN,
  RUN_SCHEDULE,
  runSchedule,
  type RunSettings,
  runSettings,
  runSizes,
  runSpace,
  trainingData,
} from "./settings.ts";
import { readFirstValues } from "./first_values.ts";
import { formOf } from "../networks/heavy_atom/space.ts";
import { grow } from "../networks/pair_attention/grow.ts";
import { widenedFor } from "../networks/pair_attention/properties.ts";
import { pairAttentionParameters } from "../networks/pair_attention/parameters.ts";
import { train, type TrainResult } from "./train.ts";

/** What the command takes. Those that are not named here are in `settings.ts`, with their defaults. */
export interface RunOptions extends Partial<Omit<RunSettings, "model" | "from" | "trainedOn" | "conditions">> {
  /** Name of the model. Default `qm9`. */
  readonly modelName?: string;
  /** Properties that the network is to be told (docs/conditions.md); a run of QM9 then learns from the generator's half of the training split. */
  readonly conditions?: readonly PropertyName[];
  /** A safetensors file of the same network, or of one with other blocks or classes or without `estimates` or `aromatic`, to begin with in place of random weights. */
  readonly from?: string;
  /** Where the run's files go. Default `runs/<modelName>`. */
  readonly folder?: string;
  /** Of training, over all resumes; or updates. One of the two is needed. */
  readonly minutes?: number;
  readonly updates?: number;
  readonly resume?: boolean;
  /** Default `auto`. */
  readonly backend?: Trainer;
  readonly threads?: number;
  /** Of the factors of large products; a resume may take another. Default `auto`, the fastest of the processor. */
  readonly precision?: PrecisionChoice;
  /** What is trained on: a data set's name, or its folder. Default `qm9`, or the resumed run's. */
  readonly data?: string;
  /** Takes text for people. Default: stderr. */
  readonly write?: (text: string) => void;
  /** Whether that is a terminal. */
  readonly terminal?: boolean;
  readonly signal?: AbortSignal;
  readonly checkpointSeconds?: number;
  readonly validateSeconds?: number;
  /** Molecules of the held-out loss. Default 512. */
  readonly heldOut?: number;
}

const encoder = new TextEncoder();

/** Only those keys that are given, so that defaults can fill in. */
function given<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** What a run that is resumed was told; undefined where there is none in the folder. */
async function toldBefore(folder: string): Promise<RunSettings | undefined> {
  const checkpoint = await loadCheckpoint(folder);
  if (!checkpoint) return undefined;
  const { schedule: _, sizes: __, ...settings } = JSON.parse(checkpoint.settings);
  return runSettings.parse(settings);
}

/** A data set as the settings keep it. */
const recordOf = ({ name: dataSet, chemistry, description, splitWords: split, classes }: DataSet) => ({
  ...{ dataSet, chemistry, description, split },
  classes: classes.map(([...kind]): [number, number, number?] => kind),
});

/** Settings as a checkpoint keeps them: a run without coupling has those that it had before there was a choice. */
const kept = ({ coupling, ...settings }: RunSettings) =>
  coupling === "independent" ? settings : { ...settings, coupling };

/**
 * Trains, or goes on training with `resume`, and writes into the folder `checkpoint.safetensors`, `losses.csv`,
 * `learning_curve.svg` and `latents.json`. A new run aligns noise where it is not told otherwise; of one that is resumed the settings that
 * are not given again stay as they were.
 *
 * @throws RangeError or TypeError for options that make no sense; FolderInUseError where another process trains there;
 * DivergedError where the loss is no number
 */
export async function runTraining(options: RunOptions): Promise<TrainResult & { folder: string }> {
  const folder = options.folder ?? `runs/${options.modelName ?? runSettings.parse({}).model}`;
  return await whileOwned(folder, () => trainIn(folder, options));
}

async function trainIn(folder: string, options: RunOptions): Promise<TrainResult & { folder: string }> {
  const { modelName } = options, chosen = Object.fromEntries(CHOSEN.map((name) => [name, options[name]]));
  const before = options.resume ? await toldBefore(folder) : undefined;
  const data = await openDataSet(options.data ?? before?.trainedOn?.dataSet);
  const first = options.from === undefined ? undefined : await readFirstValues(options.from, data.classes);
  const rows = options.conditions || before?.conditions ? halvesOf(data.split.train).generator : data.split.train;
  const conditions = options.conditions && conditionEntries(data, rows, options.conditions);
  const settings = runSettings.parse({
    ...before ?? { coupling: "aligned" },
    trainedOn: data.name === DEFAULT_DATA_SET ? undefined : before?.trainedOn ?? recordOf(data),
    ...given({ ...chosen, model: modelName, from: first?.told, conditions }),
  });
  const { write = (text) => Deno.stderr.writeSync(encoder.encode(text)), terminal = Deno.stderr.isTerminal() } =
    options;
  const space = runSpace(settings),
    sizes = runSizes(settings),
    { classes } = trainingData(settings),
    schedule = runSchedule();

  const { learner, why } = await openLearner(options.backend ?? "auto", {
    space,
    sizes,
    seed: settings.seed,
    threads: options.threads,
    precision: options.precision ?? "auto",
    values: first && grow(pairAttentionParameters(space, sizes), widenedFor(first.values, space, sizes), settings.seed),
  });
  try {
    write(`trains on ${learner.backend} (${why})\n`);
    const { examples, leftOut, rows: ofExamples } = loadExamples(data, rows, classes, settings);
    const heldOut = loadExamples(data, data.split.valid.subarray(0, 4000), classes, settings);
    write(`${examples.count} molecules, ${leftOut} left out; ${heldOut.examples.count} held out\n`);
    const toldIn = (rows: Int32Array) =>
      settings.conditions && hasProperties(data) ? toldOf(data, rows, settings.conditions) : undefined;
    const told = toldIn(ofExamples);
    const progress = createProgress({ write, terminal });
    const result = await train({
      learner,
      onPassedOver: (why) => write(`${why}\n`),
      makeGroups: (update) => makeGroups({ ...settings, examples, told, update, schedule, classes: classes.length }),
      validation: heldOutGroups(
        heldOut.examples,
        {
          ...{ schedule, coupling: settings.coupling, classes: classes.length, told: toldIn(heldOut.rows) },
          ...formOf(settings),
        },
        options.heldOut,
      ),
      settings: { ...kept(settings), schedule: RUN_SCHEDULE, sizes: Object.fromEntries(examples.sizes) },
      folder,
      minutes: options.minutes,
      updates: options.updates,
      resume: options.resume,
      muon: settings.muon,
      adamw: settings.adamw,
      clip: settings.clip,
      emaLimit: settings.emaLimit,
      rates: { warmup: settings.warmup, cooldown: settings.cooldown },
      onProgress: progress.onProgress,
      ...given({
        signal: options.signal,
        checkpointSeconds: options.checkpointSeconds,
        validateSeconds: options.validateSeconds,
      }),
    });
    progress.end();
    await writeLearningCurve(folder);
    const moments = exampleMoments(examples, space.scalars, settings);
    await writeAtomically(`${folder}/${LATENTS}`, encoder.encode(JSON.stringify(moments)));
    return { ...result, folder };
  } finally {
    learner.dispose();
  }
}
