/** What a round works with: the teacher, the student under training, and the molecules, for any kind of model. */
import type { DataSet } from "../../chem/data_set.ts";
import { openDataSet, openIfThere } from "../../chem/data_sets.ts";
import type { KeptStudent, Named, RoundOptions, RoundParts } from "./round.ts";
import { join } from "node:path";
import type { Card } from "../models/card.ts";
import { thisMachine } from "../diffusion/machine.ts";
import { createSharedGpu } from "../engines/webgpu/device.ts";
import { LEVELS, widened } from "../networks/pair_attention/levels.ts";
import { sizesOf } from "../networks/pair_attention/parameters.ts";
import { type ModelEntry, studentPath } from "../models/overlay.ts";
import { makeAutoencoder, makeDenoiser, tensorsOn } from "../models/parts.ts";
import { readWeights } from "../models/weights.ts";
import type { PartOptions } from "../engines/placing.ts";
import { type RuntimeName, runtimeOf } from "../engines/runtimes.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import { loadExamples } from "../training/data.ts";
import { averagesOf, type Learner } from "../diffusion/learner.ts";
import { openLearner } from "../engines/open_learner.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import { heavyAtomSource } from "./heavy_atom_source.ts";
import { auxiliariesOf } from "./methods/method.ts";
import { methodOf } from "./methods/mod.ts";
import { nearestStudent, roundFault, type RoundSettings } from "./settings.ts";
import { classesFault, OWN_DATA } from "./tuning.ts";
import { generatedSupplies, type Supplies } from "./sources/where.ts";

/** Molecules of the held-out loss. */
const HELD_OUT_ROWS = 4000;

/** A student in service: its file, and what is said of it. */
function studentOf(model: ModelEntry, steps: number) {
  const { card } = model, entry = card.distilled.find((one) => one.steps === steps);
  if (!entry) throw new RangeError(`model ${card.name} has no weights distilled to ${steps} steps`);
  const { sha256, levels, version } = entry;
  return { entry, path: studentPath(model, steps), sha256, levels, name: `${card.name} at ${steps} steps, ${version}` };
}

/** The teacher's file and features: the student's of `from` steps where the card has one, else the undistilled network's. */
function teacherOf(model: ModelEntry, { method, from }: RoundSettings) {
  const { card, folder } = model;
  if (methodOf(method).teacher === "student" && card.distilled.some(({ steps }) => steps === from)) {
    return studentOf(model, from);
  }
  const { file, sha256 } = card.denoiser;
  return { path: join(folder, file), sha256, levels: 0, name: `${card.name} ${card.version}` };
}

/** The data set's molecules where it is there, only as many as a short round can see; else what the undistilled model draws. */
async function suppliesOf(
  card: Card,
  settings: RoundSettings,
  options: RoundOptions,
  undistilled: () => Promise<Pick<RoundParts, "schedule" | "autoencoder"> & { readonly denoiser: Denoiser }>,
): Promise<Supplies> {
  const { autoencoder } = card, { updates } = options;
  if (autoencoder.type !== "heavy-atom") throw new RangeError(`${card.name} does not count heavy atoms`);
  const { classes } = autoencoder,
    data = settings.data === undefined
      ? await openIfThere(card.dataSet, options.data)
      : await openOwn(card, settings.data, options);
  if (!data) {
    const { denoiser, ...rest } = await undistilled();
    try {
      const model = { ...rest, card, batch: 128, denoiser: () => Promise.resolve(denoiser) };
      return await generatedSupplies(model, settings, options);
    } finally {
      denoiser.dispose();
    }
  }
  const { train, valid } = data.split;
  const rows = updates === undefined ? train : train.subarray(0, Math.max(2000, 2 * updates * settings.batch));
  const supply = (part: Iterable<number>, words: string) => {
    const { examples } = loadExamples(data, part, classes, autoencoder);
    return heavyAtomSource(
      examples,
      classes.length,
      `${examples.count} molecules of ${data.label}'s ${words}`,
      autoencoder,
    );
  };
  return {
    source: supply(rows, "training split"),
    // A small set may have none to hold out.
    heldOut: valid.length > 0
      ? supply(valid.subarray(0, HELD_OUT_ROWS), "validation split")
      : supply(rows, "training split"),
  };
}

/** The set that a round is told to learn from: where it is said to lie, else in the round's folder, where a service put it, else by its name. */
async function openOwn(card: Card, name: string, { folder, data }: RoundOptions): Promise<DataSet> {
  const own = join(folder, OWN_DATA), there = await Deno.stat(own).then(() => true, () => false);
  const set = await openDataSet(data ?? (there ? own : name)), fault = classesFault(card, set.classes);
  if (fault) throw new RangeError(fault.message);
  return set;
}

/** What the student begins with, told its number of steps; no values where it begins at random. */
async function beginningOf(
  model: ModelEntry,
  { method, begin, to }: RoundSettings,
  teacher: { readonly tensors: Named; readonly levels: number },
): Promise<{ readonly values?: Named; readonly levels: number }> {
  if (methodOf(method).makes === "model") return { levels: 0 };
  if (begin === "student") {
    const { path, sha256, levels } = studentOf(model, nearestStudent(model.card, to)!);
    return { values: await readWeights(path, sha256), levels };
  }
  const { tensors, levels } = teacher;
  return levels > 0 ? { values: tensors, levels } : { values: widened(tensors, LEVELS), levels: LEVELS };
}

/**
 * Opens everything.
 *
 * @throws RangeError for settings that this model cannot serve; Error where nothing can train here
 */
export async function openParts(settings: RoundSettings, options: RoundOptions): Promise<RoundParts> {
  const { model, backend = "auto", threads } = options, { card } = model, { denoiser: part } = card;
  const fault = roundFault(settings, card), method = methodOf(settings.method);
  if (fault) throw new RangeError(fault.message);
  if (part.type === "egnn") {
    const { openEgnnParts } = await import("./egnn_parts.ts");
    return await openEgnnParts({ settings, options, teacher: teacherOf(model, settings), device: deviceOf() });
  }
  const schedule = makeSchedule(card.schedule), { path, sha256, levels: told, name } = teacherOf(model, settings);
  const tensors = await readWeights(path, sha256), fresh = method.makes === "model";
  const { values, levels } = await beginningOf(model, settings, { tensors, levels: told });
  const size = { width: settings.width ?? part.width, blocks: settings.blocks ?? part.blocks };
  const network = fresh ? { ...part, ...size } : part;
  const sizes = sizesOf(network, levels);
  const openGpu = createSharedGpu({ software: backend === "webgpu" });
  const setup = {
    space: card.space,
    sizes,
    seed: settings.seed,
    values,
    threads,
    precision: settings.precision ?? "auto",
    openGpu,
  };
  const { learner, why } = await openLearner(backend, setup);
  const choice = runtimeOf(learner.backend) as RuntimeName;
  const place: PartOptions = { choice, threads, openTensors: tensorsOn(choice), openGpu };
  const studentWeights = async () => averagesOf(await learner.state());
  const auxiliaries: Record<string, Learner> = {};
  for (const name of auxiliariesOf(method, settings)) {
    const beside = method.tellsAuxiliaries
      ? { ...setup, sizes, values: told === levels ? tensors : widened(tensors, levels) }
      : { ...setup, sizes: { ...sizes, levels: 0 }, values: tensors };
    auxiliaries[name] = (await openLearner(choice, beside)).learner;
  }
  const denoiser = (await makeDenoiser(card, tensors, schedule, place, told)).part;
  const kept: KeptStudent[] = [];
  for (const steps of method.keepsStudents ? settings.keep : []) {
    const { entry, path, sha256, levels, name } = studentOf(model, steps), own = await readWeights(path, sha256);
    kept.push({ entry, name, denoiser: (await makeDenoiser(card, own, schedule, place, levels)).part });
  }
  /** The student's network with these values. */
  const withValues = async (values: Named): Promise<Denoiser> => {
    const tensors = new Map(
      [...values].map(([key, tensor]) => [key, { ...tensor, shape: [...tensor.shape], dtype: "F32" as const }]),
    );
    const own = { ...card, denoiser: { ...network, file: part.file } };
    return (await makeDenoiser(own, tensors, schedule, place, levels)).part;
  };
  const beginning = settings.begin === "student" ? await withValues(values!) : denoiser;
  const autoencoder = await makeAutoencoder(card, undefined, place);
  const supplies = await suppliesOf(card, settings, options, async () => {
    const tensors = await readWeights(join(model.folder, part.file), part.sha256);
    return { schedule, autoencoder, denoiser: (await makeDenoiser(card, tensors, schedule, place)).part };
  });
  return {
    card,
    schedule,
    coupling: card.coupling,
    autoencoder,
    teacher: { denoiser, name },
    beginning,
    learner,
    auxiliaries,
    kept,
    why,
    device: deviceOf(),
    ...supplies,
    network,
    levels,
    studentWeights,
    studentDenoiser: async () => await withValues(await studentWeights()),
    dispose() {
      learner.dispose();
      for (const auxiliary of Object.values(auxiliaries)) auxiliary.dispose();
      for (const one of new Set([denoiser, beginning])) one.dispose();
      for (const one of kept) one.denoiser.dispose();
    },
  };
}

/** The machine, in words. */
function deviceOf(): string {
  const { cpu, cores } = thisMachine();
  return `${cores} cores of ${cpu}`;
}
