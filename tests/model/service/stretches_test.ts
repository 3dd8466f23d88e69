/** That a request for many molecules does not hold the event loop up: what its thread does in one stretch is one molecule's. */
import assert from "node:assert/strict";
import { createRdkit } from "../../../chem/rdkit.ts";
import { createValidator, type Validate, type Validation } from "../../../chem/validator.ts";
import { createRefiningPool } from "../../../model/generation/refiner.ts";
import { SAMPLERS } from "../../../model/diffusion/samplers/mod.ts";
import { loadModel } from "../../../model/models/load.ts";
import { acceptOrder } from "../../../model/generation/order.ts";
import { createHeavyAtomAutoencoder } from "../../../model/networks/heavy_atom/autoencoder.ts";
import { clampMolecule } from "../../../model/networks/heavy_atom/clamp.ts";
import { readLatent } from "../../../model/networks/heavy_atom/decode.ts";
import { drawMolecules, type Form } from "../../../model/service/drawing.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";
import { createTurns } from "../../turns.ts";

const COUNT = 30, FORMS: readonly Form[] = ["json", "sdf", "xyz", "ndjson"];
const validate = createValidator(await createRdkit());

/** The validator, and verdicts that count who reads their SMILES, which every form does once. */
function watched(judging: ReturnType<typeof createTurns>, writing: ReturnType<typeof createTurns>): Validate {
  return judging.counted((molecule, options): Validation => {
    const verdict = validate(molecule, options), read = writing.counted(() => verdict.smiles);
    return Object.defineProperty({ ...verdict }, "smiles", { get: read, enumerable: true });
  });
}

for (const backend of ["cpu", "wasm"] as const) {
  for (const sampler of SAMPLERS) {
    Deno.test(`no two molecules are decoded, clamped, judged or written in one stretch by ${sampler} at 1 to 4 steps on ${backend}`, () =>
      withFolder(async (root) => {
        const folder = await writeTinyModel(root), model = await loadModel(folder, { backend, threads: 1, batch: 16 });
        try {
          for (const [k, form] of FORMS.entries()) {
            const [reading, clamping, judging, writing] = [1, 2, 3, 4].map(createTurns), steps = k + 1;
            const autoencoder = createHeavyAtomAutoencoder({
              read: reading.counted(readLatent),
              clamp: clamping.counted(clampMolecule),
            });
            const watching: typeof model = Object.create(model, { autoencoder: { value: autoencoder } });
            const order = { count: COUNT, steps, seed: 1, sampler, clamp: 1, decoding: "valence" } as const;
            const judge = watched(judging, writing);
            const drawing = drawMolecules(watching, acceptOrder(model.card, order), {
              form,
              refine: "none",
              validate: k % 2 === 0 ? judge : createRefiningPool({ validate: judge, workers: 0 }),
            });
            if (form === "json") assert.equal(JSON.parse(await drawing.answer()).molecules.length, COUNT);
            else await Array.fromAsync(drawing.records());
            // The engine's workers clamp by themselves.
            const clamped = backend === "cpu" ? { calls: COUNT * steps, most: 1 } : { calls: 0, most: 0 };
            assert.deepEqual(clamping.end(), clamped);
            for (const turns of [reading, judging, writing]) assert.deepEqual(turns.end(), { calls: COUNT, most: 1 });
          }
        } finally {
          model.dispose();
        }
      }));
  }
}

Deno.test("a molecule that is refined on the main thread is judged, refined and judged again in stretches of their own", () =>
  withFolder(async (root) => {
    const model = await loadModel(await writeTinyModel(root), { backend: "cpu", threads: 1, batch: 16 });
    const order = { count: COUNT, steps: 1, seed: 1, decoding: "valence" } as const;
    try {
      for (const pooled of [true, false]) {
        const judging = createTurns(), judge = watched(judging, createTurns());
        const validate = pooled ? createRefiningPool({ validate: judge, workers: 0 }) : judge;
        await drawMolecules(model, acceptOrder(model.card, order), { form: "json", refine: "mmff94", validate })
          .answer();
        assert.deepEqual(judging.end(), { calls: 2 * COUNT, most: 1 });
      }
    } finally {
      model.dispose();
    }
  }));
