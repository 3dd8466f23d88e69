import assert from "node:assert/strict";
import { together } from "../../../model/diffusion/auxiliaries.ts";
import type { Learner, State } from "../../../model/diffusion/learner.ts";

const tensor = (value: number) => ({ shape: [1], data: Float32Array.of(value) });

/** A learner of one number and its moment, which refuses numbers below 0. */
function number(value: number) {
  let disposed = false;
  let state: State = {
    tensors: new Map([["params/x", tensor(value)], ["first/x", tensor(10 * value)], ["updates", tensor(1)]]),
  };
  const learner = {
    backend: "numbers",
    state: () => Promise.resolve(state),
    restore(given: State) {
      const x = given.tensors.get("params/x");
      if (!x || x.data[0] < 0) return Promise.reject(new RangeError(`params/x is ${x?.data[0]}`));
      state = given;
      return Promise.resolve();
    },
    dispose: () => void (disposed = true),
  } as Learner;
  return { learner, value: () => state.tensors.get("params/x")!.data[0], disposed: () => disposed };
}

const three = (...values: number[]) => {
  const all = values.map(number), [student, auxiliary, fake] = all.map(({ learner }) => learner);
  return { all, joined: together(student, { auxiliary, fake }) };
};
const valuesOf = ({ all }: ReturnType<typeof three>) => all.map(({ value }) => value());

Deno.test("together() keeps each network's tensors under its name, and gives them back", async () => {
  const one = three(1, 2, 3), other = three(4, 5, 6), state = await one.joined.state();
  assert.deepEqual([...state.tensors].map(([key, { data }]) => `${key} ${data[0]}`), [
    ...["params/x 1", "first/x 10", "updates 1"],
    ...["auxiliary/params/x 2", "auxiliary/first/x 20", "auxiliary/updates 1"],
    ...["fake/params/x 3", "fake/first/x 30", "fake/updates 1"],
  ]);
  await other.joined.restore(state);
  assert.deepEqual(valuesOf(other), [1, 2, 3]);
  assert.deepEqual(await other.joined.state(), state);
  other.joined.dispose();
  assert.ok(other.all.every(({ disposed }) => disposed()));
});

Deno.test("together() restores all networks or none", async () => {
  const one = three(1, 2, 3), other = three(4, 5, 6), { tensors } = await one.joined.state();
  const bad = new Map(tensors).set("fake/params/x", tensor(-1));
  await assert.rejects(other.joined.restore({ tensors: bad }), { name: "RangeError", message: "params/x is -1" });
  assert.deepEqual(valuesOf(other), [4, 5, 6]);
  const lacking = new Map([...tensors].filter(([key]) => !key.startsWith("fake/")));
  await assert.rejects(other.joined.restore({ tensors: lacking }), /params\/x is undefined/);
  assert.deepEqual(valuesOf(other), [4, 5, 6]);
});

Deno.test("together() refuses tensors of a network that is not there, and names that a state cannot tell apart", async () => {
  const { tensors } = await three(1, 2, 3).joined.state(), student = number(9), alone = together(student.learner, {});
  await assert.rejects(alone.restore({ tensors }), {
    name: "RangeError",
    message: "state: auxiliary/params/x is of no network here; beside the student there are none",
  });
  const two = together(student.learner, { auxiliary: number(8).learner });
  await assert.rejects(two.restore({ tensors }), /fake\/params\/x is of no network here; .* there are auxiliary$/);
  assert.equal(student.value(), 9);
  for (const name of ["params", "updates", "", "a/b", "Fake"]) {
    assert.throws(
      () => together(student.learner, { [name]: number(1).learner }),
      /an auxiliary's name is a word .*; got "/,
    );
  }
});
