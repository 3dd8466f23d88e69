/** The papers' tables for a model: rows planned, the missing ones measured, tables written. Resumable. */
import { join } from "node:path";
import { createRdkit } from "../../../chem/rdkit.ts";
import { createValidator } from "../../../chem/validator.ts";
import { writeAtomically } from "../../diffusion/files.ts";
import { loadModel, type LoadOptions, type Model, type ModelEntry } from "../../models/load.ts";
import { findReference } from "../evaluate_reference.ts";
import { tableFigure } from "./figure.ts";
import { type Cost, costOf, keyRows, measureRows, missingRows, timeModel } from "./measure.ts";
import { type PlannedRow, type PlanOptions, planRows } from "./plan.ts";
import { publishedRows } from "./published.ts";
import { fileDigest, readRows, type Row, type RowKey } from "./row.ts";
import { openStudent, type Student, studentsOf, studentsOfRound } from "./students.ts";
import { tableData, tableMarkdown, tableRows } from "./table.ts";

/** How to reproduce. */
export interface ReproduceOptions extends PlanOptions, LoadOptions {
  /** Folder of the rows and tables. */
  readonly out: string;
  /** Folders of finished rounds whose students get rows, too. */
  readonly rounds?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onPlan?: (plan: { backend: string; rows: number; missing: number }) => void;
  /** Told before the first missing row, with what all of them will take. */
  readonly onCost?: (totalMs: number, cost: Cost) => void;
  /** @param fraction of all missing rows */
  readonly onProgress?: (fraction: number, row: PlannedRow & { readonly key: RowKey }) => void;
  /** Told of each row that has been measured. */
  readonly onRow?: (row: Row) => void;
}

/** @returns how many rows the tables have */
export async function reproduce(place: ModelEntry, options: ReproduceOptions): Promise<number> {
  const { out, signal, onPlan, onCost, onProgress, onRow } = options, { card, folder } = place;
  const rounds = await Promise.all((options.rounds ?? []).map(studentsOfRound));
  const students = [...studentsOf(place), ...rounds.flat()], plan = planRows(card, students, options);
  const weights = digests((student) => student?.path ?? join(folder, card.denoiser.file));
  const present = new Set([`${card.version} ${await weights()}`]);
  for (const student of students) present.add(`${student.entry.version} ${await weights(student)}`);
  const current = (key: RowKey) => key.model === card.name && present.has(`${key.version} ${key.weights}`);
  const write = async (): Promise<number> => {
    const rows = tableRows((await readRows(out)).values(), current);
    await writeTable(out, card.name, rows);
    return rows.length;
  };

  const [teacher, rdkit, reference] = await Promise.all([
    loadModel(place, options),
    createRdkit(),
    findReference([folder], card.dataSet),
  ]);
  const validate = createValidator(rdkit);
  const opened = createOpened(teacher, (student) => openStudent(folder, card, student, options));
  try {
    const rows = await keyRows(plan, teacher, weights), missing = await missingRows(rows, out);
    onPlan?.({ backend: teacher.backend.name, rows: rows.length, missing: missing.length });
    if (missing.length > 0) {
      const cost = await timeModel(teacher, validate, signal), total = costOf(missing, cost);
      onCost?.(total, cost);
      let done = 0;
      await measureRows(missing, {
        ...{ out, modelOf: opened.modelOf, validate, reference, signal },
        onProgress: (row, fraction) => onProgress?.((done + fraction * costOf([row], cost)) / total, row),
        async onRow(row, planned) {
          done += costOf([planned], cost);
          onRow?.(row);
          await write();
        },
      });
    }
    return await write();
  } finally {
    opened.dispose();
  }
}

/** Digests of students' weights, or the teacher's, each file read once. */
function digests(pathOf: (student?: Student) => string): (student?: Student) => Promise<string> {
  const known = new Map<string, Promise<string>>();
  return (student) => {
    const path = pathOf(student);
    if (!known.has(path)) known.set(path, fileDigest(path));
    return known.get(path)!;
  };
}

/** The models in use: the teacher throughout, of the students one at a time. */
function createOpened(teacher: Model, open: (student: Student) => Promise<Model>) {
  let last: { student: Student; model: Model } | undefined;
  return {
    async modelOf(student?: Student): Promise<Model> {
      if (!student) return teacher;
      if (last?.student !== student) {
        last?.model.dispose();
        last = undefined;
        last = { student, model: await open(student) };
      }
      return last.model;
    },
    dispose() {
      last?.model.dispose();
      teacher.dispose();
    },
  };
}

/** The three files, each whole or as it was. */
async function writeTable(out: string, model: string, rows: readonly Row[]): Promise<void> {
  const published = publishedRows(), encoder = new TextEncoder();
  await Deno.mkdir(out, { recursive: true });
  const files = {
    "table.md": tableMarkdown(model, rows, published),
    "table.json": JSON.stringify(tableData(model, rows, published), null, 2) + "\n",
    "speed_stability.svg": tableFigure(model, rows, published),
  };
  for (const [name, text] of Object.entries(files)) await writeAtomically(join(out, name), encoder.encode(text));
}
