/** How common a molecule's ring systems are: among the molecules of public collections that were made or bought, counted once (`count.ts`). */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Rdkit, RdkitMol } from "../rdkit.ts";
import { ringSystemsOf } from "./ring_systems.ts";

/** The file of {@link KnownRingSystems}. */
export const KNOWN_FILE = new URL("known.json.gz", import.meta.url);

/** What was counted. */
export interface KnownRingSystems {
  /** Where the molecules are from. */
  readonly source: string;
  /** How many molecules were counted. */
  readonly molecules: number;
  /** Of each ring system, as SMILES ({@link ringSystemsOf}), the molecules that have it. */
  readonly systems: Readonly<Record<string, number>>;
}

let known: { readonly molecules: number; readonly systems: ReadonlyMap<string, number> } | undefined;

/** What was counted, read when it is first asked for. */
export function knownRingSystems() {
  if (known) return known;
  const { molecules, systems }: KnownRingSystems = JSON.parse(gunzipSync(readFileSync(KNOWN_FILE)).toString("utf8"));
  return known = { molecules, systems: new Map(Object.entries(systems)) };
}

/** Of the ring systems of a molecule the rarest one's frequency: in how many of the counted molecules it is. All of them have what a molecule without rings has. */
export function ringSystemFrequency(rdkit: Rdkit, mol: RdkitMol): number {
  const { molecules, systems } = knownRingSystems();
  return ringSystemsOf(rdkit, mol).reduce((least, smiles) => Math.min(least, systems.get(smiles) ?? 0), molecules);
}
