/** The distilled weights that the tables have rows of: a card's own, and those of finished rounds that it does not ship. */
import { basename, dirname, join } from "node:path";
import type { Card } from "../../models/card.ts";
import { readOutcome, RESULT, STUDENT } from "../../distillation/result.ts";
import { loadModel, type LoadOptions, type Model } from "../../models/load.ts";

/** A card's entry of distilled weights. */
export type StudentEntry = Card["distilled"][number];

/** Distilled weights and where they lie. */
export interface Student {
  readonly entry: StudentEntry;
  /** The weights' file. */
  readonly path: string;
  /** Whether the model's card names them. */
  readonly shipped: boolean;
}

/** A model's place on disk; some of its students may lie elsewhere, by step count. */
export interface ModelPlace {
  readonly folder: string;
  readonly card: Pick<Card, "distilled">;
  readonly studentFolders?: ReadonlyMap<number, string>;
}

/** The students that a card names. */
export const studentsOf = ({ folder, card, studentFolders }: ModelPlace): Student[] =>
  card.distilled.map((entry) => ({
    entry,
    path: join(studentFolders?.get(entry.steps) ?? folder, entry.file),
    shipped: true,
  }));

/**
 * The students of a finished round of distillation, accepted or not: one for each number of steps that its weights serve.
 *
 * @param folder holds `result.json` and `student.safetensors`
 * @throws Deno.errors.NotFound where the round has not finished; TypeError where its result is not of a student
 */
export async function studentsOfRound(folder: string): Promise<Student[]> {
  const outcome = await readOutcome(folder);
  if (!outcome) throw new Deno.errors.NotFound(`${join(folder, RESULT)}: the round has not finished`);
  if (!outcome.entry) throw new TypeError(`${join(folder, RESULT)} is of no student with a fixed number of steps`);
  return [outcome.entry, ...outcome.also].map((entry) => ({
    entry: { ...entry, file: STUDENT },
    path: join(folder, STUDENT),
    shipped: false,
  }));
}

/** The card with this student alone, so that two students of one number of steps do not hide each other. */
export const cardWith = (card: Card, { entry }: Student): Card => ({ ...card, distilled: [entry] });

/**
 * Loads a model with one student alone, wherever its weights lie.
 *
 * @param folder the model's own
 */
export async function openStudent(folder: string, card: Card, student: Student, options: LoadOptions): Promise<Model> {
  const { path, entry } = student, { steps } = entry;
  const own = cardWith(card, { ...student, entry: { ...entry, file: basename(path) } });
  const studentFolders = new Map([[steps, dirname(path)]]);
  const model = await loadModel({ name: card.name, folder, card: own, studentFolders }, options);
  await model.denoiser(steps); // read now: the caller measures what it draws, not the disk
  return model;
}
