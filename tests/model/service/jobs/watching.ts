/** What tests see of a job. */
import type { Supervisor } from "../../../../model/service/jobs/supervisor.ts";
import type { JobEvent } from "../../../../model/service/jobs/types.ts";

/** Reads a job's events until it ends, or until one is found. */
export async function until(supervisor: Supervisor, id: string, found: (event: JobEvent) => boolean = () => false) {
  const events: JobEvent[] = [];
  for await (const { event } of supervisor.watch(id, 0, new AbortController().signal)) {
    events.push(event);
    if (found(event)) break;
  }
  return events;
}

export const isSaved = ({ type }: JobEvent): boolean => type === "saved";
