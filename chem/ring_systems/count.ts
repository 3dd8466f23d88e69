/**
 * `deno run -A chem/ring_systems/count.ts FILE SOURCE` counts the ring systems of a file of SMILES (the first column of each line, to a comma or a space; `.gz`
 * is unpacked) and writes `known.json.gz`. SOURCE says where the molecules are from. What RDKit refuses is left out and told.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { createRdkit } from "../rdkit.ts";
import { KNOWN_FILE, type KnownRingSystems } from "./known.ts";
import { ringSystemsOf } from "./ring_systems.ts";

/** Counts molecules by their ring systems, the commonest first. */
export async function countRingSystems(
  lines: readonly string[],
  source: string,
): Promise<{ known: KnownRingSystems; refused: number }> {
  const rdkit = await createRdkit(), counts = new Map<string, number>();
  let molecules = 0, refused = 0;
  for (const line of lines) {
    const [smiles] = line.split(/[,\s]/), systems = rdkit.withMol(smiles, (mol) => ringSystemsOf(rdkit, mol));
    if (!systems) {
      refused++;
      continue;
    }
    molecules++;
    for (const system of systems) counts.set(system, (counts.get(system) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return { known: { source, molecules, systems: Object.fromEntries(sorted) }, refused };
}

if (import.meta.main) {
  const [path, source] = Deno.args;
  if (Deno.args.length !== 2) {
    throw new RangeError(`expected a file of SMILES and what it is; got ${Deno.args.join(" ") || "none"}`);
  }
  const bytes = readFileSync(path), text = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  const lines = text.split("\n").filter((line) => line && !line.startsWith("smiles,"));
  const { known, refused } = await countRingSystems(lines, source);
  writeFileSync(KNOWN_FILE, gzipSync(JSON.stringify(known), { level: 9 }));
  console.log(
    `${known.molecules} molecules, ${refused} refused, ${
      Object.keys(known.systems).length
    } ring systems: ${KNOWN_FILE.pathname}`,
  );
}
