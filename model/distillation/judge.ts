/** Whether a finished student may go into service. */
import { chanceDifference, meanDifference } from "../../chem/judge/summary.ts";
import type { Drawn } from "./events.ts";
import { methodOf } from "./methods/mod.ts";
import type { RoundSettings } from "./settings.ts";

/** A judgement and its reason. */
export interface Verdict {
  readonly accepted: boolean;
  readonly why: string;
}

const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

/** What a student lost against its teacher, in points. */
interface Loss {
  readonly name: string;
  readonly points: number;
  readonly why: string;
}

/**
 * The losses that are looked at: molecule stability, validity x uniqueness, sound molecules, and the mean difference of the shares of groups from the
 * teacher's, less twice what as many molecules of one distribution differ by chance. What was not measured is not lost; nor are shares of groups that are to be others.
 */
function lossesOf(student: Drawn, teacher: Drawn, isToMove: boolean): Loss[] {
  const rates = [
    ["molecule stability", student.moleculeStability, teacher.moleculeStability],
    ["valid x unique", student.validUnique, teacher.validUnique],
    ["sound", student.sound, teacher.sound],
  ] as const;
  const losses = rates.flatMap(([name, own, other], k): Loss[] => {
    if (!own || !other) return [];
    const [at, of] = k === 0 ? [` at ${student.steps} steps`, ` at ${teacher.steps} (n = ${own.n})`] : ["", ""];
    return [{
      name,
      points: 100 * (other.value - own.value),
      why: `${name} ${percent(own.value)}${at}, its teacher ${percent(other.value)}${of}`,
    }];
  });
  const { composition: own } = student, { composition: other } = teacher;
  if (!own || !other || isToMove) return losses;
  const apart = 100 * meanDifference(own, other), n = student.validity.n;
  const chance = 100 * Math.SQRT2 * chanceDifference(n, other);
  return [...losses, {
    name: "shares of groups",
    points: Math.max(0, apart - 2 * chance),
    why: `shares of groups ${apart.toFixed(1)} points from its teacher's in the mean (${chance.toFixed(1)} by chance)`,
  }];
}

/**
 * Accepts a student that lost at most `accept` points of each of {@link lossesOf} against its teacher at that one's steps, and that draws any stable
 * molecule at all: one of a teacher that draws none is no use. 100 points accept whatever comes.
 */
export function judge(
  { accept, method }: Pick<RoundSettings, "accept"> & Partial<Pick<RoundSettings, "method">>,
  student: Drawn,
  teacher: Drawn,
): Verdict {
  const losses = lossesOf(student, teacher, method !== undefined && methodOf(method).takesData === true),
    said = losses.map(({ why }) => why).join("; ");
  const lost = losses.filter(({ points }) => points > accept), none = student.moleculeStability.value === 0;
  if (lost.length === 0 && none && accept < 100) return { accepted: false, why: `${said}: no stable molecule` };
  if (lost.length === 0) return { accepted: true, why: `${said}: within ${accept} points` };
  const worst = losses.length > 1 ? ` in ${lost.map(({ name }) => name).join(", ")}` : "";
  return { accepted: false, why: `${said}: not within ${accept} points${worst}` };
}
