import assert from "node:assert/strict";
import { trainingBatch } from "../../../../../bench/training_batch.ts";
import { CONDITIONS, inputTerms, joinGroups, packGroups } from "../../../../../model/engines/webgpu/training/batch.ts";
import { conditionFeatures } from "../../../../../model/networks/pair_attention/conditions.ts";
import { latentLength } from "../../../../../model/diffusion/latent.ts";
import { space } from "../network.ts";

Deno.test("joinGroups() lays molecules of several sizes one after another, and says where each lies", () => {
  const groups = [trainingBatch({ batch: 2, nodes: 3 }), trainingBatch({ batch: 1, nodes: 5 })];
  const batch = joinGroups(space, {}, groups), small = latentLength(space, 3), terms = inputTerms(space, {});
  assert.deepEqual([batch.rows, batch.molecules, batch.most], [11, 3, 5]);
  assert.deepEqual([...batch.index], [0, 3, 0, 0, 3, 3, small, 0, 6, 5, 2 * small, 0]);
  assert.deepEqual([...batch.owners], [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2]);
  assert.deepEqual(batch.latents.subarray(2 * small), groups[1].z);
  assert.deepEqual(batch.targets.subarray(2 * small), groups[1].target);
  // Row 8 is the third node of the last molecule: 12 scalars behind three vectors, then 16 features of the time, then zeros.
  const row = batch.inputs.subarray(8 * terms, 9 * terms);
  assert.deepEqual(row.subarray(0, 12), groups[1].z.subarray(2 * 21 + 9, 3 * 21));
  assert.equal(row[12], Math.fround(Math.sin(0.5 * 1.5)));
  assert.deepEqual(row.subarray(28), new Float32Array(terms - 28));
  const told = batch.conditions.subarray(2 * CONDITIONS);
  assert.deepEqual([...told.subarray(0, 6)], [groups[1].alpha[0], groups[1].sigma[0], ...groups[1].weights, 1]);
  const counted = joinGroups(space, { frequency: 12 }, [{ ...groups[0], lastVector: Float32Array.of(0, 0.5) }]);
  assert.deepEqual([counted.conditions[5], counted.conditions[CONDITIONS + 5]], [0, 0.5]);
  assert.deepEqual([...counted.inputs.subarray(12, 28)], [...conditionFeatures([{ time: 0.5 }], { frequency: 12 })]);
  assert.throws(() => joinGroups(space, {}, []), /at least one molecule; none given/);
  assert.throws(() => joinGroups(space, {}, [{ ...groups[0], z: groups[1].z }]), /latents must be 2 x \d+ floats; got/);
});

Deno.test("packGroups() keeps order and room, and gives a group that is too large a pack of its own", () => {
  const groups = [[2, 3], [1, 4], [5, 9], [1, 1], [1, 2]].map(([batch, nodes]) => ({ shape: { batch, nodes } }));
  const sizes = packGroups(groups, 10).map((pack) => pack.map(({ shape }) => shape.batch * shape.nodes));
  assert.deepEqual(sizes, [[6, 4], [45], [1, 2]]);
  assert.deepEqual(packGroups([], 10), []);
});
