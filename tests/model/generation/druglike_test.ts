/** A model of drug-like molecules: sulfur, phosphorus, halogens and charges are in its card and in the chemistry that it names, and nowhere else. */
import assert from "node:assert/strict";
import { DRUGLIKE } from "../../../chem/chemistry.ts";
import { createRdkit } from "../../../chem/rdkit.ts";
import { readSdf } from "../../../chem/sdf.ts";
import { createValidator } from "../../../chem/validator.ts";
import { createValidatorPool } from "../../../chem/validator_pool.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import { latentLength } from "../../../model/diffusion/latent.ts";
import { random } from "../../../model/diffusion/random.ts";
import { toJson, toRecord } from "../../../model/generation/formats.ts";
import { type GeneratedMolecule, generateMolecules } from "../../../model/generation/pipeline.ts";
import { loadModel, type Model } from "../../../model/models/load.ts";
import { chooseSettings } from "../../../model/models/settings.ts";
import { ANGSTROM, heavyAtomSpace, ONE_HOT } from "../../../model/networks/heavy_atom/space.ts";
import { druglike, DRUGLIKE_CLASSES } from "../../chem/druglike.ts";
import { found } from "../engines/webgpu/network.ts";
import { type CardChanges, withFolder, writeTinyModel } from "../tiny_model.ts";

/** All that the card says of the chemistry. */
const CARD: CardChanges = {
  chemistry: "druglike",
  space: heavyAtomSpace(DRUGLIKE_CLASSES),
  autoencoder: {
    type: "heavy-atom",
    classes: DRUGLIKE_CLASSES.map((kind): [number, number, number?] => [...kind]),
    scale: ANGSTROM,
    oneHot: ONE_HOT,
    decoding: "valence",
  },
};

const known = druglike();
const heavy = ({ atomicNumbers }: { atomicNumbers: Uint8Array }) => atomicNumbers.filter((z) => z > 1).length;

/** Runs `work` with the model, whose sizes are as given. */
const withModel = (
  sizes: Record<string, number>,
  work: (model: Model) => Promise<void>,
  backend: "wasm" | "webgpu" = "wasm",
) =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root, { ...CARD, coupling: "aligned", sizes });
    const model = await loadModel(folder, { backend, threads: 1, batch: 4 });
    try {
      await work(model);
    } finally {
      model.dispose();
    }
  });

/** The model with a denoiser that always estimates one of the known molecules, the first of the batch's size; it can be `unsure`. */
function certain(model: Model, unsure = (_: Float32Array) => {}): Model {
  const denoiser: Denoiser = {
    space: model.autoencoder.space,
    async predict(_, { batch, nodes }) {
      const { molecule } = known.find(({ molecule }) => heavy(molecule) === nodes)!;
      const x0 = await model.autoencoder.encode(Array(batch).fill(molecule), streams(batch));
      unsure(x0);
      return x0;
    },
    can: {},
    dispose() {},
  };
  return Object.create(model, { denoiser: { value: () => Promise.resolve(denoiser) }, lease: { value: undefined } });
}
const streams = (count: number) => Array.from({ length: count }, (_, k) => random(1, k));

const draw = (model: Model, count: number, validate: Parameters<typeof generateMolecules>[2]["validate"], clamp = 0) =>
  Array.fromAsync(
    generateMolecules(model, {
      count,
      seed: 3,
      settings: { ...chooseSettings(model.card, 2, "ddim"), clamp },
    }, { validate }).windows,
  ).then((windows) => windows.flat());

const sizesOf = () => Object.fromEntries(known.map(({ molecule }) => [String(heavy(molecule)), 1]));
const ORIGIN = { model: "test", version: "1", sampler: "ddpm", steps: 4, seed: 3 } as const;

/** That it is the known molecule of its size: SMILES as RDKit writes those of the file. */
function assertKnown(generated: GeneratedMolecule, rdkit: Awaited<ReturnType<typeof createRdkit>>): void {
  const { validation, molecule } = generated;
  const source = known.find((one) => heavy(one.molecule) === heavy(molecule))!;
  const flat = (smiles: string) => rdkit.withMol(smiles, (mol) => mol.get_smiles('{"doIsomericSmiles":false}'));
  assert.ok(validation.valid && validation.stable && validation.connected, source.smiles);
  assert.equal(flat(validation.smiles!), flat(source.smiles));
}

Deno.test("molecules with S, P, Cl, Br and charges go from latents to SMILES, SDF, XYZ and JSON", () =>
  withModel(sizesOf(), async (model) => {
    const rdkit = await createRdkit(), drawn = await draw(certain(model), 24, createValidator(rdkit));
    const smiles = new Set(drawn.map(({ validation }) => validation.smiles));
    assert.equal(smiles.size, new Set(known.map(({ molecule }) => heavy(molecule))).size);
    for (const one of drawn) {
      assertKnown(one, rdkit);
      const [record] = readSdf(toRecord("sdf", one, [], ORIGIN), DRUGLIKE), { molecule } = one;
      assert.deepEqual(record.bonds, molecule.bonds);
      assert.deepEqual(record.molecule.charges, molecule.charges);
      assert.deepEqual(record.molecule.atomicNumbers, molecule.atomicNumbers);
      assert.equal(record.data.smiles, one.validation.smiles);
      assert.ok(toRecord("xyz", one, [], ORIGIN).includes("\n"));
      assert.ok(toJson(one, ["bonds"], ORIGIN).symbols.some((symbol) => ["S", "P", "Cl", "Br"].includes(symbol)));
    }
  }));

Deno.test("graphs and charges go to validating workers, which say the same", () =>
  withModel(sizesOf(), async (model) => {
    const rdkit = await createRdkit(), validate = createValidator(rdkit);
    const pool = createValidatorPool({ validate, workers: 1 });
    try {
      await pool.warm();
      assert.deepEqual(await draw(certain(model), 12, pool), await draw(certain(model), 12, validate));
    } finally {
      pool.close();
    }
  }));

Deno.test("a bond order in doubt is settled by the valences of sulfur and of charged nitrogen", () =>
  withModel(sizesOf(), async (model) => {
    const rdkit = await createRdkit(), K = DRUGLIKE_CLASSES.length, space = model.autoencoder.space;
    // Of the first bond between two atoms that the latent is sure of, another order seems a little likelier.
    const unsure = (x0: Float32Array) => {
      const nodes = [...Array(64).keys()].find((n) => n > 0 && x0.length % latentLength(space, n) === 0)!;
      for (let at = 0; at < x0.length; at += latentLength(space, nodes)) {
        const pairs = at + nodes * (9 + K);
        for (let i = 0, done = false; i < nodes && !done; i++) {
          for (let j = 0; j < i && !done; j++) {
            const order = [1, 2].find((order) => x0[pairs + (i * nodes + j) * 4 + order] > 0);
            if (order === undefined) continue;
            for (const pair of [i * nodes + j, j * nodes + i]) {
              x0[pairs + pair * 4 + order] = 0.45 * ONE_HOT;
              x0[pairs + pair * 4 + 3] = 0.55 * ONE_HOT;
            }
            done = true;
          }
        }
      }
    };
    for (const clamp of [0, 0.6]) {
      for (const one of await draw(certain(model, unsure), 8, createValidator(rdkit), clamp)) assertKnown(one, rdkit);
    }
  }));

for (const backend of ["wasm", "webgpu"] as const) {
  Deno.test({
    name: `40 heavy atoms are drawn, aligned, clamped, decoded and judged on ${backend}`,
    ignore: backend === "webgpu" && !found.gpu,
    fn: () =>
      withModel({ "40": 1 }, async (model) => {
        const drawn = await draw(model, 1, createValidator(await createRdkit()), 0.5);
        assert.equal(drawn.length, 1);
        for (const { molecule, validation } of drawn) {
          assert.equal(heavy(molecule), 40);
          assert.equal(validation.atoms, molecule.atomicNumbers.length);
          assert.ok(molecule.positions.every(Number.isFinite));
        }
      }, backend),
  });
}
