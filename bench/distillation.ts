/**
 * Rounds of distillation, and plain training, as a subject: whole updates as `train()` makes them, the next batch made
 * meanwhile, and their parts apart. Rates are so low that the weights hardly move.
 */
import { openBackend } from "../model/engines/tensorflow/open.ts";
import { readCard } from "../model/models/card.ts";
import { findAdapter, wordsOf } from "../model/engines/webgpu/device.ts";
import { type Learning, momentsLearning, teacherLearning } from "../model/distillation/learning.ts";
import type { MomentGroup } from "../model/distillation/moments_batches.ts";
import { openParts } from "../model/distillation/parts.ts";
import { type RoundParts } from "../model/distillation/round.ts";
import { roundSettings } from "../model/distillation/settings.ts";
import { qm9Where } from "../model/distillation/sources/where.ts";
import { breathe } from "../model/generation/generate.ts";
import type { ModelEntry } from "../model/models/overlay.ts";
import { readSafetensors } from "../model/diffusion/safetensors.ts";
import { makeSchedule } from "../model/diffusion/schedules.ts";
import { makeGroups } from "../model/training/batches.ts";
import { loadExamples } from "../model/training/data.ts";
import type { Group, Learner, Losses, Rates } from "../model/diffusion/learner.ts";
import { openLearner, type Trainer } from "../model/engines/open_learner.ts";
import { type Distillation, type OpenSubject, type Place, trainerOf } from "./subject.ts";

/** What there is to time of each kind: `update` is the whole, the others its parts. */
export const WORK = {
  progressive: ["update", "teacher", "student"],
  moments: ["update", "teacher", "student", "auxiliary"],
  training: ["update", "student"],
} as const;

/** Progressive distillation, moment matching, and the training of a teacher. */
export type Method = keyof typeof WORK;

/** The kinds of {@link WORK}. */
export const METHODS = Object.keys(WORK) as Method[];

const RATES: Rates = { muon: 1e-7, adamw: 1e-7, emaDecay: 0.999, clip: 10 };

/** Updates that the data loaded are enough for, and batches that the parts take in turn. */
const UPDATES = 50, BATCHES = 4;

/** Something to call, by the names of {@link WORK}. */
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

/** Estimates are asked of all groups at once, as rounds do. */
const forAll = <G>(groups: readonly G[], ask: (group: G) => Promise<unknown>) => Promise.all(groups.map(ask));

/** The teacher estimates twice, the student learns. */
function progressive({ teacher, learner }: RoundParts, { trainGroups }: Learning<Group>): Calls {
  return {
    update: overlapped(learner, trainGroups),
    teacher: onBatches(
      trainGroups,
      (groups) =>
        forAll(groups, async ({ z, shape, conditions }) => {
          await teacher.denoiser.predict(z, shape, conditions);
          await teacher.denoiser.predict(z, shape, conditions);
        }),
    ),
    student: onBatches(trainGroups, async (groups) => check(await learner.update(groups, RATES))),
  };
}

/** The teacher estimates once; student and auxiliary estimate and learn. */
function moments(
  { teacher, learner: student, auxiliary }: RoundParts,
  { learner, trainGroups }: Learning<MomentGroup>,
): Calls {
  const groupOf = ({ shape, z, conditions, alpha, sigma }: MomentGroup): Group => {
    return { shape, z, conditions, alpha, sigma, target: z, weights: new Float32Array(3 * shape.batch).fill(1) };
  };
  const learns = (network: Learner) =>
    onBatches(trainGroups, async (groups) => {
      await forAll(groups, (group) => network.predict!(group));
      check(await network.update(groups.map(groupOf), RATES));
    });
  return {
    update: overlapped(learner, trainGroups),
    teacher: onBatches(
      trainGroups,
      (groups) => forAll(groups, ({ z, shape, at }) => teacher.denoiser.predict(z, shape, at.conditions)),
    ),
    student: learns(student),
    auxiliary: learns(auxiliary!),
  };
}

/** The teacher's own training, begun from its weights. */
async function training({ card, folder }: ModelEntry, backend: Trainer): Promise<(batch: number) => Calls> {
  const { space, denoiser, autoencoder } = card, schedule = makeSchedule(card.schedule);
  if (denoiser.type !== "pair-attention" || autoencoder.type !== "heavy-atom") {
    throw new RangeError(`${card.name} is no model of heavy atoms`);
  }
  const data = await qm9Where(undefined);
  if (!data) throw new Error("QM9 is not here");
  const { width, blocks } = denoiser, values = readSafetensors(await Deno.readFile(`${folder}/${denoiser.file}`));
  const { learner } = await openLearner(backend, { space, sizes: { width, blocks }, seed: 1, values });
  const { examples } = loadExamples(data, data.split.train.subarray(0, 128 * UPDATES), autoencoder.classes);
  return (batch) => {
    const make = (update: number) => makeGroups({ examples, batch, seed: 1, update, schedule });
    return {
      update: overlapped(learner, make),
      student: onBatches(make, async (groups) => check(await learner.update(groups, RATES))),
    };
  };
}

/** A round of a method on a trainer. */
async function round(
  method: "progressive" | "moments",
  model: ModelEntry,
  backend: Trainer,
): Promise<(batch: number) => Calls> {
  const folder = await Deno.makeTempDir({ prefix: "molstep-bench-" });
  const asked = method === "progressive" ? { from: 128, to: 64 } : { from: 128, to: 8, variant: "ddpm" };
  const settings = roundSettings.parse({ model: model.name, method, ...asked });
  try {
    const parts = await openParts(settings, { model, folder, backend, updates: UPDATES, onEvent: () => {} });
    return (batch) =>
      method === "progressive"
        ? progressive(parts, teacherLearning(parts, { ...settings, batch }))
        : moments(parts, momentsLearning(parts, { ...settings, batch }));
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
 * Opens the subject: `prepare(batch, "progressive update")`, `"moments teacher"`, ...; see {@link WORK}. Networks and data of a
 * method are opened with its first call.
 */
export async function openDistillation(
  { folder, place }: Distillation & { readonly place: Place },
): Promise<OpenSubject> {
  const backend = trainerOf(place),
    card = await readCard(folder),
    model: ModelEntry = { name: card.name, folder, card };
  const opened = new Map<Method, Promise<(batch: number) => Calls>>(), calls = new Map<string, Promise<Calls>>();
  const open = (method: Method) => method === "training" ? training(model, backend) : round(method, model, backend);
  const callsOf = (method: Method, batch: number) => {
    if (!opened.has(method)) opened.set(method, open(method));
    const key = `${method} ${batch}`;
    if (!calls.has(key)) calls.set(key, opened.get(method)!.then((at) => at(batch)));
    return calls.get(key)!;
  };
  return {
    why: await refuseSoftware(backend),
    prepare(batch, what = "") {
      const [method, part] = what.split(" ") as [Method, string];
      if (!(WORK[method] as readonly string[] | undefined)?.includes(part)) {
        throw new RangeError(`what is timed is a method and a part of ${JSON.stringify(WORK)}; got ${what}`);
      }
      return async () => {
        await (await callsOf(method, batch))[part]();
        return [];
      };
    },
    close() {}, // its process ends
  };
}
