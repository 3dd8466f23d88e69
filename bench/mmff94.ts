/**
 * What MMFF94 takes a molecule of QM9 with noise, on one core: the C engine in WebAssembly and native, openchemlib, and RDKit where Python has it. Typing and lookups
 * apart from minimisation; of each molecule the quickest round, so that what else the machine does counts little.
 */
import { ForceFieldMMFF94, Molecule as OclMolecule, Resources } from "openchemlib";
import { fileURLToPath } from "node:url";
import { type FieldOptions, type ForceField, forceFieldOf, MMFF94S } from "../chem/mmff94/force_field.ts";
import { readTables, type Tables } from "../chem/mmff94/tables.ts";
import { openQm9 } from "../chem/qm9.ts";
import { molblock } from "../chem/sdf.ts";
import { stability } from "../chem/stability.ts";
import { type Mmff94, openNativeMmff94, openWasmMmff94 } from "../model/engines/c/mmff94.ts";
import { compileWasmEngine, hasRelaxedSimd } from "../model/engines/c/wasm_module.ts";
import { type Compared, NOISE, withGraph } from "../tests/chem/mmff94/molecules.ts";
import { median } from "./statistics.ts";
import type { Result, Row } from "./table.ts";

/** Molecules, every how manieth of the validation split where that is stable by EDM's bonds, and iterations. */
const COUNT = 100, STRIDE = 47, ITERATIONS = 100;

/** Energies that differ by no more, kcal/mol, are of one minimum. */
const SAME = 0.1;

/** What a program takes for a molecule, ms, and where it ends, kcal/mol: null where its energy has charges in it. */
interface Taken {
  readonly setup: number;
  readonly minimising: number;
  readonly after: number | null;
  readonly iterations?: number;
}

/** Calls often; the shortest time, ms, and what the last call gave. */
function quickest<Value>(rounds: number, call: () => Value): { ms: number; value: Value } {
  let ms = Infinity, value!: Value;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    value = call();
    ms = Math.min(ms, performance.now() - start);
  }
  return { ms, value };
}

/** What is typed, and minimised how often. */
interface Asked {
  readonly tables: Tables;
  readonly molecules: readonly Compared[];
  readonly rounds: number;
}

function ours(engine: Mmff94, { tables, molecules, rounds }: Asked, options: FieldOptions = {}): Taken[] {
  return molecules.map((molecule) => {
    const { ms: setup, value } = quickest(rounds, () => forceFieldOf(molecule, tables, options));
    if (value.atoms === undefined) {
      throw new Error(`row ${molecule.row} must have MMFF94's types; atom ${value.untyped} has none`);
    }
    const field: ForceField = value, positions = molecule.noisy;
    const { ms, value: [{ after, iterations }] } = quickest(
      rounds,
      () => engine.minimise([{ field, positions }], { iterations: ITERATIONS }),
    );
    return { setup, minimising: ms, after: options.charges ? null : after, iterations };
  });
}

function openchemlibs(molecules: readonly Compared[], rounds: number): Taken[] {
  Resources.registerFromNodejs();
  return molecules.map(({ atomicNumbers, charges, bonds, noisy }) => {
    const molecule = {
      atomicNumbers: Uint8Array.from(atomicNumbers),
      charges: Int8Array.from(charges),
      positions: Float32Array.from(noisy),
    };
    const text = molblock(molecule, bonds);
    let setup = Infinity, minimising = Infinity;
    for (let round = 0; round < rounds; round++) {
      const start = performance.now(), field = new ForceFieldMMFF94(OclMolecule.fromMolfile(text), "MMFF94");
      const begun = performance.now();
      field.minimise({ maxIts: ITERATIONS });
      setup = Math.min(setup, begun - start);
      minimising = Math.min(minimising, performance.now() - begun);
    }
    return { setup, minimising, after: null };
  });
}

/** RDKit in a process of Python. @throws Error with what Python says */
async function rdkits(
  molecules: readonly Compared[],
  rounds: number,
): Promise<{ version: string; molecules: Taken[] }> {
  const process = new Deno.Command("python3", {
    args: [fileURLToPath(new URL("mmff94.py", import.meta.url))],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify({ molecules, rounds, iterations: ITERATIONS })));
  await writer.close();
  const { success, stdout, stderr } = await process.output(), text = new TextDecoder();
  if (!success) throw new Error(text.decode(stderr).trim().split("\n").at(-1));
  return JSON.parse(text.decode(stdout));
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function rowOf(program: string, taken: readonly Taken[], lowest: readonly number[]): Row {
  const totals = taken.map(({ setup, minimising }) => setup + minimising).toSorted((a, b) => a - b);
  const counts = taken.flatMap(({ iterations }) => iterations ?? []);
  const above = taken.filter(({ after }, k) => after !== null && after > lowest[k] + SAME).length;
  return {
    program,
    "typing ms": mean(taken.map(({ setup }) => setup)),
    "minimising ms": mean(taken.map(({ minimising }) => minimising)),
    "both, median ms": median(totals),
    "95 % ms": totals[Math.floor(0.95 * totals.length)],
    iterations: counts.length > 0 ? median(counts) : null,
    "above the lowest %": taken[0].after === null ? null : 100 * above / taken.length,
    note: "",
  };
}

const failed = (program: string, error: unknown): Row => ({
  program,
  ...{ "typing ms": null, "minimising ms": null, "both, median ms": null, "95 % ms": null, iterations: null },
  "above the lowest %": null,
  note: error instanceof Error ? error.message : String(error),
});

/** A row a program; one that does not work here gets a row that says why. @throws {Deno.errors.NotFound} where QM9 is not here */
export async function benchMmff94({ rounds }: { readonly rounds: number }): Promise<Result> {
  const data = await openQm9(), tables = await readTables();
  const molecules = Array.from({ length: 2 * COUNT }, (_, k) => data.split.valid[k * STRIDE])
    .filter((row) => stability(data.molecule(row)).stable).slice(0, COUNT)
    .map((row) => withGraph(row, data.molecule(row)));
  const asked = { tables, molecules, rounds };
  const wasm = async (options?: FieldOptions) => ours(openWasmMmff94(await compileWasmEngine()), asked, options);
  const native = (options?: FieldOptions) => Promise.resolve().then(() => ours(openNativeMmff94(), asked, options));
  const programs: readonly (readonly [string, () => Promise<Taken[]>])[] = [
    ["engine, wasm", () => wasm()],
    ["engine, wasm, MMFF94s with charges", () => wasm(MMFF94S)],
    ["engine, native", () => native()],
    ["engine, native, MMFF94s with charges", () => native(MMFF94S)],
    ["openchemlib, with charges", () => Promise.resolve().then(() => openchemlibs(molecules, rounds))],
    ["RDKit", async () => (await rdkits(molecules, rounds)).molecules],
  ];
  const taken = new Map<string, Taken[] | Error>();
  for (const [name, run] of programs) taken.set(name, await run().catch((error) => error));
  const lowest = molecules.map((_, k) =>
    Math.min(...[...taken.values()].flatMap((list) => Array.isArray(list) ? list[k].after ?? [] : []))
  );
  return {
    bench: "mmff94",
    settings: {
      molecules: COUNT,
      atoms: Number(mean(molecules.map(({ atomicNumbers }) => atomicNumbers.length)).toFixed(1)),
      noise: NOISE,
      iterations: ITERATIONS,
      rounds,
      relaxed: hasRelaxedSimd(),
    },
    rows: [...taken].map(([name, list]) => Array.isArray(list) ? rowOf(name, list, lowest) : failed(name, list)),
  };
}
