/** Parameters fitted to QM9: that the fit finds what it should, is the same each time, and that molecules held out move less by what is shipped. */
import assert from "node:assert/strict";
import { examplesOf, fitMmff94, minimised } from "../../../bench/fit_mmff94.ts";
import { openIfThere } from "../../../chem/data_sets.ts";
import {
  CORRECTED,
  corrected,
  type Corrections,
  keysOf,
  kindOf,
  readFitted,
} from "../../../chem/mmff94/corrections.ts";
import { countKeys, Fit, parametersOf } from "../../../chem/mmff94/fitting.ts";
import { flatField } from "../../../chem/mmff94/force_field.ts";
import { readTables } from "../../../chem/mmff94/tables.ts";
import { superposedRmsd } from "../../../chem/refinement/rmsd.ts";
import { openWasmMmff94 } from "../../../model/engines/c/mmff94.ts";
import { compileWasmEngine } from "../../../model/engines/c/wasm_module.ts";

const data = await openIfThere(), ignore = data === undefined;
const tables = await readTables(),
  engine = openWasmMmff94(await compileWasmEngine(false)),
  none: Corrections = new Map();
const fitted = await readFitted();

const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

Deno.test("readFitted() gives a file of at most 100 KB, each key with as many numbers as its kind has", async () => {
  const { size } = await Deno.stat("chem/mmff94/qm9.json");
  assert.ok(size <= 100_000, `${size}`);
  assert.ok(fitted.corrections.size > 1000 && fitted.strain > 0);
  for (const [key, values] of fitted.corrections) {
    assert.equal(values.length, CORRECTED[kindOf(key)].places.length, key);
  }
});

Deno.test("fitMmff94() gives the same file from the same molecules, of their keys alone", { ignore }, () => {
  const asked = { data: data!, tables, engine, molecules: 120, least: 12 };
  const one = fitMmff94(asked);
  assert.equal(JSON.stringify(one), JSON.stringify(fitMmff94(asked)));
  const examples = [...examplesOf(data!, "train", 120, tables)], counts = new Map<string, number>();
  for (const { found } of examples) countKeys(counts, keysOf(found));
  const keys = Object.keys(one.corrections);
  assert.ok(keys.length > 100);
  for (const key of keys) assert.ok(counts.get(key)! >= 12, key);
  const [own, plain] = [new Map(Object.entries(one.corrections)), none].map((corrections) =>
    middle(examples.map((example) => minimised(example, corrections, engine).strain))
  );
  assert.ok(own < 0.8 * plain, `${own} ${plain}`);
});

Deno.test("Fit finds corrections that molecules were made with", { ignore }, () => {
  const examples = [...examplesOf(data!, "train", 40, tables)], counts = new Map<string, number>();
  for (const { found } of examples) countKeys(counts, keysOf(found));
  const parameters = parametersOf(counts, 8).filter(({ kind }) => kind === "bonds" || kind === "bends");
  const made: Corrections = new Map(parameters.map(({ key, kind }, k) => [
    key,
    kind === "bonds" ? [0.01 * (k % 3 - 1)] : [0.03 * (k % 3 - 1)],
  ]));
  const placed = examples.map((one) => ({ ...one, positions: minimised(one, made, engine).positions }));
  const left = (corrections: Corrections) => {
    const fit = new Fit(parameters);
    for (const one of placed) {
      const rows = corrected(one.found, corrections), field = flatField(one.found.types, rows);
      fit.add(one, rows, engine.slope({ field, positions: one.positions }).gradient);
    }
    return fit;
  };
  const before = left(none),
    once = before.solve(none),
    again = left(once),
    twice = again.solve(once),
    after = left(twice);
  assert.ok(
    again.energy < 0.3 * before.energy && after.energy < 0.1 * before.energy,
    `${before.energy} ${again.energy} ${after.energy}`,
  );
});

Deno.test("molecules of the validation split move less by the fitted force field than by MMFF94", { ignore }, () => {
  const [own, plain] = [fitted.corrections, none].map((corrections) => {
    const found = [...examplesOf(data!, "valid", 200, tables)].map((one) => {
      const { strain, positions } = minimised(one, corrections, engine);
      return { strain, moved: superposedRmsd(one.positions, positions) };
    });
    return {
      n: found.length,
      strain: middle(found.map(({ strain }) => strain)),
      moved: middle(found.map(({ moved }) => moved)),
    };
  });
  assert.ok(own.n >= 190);
  assert.ok(own.strain < 0.7 * plain.strain && own.moved < 0.9 * plain.moved, JSON.stringify([own, plain]));
});
