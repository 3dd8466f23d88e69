import assert from "node:assert/strict";
import { at } from "../../../conditions.ts";
import { openBackend } from "../../../../model/engines/tensorflow/open.ts";
import { egnnPrediction } from "../../../../model/networks/egnn_denoiser.ts";
import { ddimStep } from "../../../../model/diffusion/samplers/ddim.ts";
import { ddpmEnd, ddpmStep } from "../../../../model/diffusion/samplers/ddpm.ts";
import { applyStep } from "../../../../model/diffusion/samplers/step.ts";
import { expectedTensors, hasReference, largest, molecule, openTiny, perAtom, SIZES } from "./geoldm_reference.ts";

const T = 8, TOLERANCE = 1e-4, ELEMENTS = [1, 6, 7, 8, 9];

const parity = (name: string, run: () => Promise<void>) => Deno.test({ name, ignore: !hasReference, fn: run });

/** Asserts that `found` is within TOLERANCE of the reference tensor's largest value. */
function assertParity(found: ArrayLike<number>, expected: Float32Array, scale: number, what: string) {
  assert.equal(found.length, expected.length, what);
  let worst = 0;
  expected.forEach((value, i) =>
    worst = Math.max(worst, Number.isNaN(found[i]) ? Infinity : Math.abs(found[i] - value))
  );
  if (Deno.env.get("MOLSTEP_TEST_PRINT")) console.log(`${what}: ${(worst / scale).toExponential(1)}`);
  assert.ok(worst <= TOLERANCE * scale, `${what}: off by ${worst / scale} of the largest value`);
}

parity("polynomial schedule agrees with GeoLDM's at its own times", async () => {
  const { tf } = await openBackend("cpu"), expected = expectedTensors(), { schedule } = await openTiny(tf);
  for (const name of ["alpha_t", "sigma_t", "gamma_t"]) {
    const { data } = expected.get(name)!,
      own = Array.from(data, (_, i) => {
        const { alpha, sigma, logSnr } = schedule(i / T);
        return { alpha_t: alpha, sigma_t: sigma, gamma_t: -logSnr }[name]!;
      });
    assertParity(own, data, Math.max(...data.map(Math.abs)), name);
  }
});

parity("egnnPrediction() agrees with GeoLDM's denoiser", async () => {
  const { tf } = await openBackend("cpu"), expected = expectedTensors(), { weights, sizes } = await openTiny(tf);
  const out = expected.get("phi_out")!;
  for (const [m, N] of SIZES.entries()) {
    const found = tf.tidy(() => {
      const params = Object.fromEntries([...weights].map(([name, { data, shape }]) => [name, tf.tensor(data, shape)]));
      const z = tf.tensor3d(molecule(expected.get("phi_z")!, m), [1, N, 5]);
      return egnnPrediction(tf, params, sizes, z, tf.tensor1d([expected.get("phi_t")!.data[m]])).dataSync();
    });
    assertParity(found, molecule(out, m), largest(out), `denoiser, ${N} atoms`);
  }
});

parity("encodeMeans() agrees with GeoLDM's encoder", async () => {
  const { tf } = await openBackend("cpu"), expected = expectedTensors(), { autoencoder } = await openTiny(tf);
  const [x, h] = [expected.get("enc_mu_x")!, expected.get("enc_mu_h")!];
  for (const [m, N] of SIZES.entries()) {
    const types = perAtom(expected.get("enc_types")!, m), charges = perAtom(expected.get("enc_charges")!, m);
    const atomicNumbers = Uint8Array.from(types, (type) => ELEMENTS[type]);
    assert.deepEqual(Array.from(atomicNumbers), Array.from(charges));
    const z = await autoencoder.encodeMeans([{ atomicNumbers, positions: molecule(expected.get("enc_x")!, m) }]);
    const rows = Array.from({ length: N }, (_, i) => Array.from(z.subarray(5 * i, 5 * i + 5)));
    assertParity(rows.flatMap((row) => row.slice(0, 3)), molecule(x, m), largest(x), `encoder positions, ${N} atoms`);
    assertParity(rows.flatMap((row) => row.slice(3)), molecule(h, m), largest(h), `encoder features, ${N} atoms`);
  }
});

parity("decodeArrays() agrees with GeoLDM's decoder", async () => {
  const { tf } = await openBackend("cpu"), expected = expectedTensors(), { autoencoder } = await openTiny(tf);
  const [x, h] = [expected.get("dec_x")!, expected.get("dec_h")!];
  for (const [m, nodes] of SIZES.entries()) {
    const found = await autoencoder.decodeArrays(molecule(expected.get("dec_z")!, m), { batch: 1, nodes });
    assertParity(found.positions, molecule(x, m), largest(x), `decoder positions, ${nodes} atoms`);
    assertParity(found.features, molecule(h, m), largest(h), `decoder features, ${nodes} atoms`);
  }
});

parity("ddpmStep() and the decoder retrace GeoLDM's ancestral chain from its own noise", async () => {
  const { tf } = await openBackend("cpu"), expected = expectedTensors();
  const { schedule, denoiser, autoencoder } = await openTiny(tf);
  const noise = expected.get("ddpm_noise")!, chain = expected.get("ddpm_chain")!, end = expected.get("ddpm_latent")!;
  const x = expected.get("ddpm_x")!;
  for (const [m, nodes] of SIZES.entries()) {
    const shape = { batch: 1, nodes }, z = molecule(noise, m, 0);
    for (let i = T; i > 0; i--) {
      const x0 = await denoiser.predict(z, shape, at(i / T)), step = ddpmStep(schedule(i / T), schedule((i - 1) / T));
      applyStep(step, z, x0, () => molecule(noise, m, T - i + 1));
      assertParity(z, molecule(chain, m, T - i), largest(chain, T - i), `DDPM state ${i - 1}, ${nodes} atoms`);
    }
    applyStep(ddpmEnd(schedule), z, await denoiser.predict(z, shape, at(0)), () => molecule(noise, m, T + 1));
    assertParity(z, molecule(end, m), largest(end), `DDPM latent, ${nodes} atoms`);
    const { positions, features } = await autoencoder.decodeArrays(z, shape);
    assertParity(positions, molecule(x, m), largest(x), `DDPM positions, ${nodes} atoms`);
    const charges = Array.from({ length: nodes }, (_, i) => Math.round(features[6 * i + 5]) + 0);
    assert.deepEqual(charges, Array.from(perAtom(expected.get("ddpm_charges")!, m)));
    const [{ atomicNumbers }] = await autoencoder.decode(z, shape, []);
    const types = Array.from(perAtom(expected.get("ddpm_types")!, m), (type) => ELEMENTS[type]);
    assert.deepEqual(Array.from(atomicNumbers), types);
  }
});

parity("ddimStep() retraces GeoLDM's deterministic chain", async () => {
  const { tf } = await openBackend("cpu"), expected = expectedTensors(), { schedule, denoiser } = await openTiny(tf);
  const start = expected.get("ddim_start")!, chain = expected.get("ddim_chain")!;
  for (const [m, nodes] of SIZES.entries()) {
    const z = molecule(start, m);
    for (let i = T; i > 0; i--) {
      const x0 = await denoiser.predict(z, { batch: 1, nodes }, at(i / T));
      applyStep(ddimStep(schedule(i / T), schedule((i - 1) / T)), z, x0, () => z);
      assertParity(z, molecule(chain, m, T - i), largest(chain, T - i), `DDIM state ${i - 1}, ${nodes} atoms`);
    }
  }
});
