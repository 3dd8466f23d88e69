/** Which of several settings is best: by all that the judge measures, not by stability alone. */
import type { ReferenceStatistics } from "./evaluate_reference.ts";
import type { Tried } from "./tune.ts";

/** What a setting is measured by. */
export type Measured = Pick<Tried, "moleculeStability" | "validUnique" | "groups" | "sound">;

/** Where the data stand: nothing is asked for beyond that. */
export type DataMeasured = Pick<ReferenceStatistics, "metrics" | "judge">;

/** How far a setting stays behind the best of each measure, in units of the noise of some 500 molecules. */
export interface Standing<One extends Measured> {
  readonly one: One;
  /** The sum of the shortfalls. */
  readonly total: number;
  /** In words. */
  readonly why: string;
}

/** A choice, with those that no other setting beats in every measure: the best first. */
export interface Choice<One extends Measured> {
  readonly best: One;
  readonly front: readonly Standing<One>[];
}

/** Shares that count as one: the noise of some 500 molecules. */
const POINTS = 0.02;
/** Mean difference of groups' shares that counts as one. */
const GROUPS = 0.01;

/** A measure: what it is called, its value (more is better), what counts as noise, and the most that is asked for. */
interface Measure {
  readonly name: string;
  readonly of: (one: Measured) => number | null;
  readonly unit: number;
  readonly enough?: number;
}

const measures = (data?: DataMeasured): readonly Measure[] => [
  {
    name: "molecule stability",
    of: ({ moleculeStability }) => moleculeStability.value,
    unit: POINTS,
    enough: data?.metrics.moleculeStability.value,
  },
  {
    name: "valid x unique",
    of: ({ validUnique }) => validUnique.value,
    unit: POINTS,
    enough: data?.metrics.validUnique.value,
  },
  { name: "composition", of: ({ groups }) => groups === null ? null : -groups, unit: GROUPS },
  {
    name: "sound",
    of: ({ sound }) => sound.n === 0 ? null : sound.value,
    unit: POINTS,
    enough: data?.judge?.summary.soundOfConnected.value,
  },
];

/**
 * Chooses: of each measure (molecule stability, valid x unique, the mean difference of groups' shares from the data's, the share of the valid and connected
 * that is sound) a setting falls short of the best, or of the data's own, by so many units of noise; the least sum is chosen, of equal ones the more
 * stable. A measure that nobody took counts nothing.
 *
 * @throws RangeError where there is nothing to choose from
 */
export function choose<One extends Measured>(tried: readonly One[], data?: DataMeasured): Choice<One> {
  if (tried.length === 0) throw new RangeError("candidates must be at least 1; got 0");
  const all = measures(data).map((measure) => {
    const values = tried.map(measure.of), known = values.filter((value) => value !== null);
    const best = Math.min(measure.enough ?? Infinity, Math.max(...known));
    return { ...measure, short: values.map((value) => value === null ? 0 : Math.max(0, best - value) / measure.unit) };
  });
  const standings = tried.map((one, k) => {
    const shorts = all.map(({ name, short, unit }) => ({ name, units: short[k], points: 100 * short[k] * unit }));
    const behind = shorts.filter(({ units }) => units > 0).map(({ name, points }) =>
      `${name} ${points.toFixed(1)} points behind`
    );
    const total = shorts.reduce((sum, { units }) => sum + units, 0);
    return { one, total, shorts, why: behind.join(", ") || "the best in all" };
  });
  const beats = (a: typeof standings[number], b: typeof standings[number]) =>
    a.shorts.every(({ units }, k) => units <= b.shorts[k].units) &&
    a.shorts.some(({ units }, k) => units < b.shorts[k].units);
  const front = standings.filter((own) => !standings.some((other) => beats(other, own)))
    .sort((a, b) => a.total - b.total || b.one.moleculeStability.value - a.one.moleculeStability.value)
    .map(({ one, total, why }) => ({ one, total, why }));
  return { best: front[0].one, front };
}
