/** The curves of a job, from its events. */
import type { RoundEvent } from "../../distillation/events.ts";
import type { JobStore } from "./store.ts";
import type { StoredEvent } from "./types.ts";

/** Most points of a curve. */
const MOST_POINTS = 500;

/** Loss and validations over the updates, and the judgement of the student where there is one. */
export function curvesOf(id: string, store: Pick<JobStore, "events">) {
  const of = <T extends RoundEvent["type"]>(type: T) =>
    store.events(id, { type }).map(({ event }: StoredEvent) => event as Extract<RoundEvent, { type: T }>);
  return {
    loss: thinned(forward(of("progress"))).map(({ update, seconds, loss }) => ({ update, seconds, loss })),
    validation: thinned(forward(of("validated"))).map(({ update, seconds, heldOut, drawn }) => ({
      update,
      seconds,
      heldOut,
      moleculeStability: drawn?.moleculeStability.value ?? null,
      validity: drawn?.validity.value ?? null,
      validUnique: drawn?.validUnique.value ?? null,
    })),
    judged: of("judged").at(-1),
  };
}

/** A curve that goes forward: what came after the checkpoint that a later start went back to is left out. */
function forward<T extends { update: number }>(points: readonly T[]): T[] {
  const kept: T[] = [];
  for (const point of points) {
    while (kept.length > 0 && kept[kept.length - 1].update >= point.update) kept.pop();
    kept.push(point);
  }
  return kept;
}

/** At most so many points, evenly; the first and the last stay. */
function thinned<T>(points: readonly T[], most = MOST_POINTS): T[] {
  if (points.length <= most) return [...points];
  return Array.from({ length: most }, (_, i) => points[Math.round(i * (points.length - 1) / (most - 1))]);
}
