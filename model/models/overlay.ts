/**
 * The models there are: those of the folders of models, the whole models of the data directory, and what the data
 * directory adds to a model's students or hides of them.
 *
 *     <data>/models/<name>/distilled.json   { entries, removed, network }: onto the model of this name
 *     <data>/models/<name>/card.json        a whole model
 *
 * The weights lie beside.
 */
import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { type Card, cardSchema, readCard } from "./card.ts";
import { absent, writeAtomically } from "../diffusion/files.ts";

/** A student, as a card has it. */
export type StudentEntry = Card["distilled"][number];

/** A model's place on disk. */
export interface ModelEntry {
  readonly name: string;
  readonly folder: string;
  /** With the overlay's students. */
  readonly card: Card;
  /** Folders of the students that lie elsewhere than in `folder`, by step count. */
  readonly studentFolders?: ReadonlyMap<number, string>;
  /** The model without the overlay, where it has one, and with all students, where some are faulty. */
  readonly base?: ModelEntry;
  /** Students that are on disk and not in the card, as their weights do not work. */
  readonly faulty?: readonly FaultyStudent[];
}

/** A student whose weights cannot be loaded, or draw no molecules. */
export interface FaultyStudent extends Pick<StudentEntry, "steps" | "version"> {
  readonly reason: string;
}

/** An entry without the students whose weights do not work. @param faults the reason, by the path of the weights */
export function withoutFaulty(entry: ModelEntry, faults: ReadonlyMap<string, string>): ModelEntry {
  const faulty = entry.card.distilled.flatMap(({ steps, version }): FaultyStudent[] => {
    const reason = faults.get(studentPath(entry, steps));
    return reason === undefined ? [] : [{ steps, version, reason }];
  });
  if (faulty.length === 0) return entry;
  const distilled = entry.card.distilled.filter(({ steps }) => !faulty.some((one) => one.steps === steps));
  return { ...entry, base: entry.base ?? entry, card: { ...entry.card, distilled }, faulty };
}

/** Where the weights of an entry's student lie. @throws RangeError where it has none of these steps */
export function studentPath(entry: ModelEntry, steps: number): string {
  const student = entry.card.distilled.find((one) => one.steps === steps);
  if (!student) throw new RangeError(`model ${entry.name} has no weights distilled to ${steps} steps`);
  return join(entry.studentFolders?.get(steps) ?? entry.folder, student.file);
}

const overlaySchema = z.strictObject({
  entries: cardSchema.shape.distilled,
  /** Step counts of the model's own students that are hidden. */
  removed: z.array(z.int().min(1)).default([]),
  /** What the entries' weights fit: see {@link networkOf}. */
  network: z.string().optional(),
});

/** A digest of what a student's weights must fit: the network's size, the latent space, the schedule. */
export function networkOf({ denoiser, space, schedule }: Pick<Card, "denoiser" | "space" | "schedule">): string {
  const { file: _, sha256: __, ...sizes } = denoiser;
  return createHash("sha256").update(JSON.stringify([sizes, space, schedule])).digest("hex").slice(0, 12);
}

/** What the data directory changes of a model's students. */
export type Overlay = z.infer<typeof overlaySchema>;

/** The folder of the data directory's models, absolute: weights are known in memory by their path. */
export const modelsFolder = (data: string): string => resolve(data, "models");

/** The overlay's file in a model's folder of the data directory. */
const overlayPath = (folder: string) => join(folder, "distilled.json");

/**
 * The overlay in a model's folder of the data directory; an empty one where there is none.
 *
 * @throws TypeError naming the file where it is damaged
 */
export async function readOverlay(folder: string): Promise<Overlay> {
  const path = overlayPath(folder), text = await Deno.readTextFile(path).catch(absent);
  if (text === undefined) return { entries: [], removed: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TypeError(`${path} is damaged: ${(error as Error).message}; mend or remove it`, { cause: error });
  }
  const result = overlaySchema.safeParse(value);
  if (!result.success) throw new TypeError(`${path} is damaged; mend or remove it:\n${z.prettifyError(result.error)}`);
  return result.data;
}

/**
 * The overlay without the entries whose weights are gone, or were made for another network than the model has now (an
 * upgrade brings such): `onFault` is told of each.
 *
 * @throws as {@link readOverlay} does
 */
export async function readFittingOverlay(
  folder: string,
  card: Card,
  onFault: (error: Error) => void,
): Promise<Overlay> {
  const overlay = await readOverlay(folder), entries: StudentEntry[] = [];
  if (overlay.network !== undefined && overlay.network !== networkOf(card)) {
    const steps = overlay.entries.map((entry) => entry.steps).join(", ");
    onFault(
      new Error(`${overlayPath(folder)}: the weights for ${steps} steps fit another network than ${card.name} has`),
    );
    return { ...overlay, entries };
  }
  for (const entry of overlay.entries) {
    if ((await Deno.stat(join(folder, entry.file)).catch(absent))?.isFile) entries.push(entry);
    else onFault(new Error(`${overlayPath(folder)} names ${entry.file}, which is not there`));
  }
  return { ...overlay, entries };
}

/** Writes the overlay in a model's folder, so that a reader sees the old or the new one. */
export async function writeOverlay(folder: string, card: Card, changes: Omit<Overlay, "network">): Promise<void> {
  const overlay: Overlay = { ...changes, network: networkOf(card) };
  await writeAtomically(overlayPath(folder), new TextEncoder().encode(JSON.stringify(overlay, null, 2) + "\n"));
}

/**
 * A model with an overlay's students: one of the overlay takes the place of the model's own of the same steps.
 *
 * @param folder where the overlay's weights lie
 */
export function overlaid(base: ModelEntry, { entries, removed }: Overlay, folder: string): ModelEntry {
  const own = base.card.distilled.filter(({ steps }) =>
    !removed.includes(steps) && !entries.some((entry) => entry.steps === steps)
  );
  const distilled = [...own, ...entries].sort((a, b) => b.steps - a.steps);
  return {
    ...base,
    base,
    card: { ...base.card, distilled },
    studentFolders: new Map(entries.map(({ steps }) => [steps, folder])),
  };
}

/** Where else to look for models. */
export interface ListOptions {
  /** The data directory; nothing is looked for there where absent, and nothing need be there. */
  readonly data?: string;
  /** Told of each fault in the data directory; what is at fault is left out. Thrown where absent. */
  readonly onFault?: (error: Error) => void;
}

/** The models as they are without an overlay, by name; of two of one name the first counts. */
async function listBases(
  roots: readonly string[],
  { data, onFault = fail }: ListOptions = {},
): Promise<Map<string, ModelEntry>> {
  const found = new Map<string, ModelEntry>();
  const add = async (folder: string) => {
    const card = await readCard(folder).catch(absent);
    if (!card) return;
    if (card.name !== basename(folder)) {
      throw new TypeError(`${folder}/card.json names the model ${card.name}; it must be named as its folder`);
    }
    if (!found.has(card.name)) found.set(card.name, { name: card.name, folder, card });
  };
  for (const root of roots) {
    for (const folder of await foldersIn(root)) await add(folder);
  }
  for (const folder of data === undefined ? [] : await foldersIn(modelsFolder(data))) await add(folder).catch(onFault);
  return found;
}

/**
 * The models in these folders and in the data directory, by name; of two of one name the first counts.
 *
 * @param roots folders of model folders; one that is not there is passed over
 * @throws TypeError or SyntaxError where a card is unsound
 */
export async function listModels(roots: readonly string[], options: ListOptions = {}): Promise<ModelEntry[]> {
  const { data, onFault = fail } = options, found = await listBases(roots, options);
  const models = await Promise.all([...found.values()].map(async (base) => {
    if (data === undefined) return base;
    const folder = join(modelsFolder(data), base.name);
    try {
      return overlaid(base, await readFittingOverlay(folder, base.card, onFault), folder);
    } catch (error) {
      onFault(error as Error);
      return base;
    }
  }));
  return models.sort((a, b) => a.name < b.name ? -1 : 1);
}

function fail(error: Error): never {
  throw error;
}

async function foldersIn(root: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(root)).catch(absent);
  return (entries ?? []).filter((entry) => entry.isDirectory).map((entry) => join(root, entry.name)).sort();
}
