/** Sets of structural alerts: SMARTS from RDKit's FilterCatalog, each file with its source and licence. */
import type { Pattern, Rdkit, RdkitMol } from "../rdkit.ts";
import brenk from "./alerts/brenk.json" with { type: "json" };
import pains from "./alerts/pains.json" with { type: "json" };
import type { AlertSet } from "./where.ts";

/** An alert: its name, its SMARTS, and the atoms that it has. */
type Alert = readonly [name: string, smarts: string, atoms: number];

/** The alerts of each set. */
export const ALERTS: Readonly<Record<AlertSet, readonly Alert[]>> = {
  pains: pains.patterns as unknown as readonly Alert[],
  brenk: brenk.patterns as unknown as readonly Alert[],
};

/** Looks for a set's alerts. */
export interface AlertFinder {
  /** The name of the first alert that a molecule with implicit hydrogens has; undefined where it has none. */
  first(mol: RdkitMol): string | undefined;
  close(): void;
}

/** A finder. Patterns are compiled when a molecule comes that is large enough to have them: those of PAINS take a tenth of a second, and few fit small molecules. */
export function createAlertFinder(rdkit: Rdkit, set: AlertSet): AlertFinder {
  const compiled = new Map<Alert, Pattern>();
  const patternOf = (alert: Alert) => {
    const pattern = compiled.get(alert) ?? rdkit.pattern(alert[1]);
    compiled.set(alert, pattern);
    return pattern;
  };
  return {
    first(mol) {
      const atoms = mol.get_num_atoms();
      return ALERTS[set].find((alert) => alert[2] <= atoms && patternOf(alert).in(mol))?.[0];
    },
    close() {
      for (const pattern of compiled.values()) pattern.close();
      compiled.clear();
    },
  };
}
