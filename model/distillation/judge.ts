/** Whether a finished student may go into service. */
import type { Drawn } from "./events.ts";
import type { RoundSettings } from "./settings.ts";

/** A judgement and its reason. */
export interface Verdict {
  readonly accepted: boolean;
  readonly why: string;
}

const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

/**
 * Accepts a student whose molecule stability is within `accept` points of its teacher's own at its steps, and that draws any
 * stable molecule at all: one of a teacher that draws none is no use. 100 points accept whatever comes.
 */
export function judge({ accept }: Pick<RoundSettings, "accept">, student: Drawn, teacher: Drawn): Verdict {
  const lost = 100 * (teacher.moleculeStability.value - student.moleculeStability.value);
  const said =
    `molecule stability ${percent(student.moleculeStability.value)} at ${student.steps} steps, its teacher ` +
    `${percent(teacher.moleculeStability.value)} at ${teacher.steps} (n = ${student.moleculeStability.n})`;
  const accepted = lost <= accept && (student.moleculeStability.value > 0 || accept === 100);
  if (lost <= accept && !accepted) return { accepted, why: `${said}: no stable molecule` };
  return { accepted, why: `${said}: ${accepted ? "within" : "not within"} ${accept} points` };
}
