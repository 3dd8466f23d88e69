/** Models that have shown that they draw before anyone is served by them. */
import { dirname } from "node:path";
import { tryStudent } from "../generation/trial.ts";
import { loadModel, type LoadOptions, type ModelEntry, type ServedModel } from "../models/load.ts";
import { type StudentEntry, studentPath } from "../models/overlay.ts";

/** A student that was taken out of service, for the log. */
export interface Withdrawn extends Pick<StudentEntry, "steps" | "version"> {
  readonly model: string;
  readonly error: string;
}

/** Molecules of a trial at the start, where somebody waits. */
const COUNT = 1;

/**
 * Loads a model and draws a molecule with its undistilled weights and with each file of its students, at the fewest steps that
 * the file serves. Students of a file that cannot be loaded, or draws no finite molecule, are out of service from the beginning:
 * `entry.faulty` of the model says why, and the undistilled network serves their step counts.
 *
 * @param onWithdrawn told of each
 * @throws as {@link loadModel}; Error where the undistilled weights draw no finite molecule
 */
export async function loadTried(
  entry: ModelEntry,
  options: LoadOptions,
  onWithdrawn: (student: Withdrawn) => void,
): Promise<ServedModel> {
  const model = await loadModel(entry, options);
  const attempt = async (student?: StudentEntry) => {
    const lease = model.lease(student?.steps);
    try {
      await tryStudent(model, student, lease, { count: COUNT });
    } finally {
      lease.release();
    }
  };
  try {
    await attempt();
  } catch (error) {
    model.dispose();
    throw new Error(`model ${entry.name} fails its trial: ${(error as Error).message}`, { cause: error });
  }
  const files = Map.groupBy(entry.card.distilled, ({ steps }) => studentPath(entry, steps));
  for (const [path, students] of files) {
    try {
      await attempt(students.reduce((a, b) => b.steps < a.steps ? b : a));
    } catch (error) {
      const { message } = error as Error;
      // What GET /models says is for all: where the files lie is not.
      model.judge(path, message.replaceAll(`${dirname(path)}/`, ""));
      for (const { steps, version } of students) onWithdrawn({ model: entry.name, steps, version, error: message });
    }
  }
  return model;
}
