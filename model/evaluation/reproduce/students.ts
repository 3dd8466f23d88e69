/** The distilled weights that the tables have rows of: a card's own, and those of finished rounds that it does not ship. */
import { join, resolve } from "node:path";
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
 * Loads a model with one student, as any model is loaded: from a folder, which is put together for this and removed again.
 *
 * @param folder the model's own
 */
export async function openStudent(folder: string, card: Card, student: Student, options: LoadOptions): Promise<Model> {
  const scratch = await Deno.makeTempDir({ prefix: "molstep-student-" });
  try {
    const own = cardWith(card, student), parts = [own.denoiser, own.autoencoder];
    for (const part of parts) {
      if ("file" in part) await Deno.symlink(resolve(folder, part.file), join(scratch, part.file));
    }
    await Deno.symlink(resolve(student.path), join(scratch, student.entry.file)).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error; // a student that shares its teacher's file
    });
    await Deno.writeTextFile(join(scratch, "card.json"), JSON.stringify(own));
    const model = await loadModel(scratch, options);
    await model.denoiser(student.entry.steps); // read now, before the folder goes
    return model;
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}
