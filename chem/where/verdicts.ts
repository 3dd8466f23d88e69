/** Verdicts of the filters that come along with molecules: each is compiled once. */
import type { Molecule } from "../molecule.ts";
import type { Rdkit } from "../rdkit.ts";
import {
  createFilter,
  type Filter,
  type Judgeable,
  PatternError,
  type PatternFault,
  type Verdict as Judged,
} from "./filter.ts";
import type { Where } from "./where.ts";

/** What is said of a molecule; or that the filter itself is at fault, and nothing passes. */
export interface Verdict extends Judged {
  readonly fault?: PatternFault;
}

/** Judges a molecule by a filter; see {@link Filter.judge}. */
export type VerdictOf = (where: Where, molecule: Molecule, validation: Judgeable) => Verdict;

/** Filters that are kept. Of more the one that was used longest ago is closed. */
const KEPT = 16;

/** Judges by filters, which it keeps compiled for the next molecules. @param now a clock in ms */
export function createVerdicts(rdkit: Rdkit, now?: () => number): VerdictOf {
  const kept = new Map<string, Filter | PatternFault>();
  let last: { readonly where: Where; readonly found: Filter | PatternFault } | undefined;

  const compiled = (where: Where): Filter | PatternFault => {
    try {
      return createFilter(rdkit, where, now);
    } catch (error) {
      if (error instanceof PatternError) return error.fault;
      throw error;
    }
  };
  /** By its text, as a worker has a copy of its own in each question; by identity within one. */
  const find = (where: Where) => {
    if (last?.where === where) return last.found;
    const key = JSON.stringify(where), found = kept.get(key) ?? compiled(where);
    kept.delete(key);
    kept.set(key, found);
    last = { where, found };
    if (kept.size > KEPT) {
      const [oldest, filter] = kept.entries().next().value!;
      kept.delete(oldest);
      if ("close" in filter) filter.close();
    }
    return found;
  };
  return (where, molecule, validation) => {
    const found = find(where),
      refused = (fault: PatternFault) => ({ passes: false, reason: "fault", values: {}, fault });
    if (!("judge" in found)) return refused(found);
    try {
      return found.judge(molecule, validation);
    } catch (error) {
      if (error instanceof PatternError) return refused(error.fault);
      throw error;
    }
  };
}
