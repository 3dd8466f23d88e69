import { RELEASED_EGNN } from "../../../../model/networks/egnn_parameters.ts";
import assert from "node:assert/strict";
import { at } from "../../../conditions.ts";
import { existsSync } from "node:fs";
import { openBackend } from "../../../../model/engines/tensorflow/open.ts";
import { addonPath, defaultTensorflowFolder } from "../../../../model/engines/tensorflow/tensorflow.ts";
import { type BackendName, BACKENDS } from "../../../../model/engines/tensorflow/types.ts";
import { createEgnnDenoiser, egnnDenoiserParameters } from "../../../../model/networks/egnn_denoiser.ts";
import { createGeoldmAutoencoder } from "../../../../model/networks/geoldm/autoencoder.ts";
import { geoldmParameters } from "../../../../model/networks/geoldm/networks.ts";
import { latentLength } from "../../../../model/diffusion/latent.ts";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { createPairAttention, initialise } from "../../../../model/networks/pair_attention/denoiser.ts";
import { initialValues } from "../../../../model/networks/pair_attention/initialise.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { planSampling, runPlan } from "../../../../model/diffusion/samplers/mod.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import type { LatentSpace } from "../../../../model/diffusion/types.ts";
import { relativeError } from "../../../properties.ts";

const schedule = cosineSchedule({ factor: 0.99 });
const egnn = {
  width: 32,
  blocks: 2,
  ...RELEASED_EGNN,
};
const flat: LatentSpace = { vectors: 1, scalars: 2, pairs: 0 },
  heavy: LatentSpace = { vectors: 3, scalars: 12, pairs: 4 };
const egnnSizes = { ...egnn, conditionTime: true, parametrisation: "eps" as const };
const geoldm = {
  ...egnn,
  encoderBlocks: 1,
  decoderBlocks: 2,
  elements: [1, 6, 7, 8, 9],
  includeCharges: true,
  latentScalars: 2,
};

/** In the order of BACKENDS: TensorFlow must be loaded before a software WebGPU adapter. */
async function present(name: BackendName): Promise<boolean> {
  if (name === "tensorflow") return hasTensorflow;
  if (name === "webgpu") return (await (navigator as { gpu?: GPU }).gpu?.requestAdapter()) != null;
  return true;
}

/** The same molecule through both denoisers, the decoder and a sampler. */
async function results(name: BackendName): Promise<Map<string, Float32Array>> {
  const { tf } = await openBackend(name), shape = { batch: 2, nodes: 5 }, out = new Map<string, Float32Array>();
  const noise = (space: LatentSpace, seed: number) => drawNoise(space, shape, [random(seed, 0), random(seed, 1)]);
  const ours = createEgnnDenoiser(
    tf,
    { space: flat, sizes: egnnSizes, schedule },
    initialValues(egnnDenoiserParameters(flat, egnnSizes), 1),
  );
  const z = noise(flat, 3);
  out.set("EGNN denoiser", Float32Array.from(await ours.predict(z, shape, at(0.4))));
  const grid = Float64Array.of(1, 0.75, 0.5, 0.25, 0);
  const plan = planSampling("ddim", schedule, grid);
  const x0 = await runPlan(plan, (z, t) => ours.predict(z, shape, at(t)), z, () => z);
  out.set("DDIM, 4 steps", x0);
  const autoencoder = createGeoldmAutoencoder(tf, geoldm, initialValues(geoldmParameters(geoldm), 2));
  out.set("GeoLDM decoder", (await autoencoder.decodeArrays(z, shape)).positions.slice());
  const sizes = { width: 32, blocks: 2 };
  const attention = createPairAttention(tf, { space: heavy, sizes, schedule }, initialise(heavy, sizes, 4));
  const input = noise(heavy, 5);
  assert.equal(input.length, 2 * latentLength(heavy, 5));
  out.set("pair attention", Float32Array.from(await attention.predict(input, shape, at(0.4))));
  ours.dispose();
  attention.dispose();
  autoencoder.dispose();
  return out;
}

const hasTensorflow = existsSync(addonPath(defaultTensorflowFolder()));
if (hasTensorflow) await openBackend("tensorflow");
const reference = await results("cpu");

for (const name of BACKENDS) {
  if (name === "cpu") continue;
  Deno.test({
    name: `openBackend("${name}") computes what the JavaScript kernels compute`,
    ignore: !await present(name),
    // TensorFlow.js keeps its devices open for the life of the process.
    sanitizeResources: false,
    sanitizeOps: false,
    fn: async () => {
      for (const [what, found] of await results(name)) {
        const error = relativeError(found, reference.get(what)!);
        if (Deno.env.get("MOLSTEP_TEST_PRINT")) console.log(`${name}, ${what}: ${error.toExponential(1)}`);
        assert.ok(error <= 1e-4, `${what} on ${name}: relative error ${error}`);
      }
    },
  });
}

Deno.test("openBackend() says what auto took and why not the others", async () => {
  const { name, why, tf } = await openBackend("auto", { tensorflowFolder: "/nowhere" });
  assert.equal(tf.getBackend(), name);
  assert.match(why, /not tensorflow: no addon at \/nowhere/);
  assert.ok(["webgpu", "wasm"].includes(name));
});

Deno.test("openBackend() names the choices when asked for another, and the reason when one does not work", async () => {
  await assert.rejects(openBackend("cuda" as "cpu"), /one of auto, tensorflow, webgpu, wasm, cpu; got "cuda"/);
  const nowhere = { tensorflowFolder: "/nowhere" };
  await assert.rejects(openBackend("tensorflow", nowhere), /tensorflow does not work here: no addon at \/nowhere/);
});
