import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { unflatten } from "../../../../../model/engines/c/parameters.ts";
import { createArray, createReadback, readFloats } from "../../../../../model/engines/webgpu/memory.ts";
import { arrange, disarrange, trainingLayout } from "../../../../../model/engines/webgpu/training/layout.ts";
import { createOptimiser } from "../../../../../model/engines/webgpu/training/muon.ts";
import { CONTROL, RATES } from "../../../../../model/engines/webgpu/training/sums.ts";
import { parameterCount } from "../../../../../model/networks/pair_attention/parameters.ts";
import { random } from "../../../../../model/diffusion/random.ts";
import { adamStep } from "../../../../../model/engines/tensorflow/adamw.ts";
import { muonStep } from "../../../../../model/engines/tensorflow/muon.ts";
import { found, relativeError, space, withGpu } from "../network.ts";

/** Wide enough for matrices of several tiles, tall, wide and square. */
const sizes = { width: 80, blocks: 1 };

Deno.test("trainingLayout() gives every parameter one place, and matrices and chunks to their optimisers", () => {
  for (const levels of [0, 8]) {
    const layout = trainingLayout(space, { ...sizes, levels }), count = parameterCount(layout.specs);
    const flat = Float32Array.from({ length: count }, (_, k) => k + 1), there = arrange(layout, flat);
    assert.deepEqual(disarrange(layout, there), flat);
    assert.equal(there.reduce((sum, value) => sum + Number(value !== 0), 0), count);
    assert.equal(layout.matrices.length, 9);
    const muon = layout.specs.filter(({ optimiser }) => optimiser === "muon");
    const area = layout.matrices.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
    assert.equal(area, parameterCount(muon));
    // qkv, the second of three: in storage order it begins where the first ends.
    const { offset, stride, rows, columns } = layout.matrices[1];
    assert.deepEqual([rows, columns], [80, 80]);
    assert.equal(there[offset + 3 * stride + 7], there[layout.matrices[0].offset] + 80 * 80 + 3 * 80 + 7);
  }
});

Deno.test({
  name: "createOptimiser() turns all matrices at once as TensorFlow.js does each, and the rest by AdamW",
  ignore: !found.gpu,
  fn: () =>
    withGpu(async (gpu) => {
      await tf.setBackend("cpu");
      const layout = trainingLayout(space, sizes), { specs, length } = layout, count = parameterCount(specs);
      const draw = (seed: number, scale: number) => {
        const values = new Float32Array(count);
        random(seed).fillNormal(values);
        return values.map((value) => scale * value);
      };
      const first = { parameters: draw(1, 0.1), gradient: draw(2, 0.3), first: draw(3, 0.2) };
      const second = draw(4, 0.1).map((value) => value * value), ema = draw(5, 0.1);
      const gain = 0.7, updates = 3, muon = 0.02, adamw = 2e-3, decay = 0.9;
      const upload = (values: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>) => {
        const buffer = createArray(gpu, "values", values.length);
        gpu.device.queue.writeBuffer(buffer, 0, values);
        return buffer;
      };
      const control = new Float32Array(CONTROL.length), rates = new Float32Array(RATES.length);
      control[CONTROL.gain] = gain, control[CONTROL.made] = 1, control[CONTROL.count] = updates;
      rates[RATES.muon] = muon, rates[RATES.adamw] = adamw, rates[RATES.emaDecay] = decay;
      const arrays = {
        parameters: upload(arrange(layout, first.parameters)),
        gradient: upload(arrange(layout, first.gradient)),
        first: upload(arrange(layout, first.first)),
        second: upload(arrange(layout, second)),
        ema: upload(arrange(layout, ema)),
        control: upload(control),
        rates: upload(rates),
      };
      const optimiser = await createOptimiser(gpu, layout, arrays, upload(layout.kinds as Uint32Array<ArrayBuffer>));
      const encoder = gpu.device.createCommandEncoder(), pass = encoder.beginComputePass();
      optimiser.record(pass);
      pass.end();
      const names = ["parameters", "ema", "first", "second"] as const;
      const readbacks = names.map((name) => {
        const readback = createReadback(gpu, name, length);
        encoder.copyBufferToBuffer(arrays[name], 0, readback, 0, 4 * length);
        return readback;
      });
      gpu.device.queue.submit([encoder.finish()]);
      const found = Object.fromEntries(
        await Promise.all(names.map(async (name, k) => {
          const numbers = await readFloats(gpu, readbacks[k], length);
          assert.ok(numbers.every((value, at) => layout.places[at] >= 0 || value === 0), `padding of ${name}`);
          return [name, unflatten(specs, disarrange(layout, numbers))];
        })),
      );
      optimiser.dispose();

      tf.tidy(() => {
        const tensors = (flat: Float32Array) =>
          Object.fromEntries(
            [...unflatten(specs, flat)].map(([name, { data, shape }]) => [name, tf.tensor(data, shape)]),
          );
        const params = tensors(first.parameters), moments = tensors(first.first), averages = tensors(ema);
        const gradients = tensors(first.gradient.map((value) => gain * value));
        const of = (kind: string) => specs.filter(({ optimiser }) => optimiser === kind).map(({ name }) => name);
        const turned = muonStep(tf, of("muon"), params, moments, gradients, muon);
        const before = { params, first: moments, second: tensors(second) };
        const adam = adamStep(tf, of("adamw"), before, gradients, adamw, updates);
        const want = {
          parameters: { ...turned.params, ...adam.params },
          first: { ...turned.momenta, ...adam.first },
          second: adam.second,
        };
        for (const [array, named] of Object.entries(want)) {
          for (const [name, tensor] of Object.entries(named)) {
            const error = relativeError(found[array].get(name)!.data, tensor.dataSync());
            assert.ok(error < 1e-5, `${array} ${name}: ${error}`);
          }
        }
        for (const [name, tensor] of Object.entries(want.parameters)) {
          const average = tf.add(tf.mul(averages[name], decay), tf.mul(tensor, 1 - decay));
          const error = relativeError(found.ema.get(name)!.data, average.dataSync());
          assert.ok(error < 1e-5, `average of ${name}: ${error}`);
        }
      });
    }),
});
