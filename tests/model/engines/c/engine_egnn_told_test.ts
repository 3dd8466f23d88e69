import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { createNativeEgnn } from "../../../../model/engines/c/egnn_native.ts";
import { createWasmEgnn } from "../../../../model/engines/c/egnn_wasm.ts";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import {
  createEgnnDenoiser,
  createEngineEgnnDenoiser,
  egnnDenoiserNetwork,
  egnnDenoiserParameters,
  type ToldEgnnSizes,
} from "../../../../model/networks/egnn_denoiser.ts";
import { RELEASED_EGNN } from "../../../../model/networks/egnn_parameters.ts";
import { initialValues } from "../../../../model/networks/pair_attention/initialise.ts";
import { assertClose } from "../../../properties.ts";
import { hasCompiler } from "./compiler.ts";

const space = { vectors: 1, scalars: 2, pairs: 0 }, schedule = cosineSchedule({ factor: 0.99 });
const plain: ToldEgnnSizes = { width: 48, blocks: 2, ...RELEASED_EGNN, conditionTime: true, parametrisation: "eps" };
const conditions = [
  { name: "mu" as const, mean: 2.7, deviation: 1.2, perAtom: 0.3 },
  { name: "gap" as const, mean: 6.9, deviation: 1.1 },
];

/** Values larger than a fresh network's, so that all of them act. */
const parameters = (sizes: ToldEgnnSizes) =>
  new Map([...initialValues(egnnDenoiserParameters(space, sizes), 1)].map(([name, { shape, data }]) => [
    name,
    {
      dtype: "F32" as const,
      shape: [...shape],
      data: data.map((v) => name.endsWith("coordinates.out") ? 200 * v : 2 * v),
    },
  ]));

const engines = [["the native engine", createNativeEgnn, !hasCompiler], [
  "the WebAssembly engine",
  createWasmEgnn,
  false,
]] as const;
for (const [name, create, ignore] of engines) {
  /** The denoiser there, and on TensorFlow.js. */
  const open = async (sizes: ToldEgnnSizes) => {
    const options = { space, sizes, schedule }, values = parameters(sizes);
    const network = await create({ ...egnnDenoiserNetwork(options), workers: 1 }, values);
    return [createEngineEgnnDenoiser(options, network), createEgnnDenoiser(tf, options, values)];
  };

  Deno.test({
    name: `${name} agrees with TensorFlow.js on an EGNN that is told properties, of each molecule its own`,
    ignore,
    async fn() {
      await tf.setBackend("cpu");
      const shape = { nodes: 6, batch: 3 }, streams = [0, 1, 2].map((k) => random(5, k));
      const z = drawNoise(space, shape, streams);
      const told = (gap: number) => streams.map((_, mu) => ({ time: 0.4, properties: { mu, gap } }));
      for (const change of [{}, { conditionTime: false }]) {
        const [denoiser, reference] = await open({ ...plain, ...change, conditions });
        const own = await denoiser.predict(z, shape, told(6));
        assertClose(own, await reference.predict(z, shape, told(6)), 1e-4, "as TensorFlow.js says");
        assert.ok((await denoiser.predict(z, shape, told(9))).every((value, k) => value !== own[k]));
        for (const one of [denoiser, reference]) {
          for (const properties of [undefined, { gap: 7 }]) {
            const asked = async () => await one.predict(z, shape, { time: 0.4, properties });
            await assert.rejects(asked, /properties must have mu, which this network is told/);
          }
          one.dispose();
        }
      }
    },
  });

  Deno.test({
    name: `${name} refuses properties for an EGNN that is told none, as TensorFlow.js does`,
    ignore,
    async fn() {
      for (const one of await open(plain)) {
        const asked = async () =>
          await one.predict(new Float32Array(5), { nodes: 1, batch: 1 }, { time: 0.4, properties: { gap: 7 } });
        await assert.rejects(asked, /properties must be absent of a network that is told none/);
        one.dispose();
      }
    },
  });
}
