/** Whether a finished student may go into service. */
import type { Drawn } from "./events.ts";
import type { RoundSettings } from "./settings.ts";

/** A judgement and its reason. */
export interface Verdict {
  readonly accepted: boolean;
  readonly why: string;
}

const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

/** Accepts a student whose molecule stability is within `accept` points of its teacher's own at its steps. */
export function judge({ accept }: Pick<RoundSettings, "accept">, student: Drawn, teacher: Drawn): Verdict {
  const lost = 100 * (teacher.moleculeStability.value - student.moleculeStability.value);
  const said =
    `molecule stability ${percent(student.moleculeStability.value)} at ${student.steps} steps, its teacher ` +
    `${percent(teacher.moleculeStability.value)} at ${teacher.steps} (n = ${student.moleculeStability.n})`;
  const accepted = lost <= accept;
  return { accepted, why: `${said}: ${accepted ? "within" : "not within"} ${accept} points` };
}
