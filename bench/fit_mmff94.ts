/**
 * Fits MMFF94's parameters to QM9's training molecules, and writes `chem/mmff94/qm9.json`. The same command writes the same file.
 *
 *     deno run -A bench/fit_mmff94.ts [--molecules 4000] [--least 44] [--out chem/mmff94/qm9.json]
 */
import { parseArgs } from "node:util";
import { bondsOf } from "../chem/bonds.ts";
import { setChargesApart } from "../chem/charges.ts";
import type { DataSet, Part } from "../chem/data_set.ts";
import { openDataSet } from "../chem/data_sets.ts";
import { corrected, type Corrections, type FittedFile, keysOf, roundCorrections } from "../chem/mmff94/corrections.ts";
import { countKeys, type Example, Fit, parametersOf } from "../chem/mmff94/fitting.ts";
import { flatField, termsOf } from "../chem/mmff94/force_field.ts";
import { readTables, type Tables } from "../chem/mmff94/tables.ts";
import { stability } from "../chem/stability.ts";
import { type Mmff94, openWasmMmff94 } from "../model/engines/c/mmff94.ts";
import { compileWasmEngine } from "../model/engines/c/wasm_module.ts";

/** The part of the molecules that the first of two rounds is of. */
const FIRST = 1 / 4;

/** Molecules that the data's own strain is measured on, and the share of them that has no more of it. */
const MEASURED = 1000, SHARE = 0.95;

/** Molecules of a part, evenly over it, that EDM's bonds make stable and MMFF94 has types for. */
export function* examplesOf(data: DataSet, part: Part, count: number, tables: Tables): Generator<Example> {
  const rows = data.split[part], stride = Math.max(1, Math.floor(rows.length / count));
  for (let k = 0; k < count && k * stride < rows.length; k++) {
    const plain = data.molecule(rows[k * stride]);
    if (!stability(plain).stable) continue;
    const { molecule: { atomicNumbers, charges, positions }, bonds } = setChargesApart(plain, bondsOf(plain));
    const found = termsOf({ atomicNumbers, charges, bonds }, tables);
    if (!("untyped" in found)) yield { found, positions: Float64Array.from(positions) };
  }
}

/** How far above its minimum the force field has a molecule, kcal/mol, and where that is. */
export function minimised({ found, positions }: Example, corrections: Corrections, engine: Mmff94) {
  const field = flatField(found.types, corrected(found, corrections));
  const [{ before, after, positions: there }] = engine.minimise([{ field, positions }], { iterations: 200 });
  return { strain: before - after, positions: there };
}

/** Fits. @param least molecules that must have a key */
export function fitMmff94(
  { data, tables, engine, molecules, least, onRound = () => {} }: {
    readonly data: DataSet;
    readonly tables: Tables;
    readonly engine: Mmff94;
    readonly molecules: number;
    readonly least: number;
    /** Told of what steps to the minimum would take out, kcal/mol a molecule, before each round. */
    readonly onRound?: (energy: number) => void;
  },
): FittedFile {
  const counts = new Map<string, number>();
  for (const { found } of examplesOf(data, "train", molecules, tables)) countKeys(counts, keysOf(found));
  const parameters = parametersOf(counts, least);
  let corrections: Corrections = new Map();
  for (const share of [FIRST, 1]) {
    const fit = new Fit(parameters);
    for (const example of examplesOf(data, "train", Math.ceil(share * molecules), tables)) {
      const rows = corrected(example.found, corrections), field = flatField(example.found.types, rows);
      fit.add(example, rows, engine.slope({ field, positions: example.positions }).gradient);
    }
    onRound(fit.energy / fit.examples);
    corrections = fit.solve(corrections);
  }
  corrections = roundCorrections(corrections);
  const measured = [...examplesOf(data, "train", Math.min(molecules, MEASURED), tables)];
  const strains = measured.map((example) => minimised(example, corrections, engine).strain).sort((a, b) => a - b);
  const strain = Number(strains[Math.floor(SHARE * strains.length)].toFixed(2));
  return { data: data.label, molecules, least, strain, corrections: Object.fromEntries(corrections) };
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      molecules: { type: "string", default: "4000" },
      least: { type: "string", default: "44" },
      out: { type: "string", default: "chem/mmff94/qm9.json" },
    },
  });
  const [data, tables, module] = await Promise.all([openDataSet("qm9"), readTables(), compileWasmEngine(false)]);
  const engine = openWasmMmff94(module), molecules = Number(values.molecules), least = Number(values.least);
  const file = fitMmff94({
    ...{ data, tables, engine, molecules, least },
    onRound: (energy) => console.log(`${energy.toFixed(2)} kcal/mol a molecule, by quadratic steps`),
  });
  await Deno.writeTextFile(values.out, `${JSON.stringify(file)}\n`);
  console.log(`${Object.keys(file.corrections).length} keys; 95 % of strains below ${file.strain} kcal/mol`);
}
