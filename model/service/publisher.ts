/**
 * Puts students and whole models into service, and takes them out, while the service runs.
 *
 * What is on disk decides: weights are copied beside under a name made of their digest, tried, and only then named in the
 * overlay or card, which is replaced at once. Killed at any moment, a service starts with the old state or the new one;
 * the same call made again ends in the same state; what no overlay names is swept away.
 */
import { dirname, join } from "node:path";
import { type Card, cardPath, parseCard, readCard, writeCard } from "../models/card.ts";
import { isDeepStrictEqual } from "node:util";
import pLimit from "p-limit";
import { availableSteps, type ModelEntry, type ServedModel } from "../models/load.ts";
import {
  listModels,
  modelsFolder,
  overlaid,
  readFittingOverlay,
  type StudentEntry,
  writeOverlay,
} from "../models/overlay.ts";
import type { Queue } from "../generation/queue.ts";
import { NotDistilledError } from "../models/settings.ts";
import type { ModelStore } from "../models/store.ts";
import { sweep } from "../models/sweep.ts";
import { readWholeFile, sha256Of } from "../models/weights.ts";
import { absent, writeAtomically } from "../diffusion/files.ts";
import { tryStudent, turnsOf } from "../generation/trial.ts";

/** A student without the name of its file and what is known of it. */
export type NewStudent = Omit<StudentEntry, "file" | "sha256">;

/** What a publisher works with. */
export interface PublisherOptions {
  readonly store: ModelStore;
  /** The data directory. */
  readonly data: string;
  /** Loads a whole model that is published. */
  readonly load: (entry: ModelEntry) => Promise<ServedModel>;
  /** The device's queue, for trials. At once where absent. */
  readonly queue?: Queue;
  /** Molecules of a trial. Default 4. */
  readonly trial?: number;
  /** Called before anything is changed; throws where nothing may be. */
  readonly guard?: () => void;
  /** Told of faults in clearing up, which nobody waits for. */
  readonly onFault?: (error: Error) => void;
}

/** Publishes one thing at a time; calls that come meanwhile wait. */
export interface Publisher {
  /**
   * Puts a student into service, all its step counts at once, in the place of the model's weights for these, if it has any.
   *
   * @param students its entries: one for each step count that its network serves
   * @param weights path of its safetensors file, which is copied
   * @throws UnknownModelError; Error where the weights are not sound, of another shape, or draw no finite molecules: nothing
   * in service has changed then
   */
  publishStudent(model: string, students: NewStudent | readonly NewStudent[], weights: string): Promise<void>;
  /**
   * Puts a whole model into service, under its card's name.
   *
   * @param folder its card and weights, which are copied
   * @throws RangeError where the name is that of a model which is not of the data directory; errors as `publishStudent`'s
   */
  publishModel(folder: string): Promise<void>;
  /**
   * Takes the weights for these steps out of service: a model's own are hidden, published ones removed.
   *
   * @throws UnknownModelError, NotDistilledError; all three what `guard` throws
   */
  removeSteps(model: string, steps: number): Promise<void>;
  /** Puts into service what another process has published since, and takes out what it has removed. */
  refresh(): Promise<void>;
  /** Removes what a killed publication left behind; to be called at the start. */
  sweep(): Promise<void>;
  /** Resolves when nothing is being published and all weights that are out of use have been removed. */
  idle(): Promise<void>;
}

/** See {@link Publisher}. */
export function createPublisher(
  { store, data, load, queue, trial = 4, guard = () => {}, onFault = () => {} }: PublisherOptions,
): Publisher {
  const turn = queue && turnsOf(queue), clearing = new Set<Promise<void>>();
  const folderOf = (name: string) => join(modelsFolder(data), name);

  const inTurn = pLimit(1);
  const sweepModel = (name: string) =>
    sweep(folderOf(name), (path) => store.loaded(name)?.uses(path) ?? false).catch((error) => onFault(error as Error));
  /** Removes files once the weights that are `leaving` are out of use. */
  const clearAfter = (name: string, leaving: Promise<void>) => {
    const cleared = leaving.then(() => inTurn(() => sweepModel(name)))
      .catch((error) => onFault(error)).finally(() => clearing.delete(cleared));
    clearing.add(cleared);
  };
  const baseOf = (name: string): ModelEntry => store.entry(name).base ?? store.entry(name);

  const publishStudent: Publisher["publishStudent"] = async (name, given, weights) => {
    const students = [given].flat(), steps = students.map((one) => one.steps);
    if (steps.length === 0 || new Set(steps).size < steps.length) {
      throw new RangeError(`students must be for different step counts; got ${steps.join(", ") || "none"}`);
    }

    const base = baseOf(name), folder = folderOf(name);
    const overlay = await readFittingOverlay(folder, base.card, onFault);
    const model = await store.model(name);
    try {
      await Deno.mkdir(folder, { recursive: true });
      const copy = await copyWeights(weights, folder, `steps-${steps.join("-")}`), path = join(folder, copy.file);
      const entries: StudentEntry[] = students.map((student) => ({ ...student, ...copy }));
      const leases = entries.map((entry) => model.open(entry, path));
      try {
        for (const [i, entry] of entries.entries()) {
          await tryStudent(model, entry, leases[i], { count: trial, turn });
        }
        model.judge(path);
        const next = {
          entries: [...overlay.entries.filter((one) => !steps.includes(one.steps)), ...entries],
          removed: overlay.removed.filter((one) => !steps.includes(one)),
        };
        await writeOverlay(folder, base.card, next);
        clearAfter(name, store.update(overlaid(base, next, folder)));
      } finally {
        for (const lease of leases) lease.release();
      }
    } catch (error) {
      await sweepModel(name);
      throw error;
    }
  };

  const removeSteps: Publisher["removeSteps"] = async (name, steps) => {
    const { card, faulty = [] } = store.entry(name), base = baseOf(name), folder = folderOf(name);
    if (![...card.distilled, ...faulty].some((one) => one.steps === steps)) {
      throw new NotDistilledError(name, steps, availableSteps(card));
    }
    const overlay = await readFittingOverlay(folder, base.card, onFault);
    const hidden = base.card.distilled.some((one) => one.steps === steps) && !overlay.removed.includes(steps);
    const next = {
      entries: overlay.entries.filter((one) => one.steps !== steps),
      removed: hidden ? [...overlay.removed, steps] : overlay.removed,
    };
    await Deno.mkdir(folder, { recursive: true });
    await writeOverlay(folder, base.card, next);
    clearAfter(name, store.update(overlaid(base, next, folder)));
  };

  const publishModel: Publisher["publishModel"] = async (from) => {
    const given = await readCard(from), { name } = given, folder = folderOf(name);
    const before = store.entries.find((one) => one.name === name);
    if (before && before.folder !== folder) {
      throw new RangeError(`name must be one that no model has; got ${name}, the model of ${before.folder}`);
    }
    try {
      await Deno.mkdir(folder, { recursive: true });
      const card = await copyModel(given, from, folder), entry: ModelEntry = { name, folder, card };
      // Published already: its students stay.
      if (before && isDeepStrictEqual((before.base ?? before).card, card)) return;
      const model = await load(entry);
      try {
        for (const steps of [undefined, ...availableSteps(card)]) {
          const lease = model.lease(steps), student = card.distilled.find((one) => one.steps === steps);
          try {
            await tryStudent(model, student, lease, { count: trial, turn });
          } finally {
            lease.release();
          }
        }
        // Students of the model before were taught by another network.
        await Deno.remove(join(folder, "distilled.json")).catch(absent);
        await writeCard(cardPath(folder), card);
      } catch (error) {
        model.dispose();
        throw error;
      }
      clearAfter(name, store.replace(entry, model));
    } catch (error) {
      await sweepModel(name);
      throw error;
    }
  };

  const refresh = async () => {
    const ours = (folder: string) => dirname(folder) === modelsFolder(data);
    for (const { name } of store.entries) {
      const base = baseOf(name), folder = folderOf(name);
      if (ours(base.folder)) continue;
      clearAfter(name, store.update(overlaid(base, await readFittingOverlay(folder, base.card, onFault), folder)));
    }
    for (const entry of await listModels([], { data, onFault })) {
      const before = store.entries.find(({ name }) => name === entry.name);
      if (before && !ours(before.folder)) continue;
      const same = before && isDeepStrictEqual((before.base ?? before).card, (entry.base ?? entry).card);
      clearAfter(entry.name, same ? store.update(entry) : store.replace(entry, await load(entry)));
    }
  };

  const guarded = <A extends unknown[]>(work: (...given: A) => Promise<void>) => (...given: A) =>
    inTurn(async () => {
      guard();
      await work(...given);
    });
  return {
    publishStudent: guarded(publishStudent),
    publishModel: guarded(publishModel),
    removeSteps: guarded(removeSteps),
    refresh: () => inTurn(refresh),
    sweep: () =>
      inTurn(async () => {
        const folders = await Array.fromAsync(Deno.readDir(modelsFolder(data))).catch(absent) ?? [];
        for (const { name, isDirectory } of folders) if (isDirectory) await sweepModel(name);
      }),
    async idle() {
      while (clearing.size > 0) await Promise.all(clearing);
      await inTurn(() => {}); // behind all that have been asked
    },
  };
}

/**
 * Copies weights into a folder, in full, under a name made of their digest, so that the same weights always lie in the same file.
 *
 * @returns the bare name, and the digest
 * @throws as {@link readWholeFile}
 */
async function copyWeights(
  path: string,
  folder: string,
  stem: string,
  expected?: string,
): Promise<{ file: string; sha256: string }> {
  const { bytes, sha256 } = await readWholeFile(path, expected);
  const file = `${stem}-${sha256.slice(0, 12)}.safetensors`,
    there = await Deno.readFile(join(folder, file)).catch(absent);
  if (!there || sha256Of(there) !== sha256) await writeAtomically(join(folder, file), bytes);
  return { file, sha256 };
}

/** Copies the files that a card names, and gives the card with the names that they have now, and their digests. */
async function copyModel(card: Card, from: string, folder: string): Promise<Card> {
  const moved = structuredClone(card), copied = new Map<string, { file: string; sha256: string }>();
  const parts: [{ file: string; sha256?: string }, string][] = [
    [moved.denoiser, "denoiser"],
    ..."file" in moved.autoencoder ? [[moved.autoencoder, "autoencoder"] as [typeof moved.autoencoder, string]] : [],
    ...moved.distilled.map((student): [typeof student, string] => [student, `steps-${student.steps}`]),
  ];
  for (const [part, stem] of parts) {
    const { file } = part;
    if (!copied.has(file)) copied.set(file, await copyWeights(join(from, file), folder, stem, part.sha256));
    Object.assign(part, copied.get(file));
  }
  return parseCard(moved, join(from, "card.json"));
}
