/** Models on disk, `<root>/<name>/card.json` and the files beside it, to models in memory. */
import { basename, join } from "node:path";
import { type Card, readCard } from "./card.ts";
import { makeAutoencoder, makeDenoiser, type Placement, type Tensors, tensorsOn } from "./parts.ts";
import { readSafetensors } from "./safetensors.ts";
import type { RuntimeChoice } from "./runtimes.ts";
import { makeSchedule } from "./schedules.ts";
import type { Autoencoder, Denoiser, Schedule } from "./types.ts";

/** A model, ready to draw from. */
export interface Model {
  readonly card: Card;
  /** What the denoiser runs on, and why. */
  readonly backend: Placement;
  readonly schedule: Schedule;
  readonly autoencoder: Autoencoder;
  /** Most molecules in a batch; fixed, as the rounding of a batch depends on its make-up on some backends. */
  readonly batch: number;
  /**
   * The undistilled denoiser, or the one distilled to `steps`, which is loaded at the first call.
   *
   * @throws RangeError where the card has none for these steps
   */
  denoiser(steps?: number): Promise<Denoiser>;
  dispose(): void;
}

/** How to load. */
export interface LoadOptions {
  /** Default `auto`. */
  readonly backend?: RuntimeChoice;
  /** Most molecules in a batch. Default 64. */
  readonly batch?: number;
  /** Threads of the engine. Default: the machine's cores. */
  readonly threads?: number;
}

/**
 * Loads the model of a folder.
 *
 * @throws Deno.errors.NotFound where the card or a file that it names is missing; TypeError or SyntaxError where one is
 * unsound, naming it; Error where the backend does not work here
 */
export async function loadModel(
  folder: string,
  { backend = "auto", batch = 64, threads }: LoadOptions = {},
): Promise<Model> {
  const card = await readCard(folder), schedule = makeSchedule(card.schedule);
  const options = { choice: backend, threads, openTensors: tensorsOn(backend) };
  const tensorsOf = async (file: string): Promise<Tensors> => {
    const path = join(folder, file), bytes = await Deno.readFile(path);
    try {
      return readSafetensors(bytes);
    } catch (error) {
      throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
    }
  };
  const place = async (file: string) => await makeDenoiser(card, await tensorsOf(file), schedule, options);
  const encoding = async () => {
    const part = card.autoencoder;
    return await makeAutoencoder(card, "file" in part ? await tensorsOf(part.file) : undefined, options);
  };
  const [teacher, autoencoder] = await Promise.all([place(card.denoiser.file), encoding()]);
  const students = new Map<number, Promise<Denoiser>>();
  return {
    card,
    backend: { name: teacher.backend.name, why: teacher.backend.why },
    schedule,
    autoencoder,
    batch,
    denoiser(steps) {
      if (steps === undefined) return Promise.resolve(teacher.part);
      const entry = card.distilled.find((one) => one.steps === steps);
      if (!entry) {
        return Promise.reject(new RangeError(`model ${card.name} has no weights distilled to ${steps} steps`));
      }
      let student = students.get(steps);
      if (!student) students.set(steps, student = place(entry.file).then(({ part }) => part));
      return student;
    },
    dispose() {
      teacher.part.dispose();
      autoencoder.dispose();
      for (const student of students.values()) student.then((denoiser) => denoiser.dispose(), () => {});
    },
  };
}

/** A model's place on disk. */
export interface ModelEntry {
  readonly name: string;
  readonly folder: string;
  readonly card: Card;
}

/**
 * The models in these folders, by name; of two of one name the first counts.
 *
 * @param roots folders of model folders; one that is not there is passed over
 * @throws TypeError or SyntaxError where a card is unsound
 */
export async function listModels(roots: readonly string[]): Promise<ModelEntry[]> {
  const found = new Map<string, ModelEntry>();
  for (const root of roots) {
    for (const folder of await foldersIn(root)) {
      const card = await readCard(folder).catch(absent);
      if (!card) continue;
      if (card.name !== basename(folder)) {
        throw new TypeError(`${folder}/card.json names the model ${card.name}; it must be named as its folder`);
      }
      if (!found.has(card.name)) found.set(card.name, { name: card.name, folder, card });
    }
  }
  return [...found.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Undefined for what is not there; other errors go on. */
function absent(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

async function foldersIn(root: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(root)).catch(absent);
  return (entries ?? []).filter((entry) => entry.isDirectory).map((entry) => join(root, entry.name)).sort();
}
