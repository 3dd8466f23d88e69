/** Whether molecules are what a {@link Where} asks for, and which of its rules is the first that they break. */
import { type Descriptors, molDescriptors } from "../descriptors.ts";
import { atomicNumberOf } from "../elements.ts";
import { DRUGLIKE } from "../chemistry.ts";
import { type Fault, isSound } from "../judge/sound.ts";
import type { Molecule } from "../molecule.ts";
import { createRdkit, type Pattern, type Rdkit, type RdkitMol } from "../rdkit.ts";
import type { NotRefined, Refined } from "../refinement/refine.ts";
import { type AlertFinder, createAlertFinder } from "./alerts.ts";
import { momentsOf } from "./moments.ts";
import { needsOf, parseFormula, type Where, type Window } from "./where.ts";
import { type Source, type WindowName, windowNames, WINDOWS } from "./windows.ts";

/** A pattern that RDKit refuses. */
export interface PatternFault {
  /** A JSON pointer to it, from the {@link Where}: `/required/0`. */
  readonly path: string;
  readonly message: string;
}

/** A {@link Where} has a pattern that is no SMARTS, or takes too long to look for. */
export class PatternError extends RangeError {
  override readonly name = "PatternError";
  constructor(readonly fault: PatternFault) {
    super(`where${fault.path} ${fault.message}`);
  }
}

/** What a filter says of a molecule. */
export interface Verdict {
  readonly passes: boolean;
  /**
   * The first rule that it breaks, in this order: `invalid`, `formula`, `elements:N`, windows on the graph by their names, `required:SMARTS`,
   * `forbidden:SMARTS`, `alert:SET`, windows on geometry, `unsound`, windows on strain. Absent where it passes.
   */
  readonly reason?: string;
  /** The values that windows ask for, as far as they were looked at: all of them where it passes. */
  readonly values: Readonly<Partial<Record<WindowName, number>>>;
}

/** What a filter looks at, beside the molecule: `findings` where soundness is asked for, `strain` and `refinement` where strain is. */
export interface Judgeable {
  readonly valid: boolean;
  readonly connected: boolean;
  readonly smiles: string | null;
  readonly descriptors?: Descriptors;
  readonly findings?: { readonly faults: readonly Fault[] };
  readonly strain?: number;
  readonly refinement?: NotRefined | Pick<Refined, "refined" | "strain">;
}

/**
 * Milliseconds that the patterns of a filter may take of one molecule: those of people take one or two. It ends what is slow; what does not come back at all is
 * ended from outside, with its thread (`validator_pool.ts`).
 */
const PATTERNS_MS = 2000;

/** A filter, its patterns compiled. Close it: they live in RDKit's memory. */
export interface Filter {
  /** @param molecule as it is given: where it is refined, as it is then. @throws PatternError where patterns take too long; TypeError where the validation lacks what {@link needsOf} asks for */
  judge(molecule: Molecule, validation: Judgeable): Verdict;
  close(): void;
}

/** What a pattern is for. */
interface Sought {
  readonly reason: string;
  readonly path: string;
  readonly wanted: boolean;
}

/** Whether a value is inside. One that there is none of (NaN, undefined) is in no window. */
const inside = (value: number | undefined, { min = -Infinity, max = Infinity }: Window) =>
  value !== undefined && value >= min && value <= max;

/** Strain before and after; undefined where the force field has no energy of the molecule. */
function strainOf({ refinement, strain }: Judgeable): Readonly<Partial<Record<WindowName, number>>> {
  if (refinement?.refined) return { strainBefore: refinement.strain.before, strainAfter: refinement.strain.after };
  return strain === undefined ? {} : { strainBefore: strain, strainAfter: strain };
}

/** Compiles a filter. @param now a clock in ms @throws PatternError for the first pattern that RDKit refuses */
export function createFilter(rdkit: Rdkit, where: Where, now = () => performance.now()): Filter {
  const patterns: (Sought & { readonly pattern: Pattern })[] = [];
  const close = () => {
    for (const { pattern } of patterns) pattern.close();
    for (const { finder } of alerts) finder.close();
  };
  const alerts: { readonly set: string; readonly finder: AlertFinder }[] = [];
  for (const list of ["required", "forbidden"] as const) {
    where[list]?.forEach((smarts, k) => {
      try {
        const pattern = rdkit.pattern(smarts), path = `/${list}/${k}`;
        patterns.push({ reason: `${list}:${smarts}`, path, wanted: list === "required", pattern });
      } catch (error) {
        close();
        if (!(error instanceof RangeError)) throw error;
        throw new PatternError({ path: `/${list}/${k}`, message: `must be SMARTS; got ${error.message}` });
      }
    });
  }
  for (const set of new Set(where.alerts)) alerts.push({ set, finder: createAlertFinder(rdkit, set) });
  const windowsFrom = (source: Source) =>
    windowNames.flatMap((name) => {
      const window = where[name];
      return window && WINDOWS[name].from === source ? [[name, window] as const] : [];
    });
  const graph = windowsFrom("graph"), geometry = windowsFrom("geometry"), strain = windowsFrom("strain");
  const flat = graph.length + patterns.length + alerts.length > 0;
  const formula = where.formula === undefined ? undefined : parseFormula(where.formula);
  const elements = Object.entries(where.elements ?? {}).flatMap(([symbol, window]) =>
    window ? [[symbol, window] as const] : []
  )
    .sort(([a], [b]) => a < b ? -1 : 1);
  const needs = needsOf(where);

  /** Of the first of these windows that the values are not in. */
  const outside = (
    windows: readonly (readonly [WindowName, Window])[],
    values: Readonly<Partial<Record<WindowName, number>>>,
    told: Partial<Record<WindowName, number>>,
  ): string | undefined => {
    for (const [name, window] of windows) {
      const value = values[name];
      if (value !== undefined) told[name] = value;
      if (!inside(value, window)) return name;
    }
  };

  /** By heavy atoms first: hydrogens that RDKit adds have to be asked for. */
  function composition({ atomicNumbers }: Molecule, smiles: string): string | undefined {
    if (!formula && elements.length === 0) return undefined;
    const heavy = new Map<string, number>();
    let hydrogens: number | undefined;
    const count = (symbol: string) => {
      if (symbol !== "H") return heavy.get(symbol) ?? heavy.set(symbol, countOf(atomicNumbers, symbol)).get(symbol)!;
      return hydrogens ??= hydrogensOf(rdkit, smiles);
    };
    if (formula) {
      const asked = [...formula].filter(([symbol]) => symbol !== "H");
      const all = asked.reduce((sum, [, n]) => sum + n, 0);
      if (
        asked.some(([symbol, n]) => count(symbol) !== n) || atomicNumbers.reduce((n, z) =>
            n + Number(z !== 1), 0) !== all ||
        count("H") !== (formula.get("H") ?? 0)
      ) return "formula";
    }
    const broken = elements.find(([symbol, window]) => !inside(count(symbol), window));
    return broken && `elements:${broken[0]}`;
  }

  function onGraph(
    mol: RdkitMol,
    validation: Judgeable,
    told: Partial<Record<WindowName, number>>,
  ): string | undefined {
    if (graph.length > 0) {
      const values = validation.descriptors ?? molDescriptors(rdkit, mol, (name) => where[name] !== undefined);
      const reason = outside(graph, values, told);
      if (reason) return reason;
    }
    return bySought(mol) ??
      prefixed("alert", alerts.find(({ finder }) => finder.first(mol) !== undefined)?.set);
  }

  /** The first pattern that is not as it must be. */
  function bySought(mol: RdkitMol): string | undefined {
    const from = now();
    for (const { pattern, wanted, reason, path } of patterns) {
      const found = pattern.in(mol), ms = Math.round(now() - from);
      if (ms > PATTERNS_MS) {
        const message = `must be looked for in a molecule in ${PATTERNS_MS} ms, with those before it; took ${ms}`;
        throw new PatternError({ path, message });
      }
      if (found !== wanted) return reason;
    }
  }

  function broken(
    molecule: Molecule,
    validation: Judgeable,
    told: Partial<Record<WindowName, number>>,
  ): string | undefined {
    const { valid, smiles, findings } = validation;
    if (!valid || smiles === null) return "invalid";
    if (needs.judge && findings === undefined) {
      throw new TypeError("findings must be there where soundness is asked for; got none");
    }
    const made = composition(molecule, smiles);
    if (made) return made;
    if (flat) {
      // SMILES with hydrogens implicit, for the same reason as `descriptorsOf`; null where it passes.
      const found = rdkit.withMol(smiles, (mol) => ({ reason: onGraph(mol, validation, told) }));
      if (found === null) throw new RangeError(`SMILES: RDKit refuses ${JSON.stringify(smiles)}`);
      if (found.reason) return found.reason;
    }
    if (geometry.length > 0) {
      const reason = outside(geometry, momentsOf(molecule), told);
      if (reason) return reason;
    }
    if (where.sound && !isSound(validation)) return "unsound";
    return strain.length > 0 ? outside(strain, strainOf(validation), told) : undefined;
  }

  return {
    judge(molecule, validation) {
      const values: Partial<Record<WindowName, number>> = {}, reason = broken(molecule, validation, values);
      return { passes: reason === undefined, ...(reason !== undefined && { reason }), values };
    },
    close,
  };
}

const prefixed = (kind: string, name: string | undefined) => name && `${kind}:${name}`;

const countOf = (atomicNumbers: Uint8Array, symbol: string): number => {
  const number = atomicNumberOf(symbol, DRUGLIKE);
  return atomicNumbers.reduce((n, own) => n + Number(own === number), 0);
};

/** Hydrogens of a molecule, those that RDKit adds included. */
function hydrogensOf(rdkit: Rdkit, smiles: string): number {
  const found = rdkit.withMol(smiles, (mol) => {
    mol.add_hs_in_place();
    return mol.get_num_atoms() - mol.get_num_atoms(true);
  });
  if (found === null) throw new RangeError(`SMILES: RDKit refuses ${JSON.stringify(smiles)}`);
  return found;
}

let chemistry: Promise<Rdkit> | undefined;

/**
 * Checks and compiles a filter with an RDKit.js of this thread's, which is loaded at the first call.
 *
 * @throws PatternError for the first pattern that RDKit refuses
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(compileWhere({ required: ["C1CC"] }), { name: "PatternError", message: 'where/required/0 must be SMARTS; got "C1CC": unclosed ring' });
 * ```
 */
export async function compileWhere(where: Where): Promise<Filter> {
  return createFilter(await (chemistry ??= createRdkit()), where);
}
