/** Checkpoints of GEOM-Drugs, against what EDM's and GeoLDM's own code says of them (`geom/make.py`). */
import assert from "node:assert/strict";
import { join } from "node:path";
import { GEOM } from "../../../../chem/chemistry.ts";
import { createRdkit } from "../../../../chem/rdkit.ts";
import { ATOMS_MAX } from "../../../../chem/refinement/refine.ts";
import { readMolblock } from "../../../../chem/sdf.ts";
import { createValidator } from "../../../../chem/validator.ts";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { readSafetensors } from "../../../../model/diffusion/safetensors.ts";
import { openBackend } from "../../../../model/engines/tensorflow/open.ts";
import { readCard } from "../../../../model/models/card.ts";
import { placeGeoldmAutoencoder } from "../../../../model/models/geoldm_place.ts";
import { loadModel } from "../../../../model/models/load.ts";
import { at } from "../../../conditions.ts";
import { assertClose } from "../../../properties.ts";
import type { Kind } from "./conditional.ts";
import { GEOM_CHECKPOINTS, importGeom } from "./geom.ts";

/** What `make.py` wrote: of both, and of GeoLDM's autoencoder. Arrays in one. */
interface Expected
  extends Record<"z" | "t" | "noise" | "types" | "x" | "meanX" | "meanH" | "positions" | "features", number[]> {
  readonly nodes: number;
}

async function withImported(kind: Kind, use: (folder: string, expected: Expected) => Promise<void>) {
  const root = await Deno.makeTempDir();
  try {
    const expected = await Deno.readTextFile(join(GEOM_CHECKPOINTS, kind, "expected.json"));
    await use(await importGeom(kind, root), JSON.parse(expected));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

for (const kind of ["edm", "geoldm"] as const) {
  for (const backend of ["cpu", "wasm"] as const) {
    Deno.test(`importCheckpoint() makes a model of a checkpoint of GEOM of ${kind} that says on ${backend} what its authors' code says`, () =>
      withImported(kind, async (folder, { z: latents, t, noise: theirs, nodes }) => {
        const model = await loadModel(folder, { backend, threads: 1 }), { schedule } = model;
        const z = Float32Array.from(latents), shape = { batch: 2, nodes };
        const x0 = await (await model.denoiser()).predict(z, shape, t.map((time) => ({ time })));
        const noise = x0.map((value, k) => {
          const { alpha, sigma } = schedule(t[Math.floor(2 * k / z.length)]);
          return (z[k] - alpha * value) / sigma;
        });
        assertClose(noise, Float32Array.from(theirs), 2e-5, "the noise");
        model.dispose();
      }));
  }
}

for (const backend of ["cpu", "wasm"] as const) {
  Deno.test(`GeoLDM's autoencoder of GEOM says on ${backend} what its authors' code says`, () =>
    withImported("geoldm", async (folder, expected) => {
      const { autoencoder: part } = await readCard(folder);
      if (part.type !== "geoldm") throw new Error("not a GeoLDM card");
      const tensors = readSafetensors(await Deno.readFile(join(folder, part.file)));
      const options = { choice: backend, openTensors: () => openBackend("cpu"), threads: 1 };
      const { part: autoencoder } = await placeGeoldmAutoencoder(part, tensors, options);
      const { nodes } = expected, shape = { batch: 2, nodes }, z = Float32Array.from(expected.z);
      const decoded = await autoencoder.decodeArrays(z, shape);
      assertClose(decoded.positions, Float32Array.from(expected.positions), 2e-5, "positions");
      assertClose(decoded.features, Float32Array.from(expected.features), 2e-5, "features");
      const molecules = [0, 1].map((b) => ({
        atomicNumbers: Uint8Array.from(
          expected.types.slice(nodes * b, nodes * (b + 1)),
          (type) => GEOM.elements[type].atomicNumber,
        ),
        positions: Float32Array.from(expected.x.slice(3 * nodes * b, 3 * nodes * (b + 1))),
      }));
      const means = await autoencoder.encodeMeans(molecules), width = 3 + part.latentScalars;
      const columns = (from: number, to: number) => means.filter((_, k) => k % width >= from && k % width < to);
      assertClose(columns(0, 3), Float32Array.from(expected.meanX), 2e-5, "means of the positions");
      assertClose(columns(3, width), Float32Array.from(expected.meanH), 2e-5, "means of the features");
      autoencoder.dispose();
    }));
}

Deno.test("cards of imported models of GEOM have its chemistry, elements and sizes, which all of Molstep's parts can take", () =>
  withImported("geoldm", async (folder) => {
    const card = await readCard(folder), { sizes, autoencoder, chemistry, dataSet } = card;
    assert.deepEqual([chemistry, dataSet, card.space.scalars], ["geom", "geom", 2]);
    assert.match(card.description, /GeoLDM on GEOM-Drugs/);
    assert.ok(autoencoder.type === "geoldm");
    assert.deepEqual(autoencoder.elements, [1, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 33, 35, 53, 80, 83]);
    const known = Object.keys(sizes).map(Number);
    assert.deepEqual([known.length, Math.min(...known), Math.max(...known)], [157, 3, 181]);
    assert.deepEqual([sizes[3], sizes[44], sizes[150], sizes[181]], [1, 276917, undefined, 30]);
    assert.equal(Object.values(sizes).reduce((a, b) => a + b), 6_922_516);
    assert.ok(Math.max(...known) <= ATOMS_MAX, "refinement takes the largest");
  }));

Deno.test("the largest molecules of GEOM are estimated, decoded, judged and written", () =>
  withImported("edm", async (folder) => {
    const model = await loadModel(folder, { backend: "wasm", threads: 1 }), shape = { batch: 1, nodes: 181 };
    const z = drawNoise(model.card.space, shape, [random(3)]);
    const x0 = await (await model.denoiser()).predict(z, shape, at(0.9));
    assert.ok(x0.every(Number.isFinite));
    const [molecule] = await model.autoencoder.decode(z, shape, []), validate = createValidator(await createRdkit());
    assert.ok(new Set(molecule.atomicNumbers).size >= 12);
    molecule.positions.forEach((place, k, all) => all[k] = 6 * place); // of random weights: as wide as a molecule of that size
    const { atoms, molblock } = validate(molecule, { chemistry: "geom", molblock: true, judge: true });
    assert.equal(atoms, 181);
    assert.deepEqual(readMolblock(molblock!, GEOM).molecule.atomicNumbers, molecule.atomicNumbers);
    model.dispose();
  }));
