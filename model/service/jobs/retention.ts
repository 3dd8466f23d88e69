/** What is kept of jobs that have ended. */
import { join } from "node:path";
import { absent } from "../../diffusion/files.ts";
import { CHECKPOINTS } from "../../training/checkpoint.ts";
import type { JobStore } from "./store.ts";
import { isActive, type JobState } from "./types.ts";

/** States from which no job goes on: its checkpoints are of no use. */
const FINAL: readonly JobState[] = ["done", "rejected"];

/** Jobs of a page of the store. */
const PAGE = 200;

/**
 * Removes the checkpoints of jobs that are done or rejected, and the folders of all ended ones but the `keep` newest. The jobs themselves, their
 * events and curves, stay in the store. At once, so that none of them is gone on with meanwhile.
 *
 * @param folderOf a job's folder
 */
export function clearJobs(store: Pick<JobStore, "list">, folderOf: (id: string) => string, keep: number): void {
  let ended = 0;
  for (let offset = 0;; offset += PAGE) {
    const jobs = store.list(PAGE, offset);
    for (const { id, state } of jobs) {
      if (isActive(state)) continue;
      if (ended++ >= keep) remove(folderOf(id));
      else if (FINAL.includes(state)) { for (const name of CHECKPOINTS) remove(join(folderOf(id), name)); }
    }
    if (jobs.length < PAGE) return;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    absent(error);
  }
}
