/** What a round works with: the teacher, the student under training, and the molecules, for any kind of model. */
import type { DataSet } from "../../chem/data_set.ts";
import { openDataSet, openIfThere } from "../../chem/data_sets.ts";
import type { KeptStudent, Named, RoundOptions, RoundParts } from "./round.ts";
import { join } from "node:path";
import type { Card } from "../models/card.ts";
import { thisMachine } from "../diffusion/machine.ts";
import { createSharedGpu } from "../engines/webgpu/device.ts";
import { widened } from "../networks/pair_attention/levels.ts";
import { sizesOf, type ToldBeside, toldRows } from "../networks/pair_attention/parameters.ts";
import { type ModelEntry, studentPath } from "../models/overlay.ts";
import { makeAutoencoder, makeDenoiser, tensorsOn } from "../models/parts.ts";
import { readWeights } from "../models/weights.ts";
import type { PartOptions } from "../engines/placing.ts";
import { type RuntimeName, runtimeOf } from "../engines/runtimes.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import { averagesOf, type Learner } from "../diffusion/learner.ts";
import { openLearner } from "../engines/open_learner.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import { auxiliariesOf } from "./methods/method.ts";
import { methodOf } from "./methods/mod.ts";
import { nearestStudent, roundFault, type RoundSettings } from "./settings.ts";
import { classesFault, OWN_DATA } from "./tuning.ts";
import { teachingStudent, toldBeside } from "./told.ts";
import { dataSupplies, type DataSupplyOptions, propertiesInWords } from "./sources/data_set.ts";
import { generatedSupplies, type Supplies } from "./sources/where.ts";

/** A student in service: its file, and what is said of it. */
function studentOf(model: ModelEntry, steps: number) {
  const { card } = model, entry = card.distilled.find((one) => one.steps === steps);
  if (!entry) throw new RangeError(`model ${card.name} has no weights distilled to ${steps} steps`);
  const { sha256, levels, guidance, version } = entry, name = `${card.name} at ${steps} steps, ${version}`;
  return { entry, path: studentPath(model, steps), sha256, told: { levels, guidance }, name };
}

/** The teacher's file and what it is told: the student's of `from` steps where the card has one, else the undistilled network's. */
function teacherOf(
  model: ModelEntry,
  settings: RoundSettings,
): Omit<ReturnType<typeof studentOf>, "entry" | "told"> & { readonly told: ToldBeside } {
  const { card, folder } = model;
  if (teachingStudent(settings, card)) return studentOf(model, settings.from);
  const { file, sha256 } = card.denoiser;
  return { path: join(folder, file), sha256, told: {}, name: `${card.name} ${card.version}` };
}

/**
 * The data set's molecules where it is there, only as many as a short round can see; else what the undistilled model draws.
 *
 * @throws RangeError where the set is not there and the model is told properties, which no other molecules have
 */
async function suppliesOf(
  card: Card,
  settings: RoundSettings,
  options: RoundOptions & Pick<DataSupplyOptions, "scales">,
  undistilled: () => Promise<Pick<RoundParts, "schedule" | "autoencoder"> & { readonly denoiser: Denoiser }>,
): Promise<Supplies> {
  const { updates, scales } = options,
    data = settings.data === undefined
      ? await openIfThere(card.dataSet, options.data)
      : await openOwn(card, settings.data, options);
  if (data) {
    const most = updates === undefined ? undefined : Math.max(2000, 2 * updates * settings.batch);
    return dataSupplies(card, data, { most, scales });
  }
  const properties = propertiesInWords(card);
  if (properties) {
    throw new RangeError(
      `${card.name} is told ${properties}: its students learn from the data set ${card.dataSet}, which is not there`,
    );
  }
  const { denoiser, ...rest } = await undistilled();
  try {
    const model = { ...rest, card, batch: 128, denoiser: () => Promise.resolve(denoiser) };
    return await generatedSupplies(model, settings, options);
  } finally {
    denoiser.dispose();
  }
}

/** The set that a round is told to learn from: where it is said to lie, else in the round's folder, where a service put it, else by its name. */
async function openOwn(card: Card, name: string, { folder, data }: RoundOptions): Promise<DataSet> {
  const own = join(folder, OWN_DATA), there = await Deno.stat(own).then(() => true, () => false);
  const set = await openDataSet(data ?? (there ? own : name)), fault = classesFault(card, set.classes);
  if (fault) throw new RangeError(fault.message);
  return set;
}

/** What the student begins with, and what it is told beside the time and properties; no values where it begins at random. */
async function beginningOf(
  model: ModelEntry,
  settings: RoundSettings,
  teacher: { readonly tensors: Named; readonly told: ToldBeside },
): Promise<{ readonly values?: Named; readonly told: RoundParts["told"] }> {
  const { card } = model, { denoiser } = card, told = toldBeside(settings, card), method = methodOf(settings.method);
  if (denoiser.type === "egnn" || (method.makes === "model" && !method.keepsSize)) return { told };
  if (settings.begin === "student") {
    const { path, sha256, told } = studentOf(model, nearestStudent(card, settings.to)!);
    return { values: await readWeights(path, sha256), told };
  }
  const rows = (beside: ToldBeside) => toldRows(sizesOf(denoiser, beside)), more = rows(told) - rows(teacher.told);
  return { values: more > 0 ? widened(teacher.tensors, more) : teacher.tensors, told };
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
  const schedule = makeSchedule(card.schedule), { path, sha256, name, ...teacher } = teacherOf(model, settings);
  const tensors = await readWeights(path, sha256), makes = method.makes === "model";
  const { values, told } = await beginningOf(model, settings, { tensors, told: teacher.told }),
    { levels, guidance } = told;
  const size = { width: settings.width ?? part.width, blocks: settings.blocks ?? part.blocks };
  const network = makes ? { ...part, ...size, ...guidance && { guidance } } : part;
  const sizes = sizesOf(network, told);
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
      ? { ...setup, sizes, values: teacher.told.levels ? tensors : widened(tensors, levels) }
      : { ...setup, sizes: { ...sizes, levels: 0 }, values: tensors };
    auxiliaries[name] = (await openLearner(choice, beside)).learner;
  }
  const denoiser = (await makeDenoiser(card, tensors, schedule, place, teacher.told)).part;
  const kept: KeptStudent[] = [];
  for (const steps of method.keepsStudents ? settings.keep : []) {
    const { entry, path, sha256, told, name } = studentOf(model, steps), own = await readWeights(path, sha256);
    kept.push({ entry, name, denoiser: (await makeDenoiser(card, own, schedule, place, told)).part });
  }
  /** The student's network with these values. */
  const withValues = async (values: Named): Promise<Denoiser> => {
    const tensors = new Map(
      [...values].map(([key, tensor]) => [key, { ...tensor, shape: [...tensor.shape], dtype: "F32" as const }]),
    );
    const own = { ...card, denoiser: { ...network, file: part.file } };
    return (await makeDenoiser(own, tensors, schedule, place, told)).part;
  };
  const beginning = settings.begin === "student" ? await withValues(values!) : denoiser;
  const autoencoder = await makeAutoencoder(card, undefined, place);
  const supplies = await suppliesOf(card, settings, { ...options, scales: guidance }, async () => {
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
    told,
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
