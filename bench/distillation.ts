/**
 * Rounds of distillation, and plain training, as a subject: whole updates as `train()` makes them, the next batch made
 * meanwhile, and their parts apart. Rates are so low that the weights hardly move.
 */
import { openBackend } from "../model/engines/tensorflow/open.ts";
import { readCard } from "../model/models/card.ts";
import { findAdapter, wordsOf } from "../model/engines/webgpu/device.ts";
import { type MethodName, methodOf, METHODS } from "../model/distillation/methods/mod.ts";
import { acceptRound, roundOrder } from "../model/distillation/order.ts";
import { openParts } from "../model/distillation/parts.ts";
import { DEFAULT_DATA_SET, openIfThere } from "../chem/data_sets.ts";
import { breathe } from "../chem/breathe.ts";
import type { ModelEntry } from "../model/models/overlay.ts";
import { sizesOf } from "../model/networks/pair_attention/parameters.ts";
import { readWeights } from "../model/models/weights.ts";
import { makeSchedule } from "../model/diffusion/schedules.ts";
import { makeGroups } from "../model/training/batches.ts";
import { loadExamples } from "../model/training/data.ts";
import type { Learner, Losses, Rates } from "../model/diffusion/learner.ts";
import { openLearner, type Trainer } from "../model/engines/open_learner.ts";
import { type Distillation, type EngineName, type OpenSubject, trainerOf } from "./subject.ts";

/** What there is to time: a whole update, and its parts: a batch with what the teacher says of it, and what is learned from it. */
export const PARTS = ["update", "batch", "learn"] as const;

/** Methods of distillation that are timed: all but those of models that are told properties alone, as the shipped one is told none. */
export const TIMED_METHODS = METHODS.filter((name) => !methodOf(name).guidance?.always);

/** What learns: methods of distillation, and the training of a teacher. */
export const COURSES = [...TIMED_METHODS, "training"] as const;

/** One of {@link COURSES}. */
export type Course = typeof COURSES[number];

const RATES: Rates = { muon: 1e-7, adamw: 1e-7, emaDecay: 0.999, clip: 10 };

/** Updates that the data loaded are enough for, and batches that the parts take in turn. */
const UPDATES = 50, BATCHES = 4;

/** Something to call, by the names of {@link PARTS}. */
type Calls = Readonly<Record<string, () => Promise<unknown>>>;

const check = ({ total }: Losses) => {
  if (!Number.isFinite(total)) throw new Error(`an update's loss is ${total}`);
};

/** An update as `train()` makes one. */
function overlapped<G>(learner: Learner<G>, make: (update: number) => G[] | Promise<G[]>): () => Promise<void> {
  let update = 0, groups: G[] | undefined;
  return async () => {
    groups ??= await make(0);
    await breathe();
    const [losses, next] = await Promise.all([learner.update(groups, RATES), make(update + 1)]);
    check(losses);
    update++, groups = next;
  };
}

/** Calls in turn on a few batches, which are made before the first. */
function onBatches<G>(make: (update: number) => G[] | Promise<G[]>, call: (groups: G[]) => Promise<unknown>) {
  let batches: G[][] | undefined, k = 0;
  return async () => {
    batches ??= await Promise.all(Array.from({ length: BATCHES }, (_, update) => make(update)));
    await call(batches[k++ % BATCHES]);
  };
}

/** The calls of a learner and its batches. */
function callsOf<G>(learner: Learner<G>, make: (update: number) => G[] | Promise<G[]>): Calls {
  let update = 0;
  return {
    update: overlapped(learner, make),
    batch: async () => await make(update++ % UPDATES),
    learn: onBatches(make, async (groups) => check(await learner.update(groups, RATES))),
  };
}

/** The teacher's own training, begun from its weights. */
async function training({ card, folder }: ModelEntry, backend: Trainer): Promise<(batch: number) => Calls> {
  const { space, denoiser, autoencoder } = card, schedule = makeSchedule(card.schedule);
  if (denoiser.type !== "pair-attention" || autoencoder.type !== "heavy-atom") {
    throw new RangeError(`${card.name} is no model of heavy atoms`);
  }
  const data = await openIfThere();
  if (!data) throw new Error("QM9 is not here");
  const values = await readWeights(`${folder}/${denoiser.file}`, denoiser.sha256);
  const { learner } = await openLearner(backend, { space, sizes: sizesOf(denoiser), seed: 1, values });
  const { examples } = loadExamples(data, data.split.train.subarray(0, 128 * UPDATES), autoencoder.classes);
  return (batch) => callsOf(learner, (update) => makeGroups({ examples, batch, seed: 1, update, schedule }));
}

/** A round of a method on a trainer, from its own default steps, but that all begin at the undistilled network. */
async function round(method: MethodName, model: ModelEntry, backend: Trainer): Promise<(batch: number) => Calls> {
  const folder = await Deno.makeTempDir({ prefix: "molstep-bench-" });
  const card = { ...model.card, distilled: [] };
  const { settings } = acceptRound(
    card,
    roundOrder.parse({ model: card.name, method, ...methodOf(method).takesData && { data: DEFAULT_DATA_SET } }),
  );
  try {
    const parts = await openParts(settings, {
      ...{ model: { ...model, card }, folder, backend },
      updates: UPDATES,
      onEvent: () => {},
    });
    return (batch) => {
      const { learner, trainGroups } = methodOf(method).learning(parts, { ...settings, batch });
      return callsOf(learner, trainGroups);
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Throws where WebGPU is a software adapter: an update of the shipped network takes it minutes. */
async function refuseSoftware(backend: Trainer): Promise<string> {
  if (backend === "native" || backend === "auto") return "C by the system's compiler";
  if (backend !== "webgpu") return (await openBackend(backend)).why;
  const { label, software } = await findAdapter();
  if (software) throw new Error(`only a software adapter (${label})`);
  return wordsOf({ label, software });
}

/**
 * Opens the subject: `prepare(batch, "progressive update")`, `"moments learn"`, ...; see {@link COURSES} and {@link PARTS}. Networks and data
 * of a course are opened with its first call.
 */
export async function openDistillation(
  { folder, place }: Distillation & { readonly place: EngineName },
): Promise<OpenSubject> {
  const backend = trainerOf(place),
    card = await readCard(folder),
    model: ModelEntry = { name: card.name, folder, card };
  const opened = new Map<Course, Promise<(batch: number) => Calls>>(), calls = new Map<string, Promise<Calls>>();
  const open = (course: Course) => course === "training" ? training(model, backend) : round(course, model, backend);
  const made = (course: Course, batch: number) => {
    if (!opened.has(course)) opened.set(course, open(course));
    const key = `${course} ${batch}`;
    if (!calls.has(key)) calls.set(key, opened.get(course)!.then((at) => at(batch)));
    return calls.get(key)!;
  };
  return {
    why: await refuseSoftware(backend),
    prepare(batch, what = "") {
      const [course, part] = what.split(" ") as [Course, typeof PARTS[number]];
      if (!COURSES.includes(course) || !PARTS.includes(part)) {
        throw new RangeError(
          `what is timed must be one of ${COURSES.join(", ")} and one of ${PARTS.join(", ")}; got ${what}`,
        );
      }
      return async () => {
        await (await made(course, batch))[part]();
        return [];
      };
    },
    close() {}, // its process ends
  };
}
