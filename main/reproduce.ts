/** molstep reproduce */
import { join } from "node:path";
import { z } from "zod";
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator } from "../chem/validator.ts";
import { DECODINGS } from "../model/diffusion/decodings.ts";
import { findReference } from "../model/evaluation/evaluate_reference.ts";
import { loadModel, type Model } from "../model/models/load.ts";
import { costOf, keyRows, measureRows, missingRows, timeModel } from "../model/evaluation/reproduce/measure.ts";
import { PAPER_SAMPLERS, PAPER_STEPS, planRows } from "../model/evaluation/reproduce/plan.ts";
import { publishedRows } from "../model/evaluation/reproduce/published.ts";
import { fileDigest, readRows, type Row, type RowKey } from "../model/evaluation/reproduce/row.ts";
import { openStudent, type Student, studentsOf, studentsOfRound } from "../model/evaluation/reproduce/students.ts";
import { tableFigure } from "../model/evaluation/reproduce/figure.ts";
import { tableData, tableMarkdown, tableRows } from "../model/evaluation/reproduce/table.ts";
import { SAMPLERS } from "../model/diffusion/samplers/mod.ts";
import { writeAtomically } from "../model/diffusion/files.ts";
import { command } from "./command.ts";
import { samplingOptions } from "./generate.ts";
import { dataFolder, findModel } from "./models.ts";
import { option, whole } from "./options.ts";
import { clock, createProgress } from "./progress.ts";

const list = <T extends z.ZodType<unknown, string>>(each: T) =>
  z.string().transform((text) => text.split(",").map((part) => part.trim())).pipe(z.array(each).min(1));

/** The papers' tables for a model. */
export const reproduceCommand = command({
  summary: "Measures a model as the papers' tables do, and sets its rows beside the published ones. Resumable.",
  options: {
    model: samplingOptions.model,
    count: option("N", "molecules a row (default 10000)", whole(1).default(10_000)),
    "max-work": option(
      "N",
      "most molecules x steps of a row: dearer rows draw fewer molecules, and say so (default: no limit)",
      whole(1).optional(),
    ),
    steps: option("N,N", `numbers of steps (default ${PAPER_STEPS.join(",")})`, list(whole(1, 1000)).optional()),
    samplers: option(
      "NAMES",
      `the teacher's, of ${SAMPLERS.join(", ")} (default ${PAPER_SAMPLERS.join(",")})`,
      list(z.enum(SAMPLERS)).optional(),
    ),
    clamp: option(
      "T",
      "the teacher's: the time below which estimates are clamped to valence (default 0: the network alone)",
      z.string().transform(Number).pipe(z.number().min(0).max(1)).default(0),
    ),
    decoding: option(
      "NAME",
      `${DECODINGS.join(" or ")} (default argmax: the network alone)`,
      z.enum(DECODINGS).default("argmax"),
    ),
    rounds: option(
      "FOLDERS",
      "folders of finished rounds of distillation whose students get rows too, shipped or not",
      list(z.string().min(1)).optional(),
    ),
    seed: option("N", "(default 1)", whole(0, 0xffffffff).default(1)),
    out: option(
      "FOLDER",
      "rows, table.md, table.json, speed_stability.svg (default runs/reproduce/MODEL)",
      z.string().min(1).optional(),
    ),
    backend: samplingOptions.backend,
    threads: samplingOptions.threads,
    batch: samplingOptions.batch,
  },
  async run(values, terminal) {
    const { signal } = terminal,
      place = await findModel(values.model, undefined, dataFolder(terminal.environment)),
      { card, folder } = place;
    const out = values.out ?? join("runs", "reproduce", card.name);
    const rounds = await Promise.all((values.rounds ?? []).map(studentsOfRound));
    const students = [...studentsOf(place), ...rounds.flat()];
    const plan = planRows(card, students, { ...values, maxWork: values["max-work"] });
    const digests = new Map<string, Promise<string>>();
    const weights = (student?: Student): Promise<string> => {
      const path = student?.path ?? join(folder, card.denoiser.file);
      if (!digests.has(path)) digests.set(path, fileDigest(path));
      return digests.get(path)!;
    };
    const present = new Set([`${card.version} ${await weights()}`]);
    for (const student of students) present.add(`${student.entry.version} ${await weights(student)}`);
    const current = (key: RowKey) => key.model === card.name && present.has(`${key.version} ${key.weights}`);

    const [teacher, rdkit, reference] = await Promise.all([
      loadModel(place, values),
      createRdkit(),
      findReference([folder]),
    ]);
    const validate = createValidator(rdkit),
      opened = createOpened(teacher, (student) => openStudent(folder, card, student, values));
    const write = async (): Promise<readonly Row[]> => {
      const rows = tableRows((await readRows(out)).values(), current);
      await writeTable(out, card.name, rows);
      return rows;
    };
    try {
      const rows = await keyRows(plan, teacher, weights), missing = await missingRows(rows, out);
      terminal.out(
        `${card.name} on ${teacher.backend.name}: ${rows.length} rows, ${missing.length} of them to measure\n`,
      );
      if (missing.length > 0) {
        const cost = await timeModel(teacher, validate, signal), total = costOf(missing, cost);
        terminal.out(
          `about ${clock(total / 1000)} (minutes:seconds) at ${
            Number((1000 / cost.stepMs).toPrecision(3))
          } molecule-steps/s ` +
            `and ${cost.moleculeMs.toFixed(2)} ms a molecule besides\n`,
        );
        const progress = createProgress(terminal);
        let done = 0;
        await measureRows(missing, {
          out,
          modelOf: opened.modelOf,
          validate,
          reference,
          signal,
          onProgress: (row, fraction) =>
            progress.update((done + fraction * costOf([row], cost)) / total, `${row.key.steps} steps, ${row.line}`),
          onRow: async ({ key, line, evaluation: { metrics, moleculesPerSecond } }, planned) => {
            done += costOf([planned], cost);
            const percent = (100 * metrics.moleculeStability.value).toFixed(1);
            terminal.out(
              `${key.steps} steps, ${line}: n = ${key.count}, ${percent} % stable, ` +
                `${Number(moleculesPerSecond.toPrecision(3))} molecules/s\n`,
            );
            await write();
          },
        });
        progress.end();
      }
      terminal.out(`${(await write()).length} rows in ${join(out, "table.md")}, table.json and speed_stability.svg\n`);
      return 0;
    } finally {
      opened.dispose();
    }
  },
});

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
