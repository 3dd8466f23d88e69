/** Conditional checkpoints of EDM and GeoLDM, against what their authors' own code says of them (`conditional/make.py`). */
import assert from "node:assert/strict";
import { join } from "node:path";
import { halvesOf } from "../../../../chem/halves.ts";
import { propertiesOf, PROPERTY_NAMES, type PropertyValues } from "../../../../chem/properties.ts";
import { findQm9, openQm9 } from "../../../../chem/qm9.ts";
import { openBackend } from "../../../../model/engines/tensorflow/open.ts";
import type { Card } from "../../../../model/models/card.ts";
import { dataSetOf, parseArguments } from "../../../../model/models/import/arguments.ts";
import {
  CONDITIONING,
  conditionsOfArguments,
  FREE_ATOM_CV,
  NUMBERS,
} from "../../../../model/models/import/conditioning.ts";
import { readNamespace } from "../../../../model/models/import/namespace.ts";
import { loadModel } from "../../../../model/models/load.ts";
import { geoldmNetworks } from "../../../../model/models/geoldm_engine_networks.ts";
import { placeGeoldmAutoencoder } from "../../../../model/models/geoldm_place.ts";
import { readSafetensors, type StoredTensor } from "../../../../model/diffusion/safetensors.ts";
import { assertClose } from "../../../properties.ts";
import { CONDITIONAL, importTold, type Kind } from "./conditional.ts";
import { type Item, writeNamespace } from "./pickle_writer.ts";

/** What `make.py` wrote: of both, and of GeoLDM's autoencoder. Arrays in one. */
interface Expected
  extends Record<"z" | "t" | "noise" | "types" | "x" | "meanX" | "meanH" | "positions" | "features", number[]> {
  readonly values: Readonly<Record<"alpha" | "gap" | "Cv", number[]>>;
  readonly nodes: number;
}

const argumentsOf = (kind: Kind) => readNamespace(Deno.readFileSync(join(CONDITIONAL, kind, "args.pickle")));

/** Imports a checkpoint, with other arguments where they are given. */
async function withImported(
  kind: Kind,
  use: (folder: string, expected: Expected) => Promise<void>,
  change?: Record<string, Item>,
) {
  const root = await Deno.makeTempDir();
  try {
    const args = join(root, "args.pickle"), fields = Object.fromEntries(argumentsOf(kind)) as Record<string, Item>;
    await Deno.writeFile(args, writeNamespace({ ...fields, ...change }));
    const folder = await importTold(kind, root, { args });
    await use(folder, JSON.parse(await Deno.readTextFile(join(CONDITIONAL, kind, "expected.json"))));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** What each molecule is told. */
const propertiesIn = ({ values: { alpha, gap, Cv } }: Expected): PropertyValues[] =>
  alpha.map((value, b) => ({ alpha: value, gap: gap[b], cv: Cv[b] }));

for (const kind of ["edm", "geoldm"] as const) {
  for (const backend of ["cpu", "wasm"] as const) {
    Deno.test(`importCheckpoint() makes a model of a conditional checkpoint of ${kind} that says on ${backend} what its authors' code says`, () =>
      withImported(kind, async (folder, expected) => {
        const model = await loadModel(folder, { backend, threads: 1 }), { card, schedule } = model;
        const conditions = card.denoiser.conditions!;
        assert.deepEqual(conditions.map(({ name, unit }) => [name, unit]), [
          ["gap", "eV"],
          ["alpha", "bohr^3"],
          ["cv", "cal/(mol K)"],
        ]);
        assert.equal(Object.values(card.sizes).reduce((a, b) => a + b), 50_000);
        const denoiser = await model.denoiser(), shape = { batch: 2, nodes: expected.nodes };
        const z = Float32Array.from(expected.z), told = propertiesIn(expected), times = expected.t;
        const asked = (properties: readonly (PropertyValues | undefined)[]) =>
          times.map((time, b) => ({ time, properties: properties[b] }));
        const x0 = await denoiser.predict(z, shape, asked(told));
        const noise = x0.map((value, k) => {
          const { alpha, sigma } = schedule(times[Math.floor(2 * k / z.length)]);
          return (z[k] - alpha * value) / sigma;
        });
        assertClose(noise, Float32Array.from(expected.noise), 2e-5, "the noise");
        const other = await denoiser.predict(z, shape, asked(told.map((one) => ({ ...one, alpha: 70 }))));
        assert.ok(other.every((value, k) => value !== x0[k]), "what is told counts");
        for (const [properties, message] of [[undefined, /must have gap/], [{ gap: 7 }, /must have alpha/]] as const) {
          await assert.rejects(async () => await denoiser.predict(z, shape, asked([properties, properties])), message);
        }
        model.dispose();
      }));
  }
}

for (const backend of ["cpu", "wasm"] as const) {
  Deno.test(`GeoLDM's autoencoder is told the properties, too, and says on ${backend} what its authors' code says`, () =>
    withImported("geoldm", async (folder, expected) => {
      const card: Card = JSON.parse(await Deno.readTextFile(join(folder, "card.json"))), { autoencoder: part } = card;
      if (part.type !== "geoldm") throw new Error("not a GeoLDM card");
      assert.equal(part.told, true);
      const sizes = { ...part, conditions: card.denoiser.conditions }, told = propertiesIn(expected);
      const tensors: Map<string, StoredTensor> = readSafetensors(await Deno.readFile(join(folder, part.file)));
      const openTensors = () => openBackend("cpu"), options = { choice: backend, openTensors, threads: 1 };
      const { part: autoencoder } = await placeGeoldmAutoencoder(sizes, tensors, options);
      assert.deepEqual(geoldmNetworks(sizes).map(({ inputs }) => inputs), [8, 4]);
      const shape = { batch: 2, nodes: expected.nodes }, z = Float32Array.from(expected.z);
      const decoded = await autoencoder.decodeArrays(z, shape, told);
      assertClose(decoded.positions, Float32Array.from(expected.positions), 2e-5, "positions");
      assertClose(decoded.features, Float32Array.from(expected.features), 2e-5, "features");
      const molecules = told.map((_, b) => ({
        atomicNumbers: Uint8Array.from(expected.types.slice(4 * b, 4 * b + 4), (type) => part.elements[type]),
        positions: Float32Array.from(expected.x.slice(12 * b, 12 * b + 12)),
      }));
      const means = await autoencoder.encodeMeans(molecules, told);
      const columns = (from: number, to: number) => means.filter((_, k) => k % 4 >= from && k % 4 < to);
      assertClose(columns(0, 3), Float32Array.from(expected.meanX), 2e-5, "means of the positions");
      assertClose(columns(3, 4), Float32Array.from(expected.meanH), 2e-5, "means of the features");
      await assert.rejects(autoencoder.decode(z, shape, []), /must have gap/);
      await assert.rejects(autoencoder.encodeMeans(molecules), /must have gap/);
      await autoencoder.decode(z, shape, [], { properties: told[0] });
      autoencoder.dispose();
    }));
}

Deno.test("importCheckpoint() refuses conditions that it has no numbers of, and those that do not fit the weights", async () => {
  const refuse = (kind: Kind, change: Record<string, Item>, message: RegExp) =>
    assert.rejects(withImported(kind, () => Promise.resolve(), change), message);
  await refuse("edm", { conditioning: ["gap", "U0"] }, /must be of alpha, gap, homo, lumo, mu, Cv; got "U0"/);
  await refuse("edm", { context_node_nf: 1 }, /must be 3, one for each of conditioning; got 1/);
  await refuse("edm", { conditioning: [], context_node_nf: 0 }, /embedding.weight should be \[6,16\].*it is \[9,16\]/);
  await refuse("edm", { dataset: "qm9_first_half" }, /must be qm9 or qm9_second_half; got qm9_first_half/);
  await refuse("edm", { remove_h: true }, /qm9_second_half must be with hydrogens/);
});

Deno.test("conditionsOfArguments() has the numbers of the splits that EDM's code takes them from, in the order of the inputs", () => {
  const told = conditionsOfArguments(["Cv", "mu"], { dataset: "qm9_second_half", remove_h: false });
  assert.deepEqual(told.map(({ name, mean, deviation, perAtom }) => [name, mean, deviation, perAtom]), [
    ["cv", -22.1666, 4.88855, 2.981],
    ["mu", 2.67509, 1.17573, undefined],
  ]);
  const heavy = { dataset: "qm9", remove_h: true };
  assert.throws(() => conditionsOfArguments(["mu", "Cv"], heavy), /Cv must be of molecules with hydrogens/);
  assert.equal(conditionsOfArguments(["mu"], heavy).length, 1);
  assert.deepEqual(Object.values(CONDITIONING).toSorted(), PROPERTY_NAMES.toSorted());
});

const folder = await findQm9().catch(() => undefined);
Deno.test({
  name: "numbers and sizes of imported conditional models are those of QM9's splits and halves",
  ignore: !folder,
  fn: async () => {
    const { split: { train, valid }, properties, atomCounts } = await openQm9(folder), { generator } = halvesOf(train);
    const own = { qm9: [train, train], qm9_second_half: [valid, generator] } as const;
    for (const [name, [normed, learned]] of Object.entries(own)) {
      for (const property of PROPERTY_NAMES) {
        const values = (rows: Int32Array) => Array.from(rows, (row) => propertiesOf(properties, row, [property])[0]);
        const share = property === "cv" ? FREE_ATOM_CV : 0;
        const all = values(normed).map((value, k) => value - share * atomCounts[normed[k]]);
        const mean = all.reduce((a, b) => a + b) / all.length, ends = values(learned);
        const deviation = all.reduce((sum, value) => sum + Math.abs(value - mean), 0) / all.length;
        const [least, most] = [ends.reduce((a, b) => Math.min(a, b)), ends.reduce((a, b) => Math.max(a, b))];
        const numbers = NUMBERS[name as keyof typeof own][property];
        [mean, deviation, least, most].forEach((value, k) =>
          assert.ok(Math.abs(value - numbers[k]) <= 6e-6 * Math.max(1, Math.abs(value)), `${name} ${property} ${k}`)
        );
      }
    }
    const { sizes } = dataSetOf(parseArguments(argumentsOf("edm")));
    const counted = Map.groupBy(generator, (row) => atomCounts[row]);
    assert.deepEqual(
      Object.fromEntries([...counted].map(([size, rows]) => [size, rows.length]).toSorted(([a], [b]) => +a - +b)),
      sizes,
    );
  },
});
