import assert from "node:assert/strict";
import { createWorkPool, type Done } from "../../chem/work_pool.ts";
import { createTurns } from "../turns.ts";

/** Doubles numbers; -1 cannot be doubled. */
const double = (item: number): number => {
  if (item < 0) throw new RangeError(`an item must be positive; got ${item}`);
  return 2 * item;
};

/** A worker that answers when it is let: `asked` are the pieces it has. */
function held() {
  const asked: { items: readonly number[]; answer: () => void }[] = [];
  const worker = {
    ready: Promise.resolve(),
    ended: false,
    ask: (items: readonly number[]) =>
      new Promise<Done<number>>((resolve) => {
        asked.push({ items, answer: () => resolve({ results: items.map(double), ms: 1 }) });
      }),
    close(): void {
      worker.ended = true;
    },
  };
  return { asked, worker };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("createWorkPool() does an item a turn of the event loop where there are no workers", async () => {
  const turns = createTurns(), here = turns.counted(double);
  const pool = createWorkPool<number, void, number>({ here, open: () => assert.fail("opened"), workers: 0 });
  const { results } = await pool.run([1, 2, 3, 4, 5, 6, 7, 8, 9], undefined);
  assert.deepEqual(results, [2, 4, 6, 8, 10, 12, 14, 16, 18]);
  assert.deepEqual(turns.end(), { calls: 9, most: 1 });
});

Deno.test("createWorkPool() gives a worker as many pieces as it may have, and no more of a batch whose signal is aborted", async () => {
  for (const ahead of [1, 2]) {
    const { asked, worker } = held(), abort = new AbortController();
    const pool = createWorkPool<number, void, number>({
      ...{ here: () => assert.fail("on the main thread"), open: () => worker, workers: 1, piece: 1, ahead },
    });
    await pool.warm();
    const batch = pool.run([1, 2, 3, 4, 5], undefined, { signal: abort.signal });
    await settle();
    assert.deepEqual(asked.map(({ items }) => items), [[1], [2]].slice(0, ahead));
    asked[0].answer();
    await settle();
    assert.equal(asked.length, ahead + 1);
    abort.abort(new Error("left"));
    await assert.rejects(batch, /left/);
    for (const { answer } of asked.slice(1)) answer();
    await settle();
    assert.equal(asked.length, ahead + 1);
    pool.close();
  }
});

Deno.test("createWorkPool() refuses numbers that make no sense", () => {
  for (const numbers of [{ workers: -1 }, { workers: 0.5 }, { piece: 0 }, { ahead: 0 }]) {
    const options = { here: double, open: () => held().worker, ...numbers };
    assert.throws(() => createWorkPool<number, void, number>(options), RangeError);
  }
});

Deno.test("createWorkPool() rejects with what the work throws", async () => {
  const pool = createWorkPool<number, void, number>({ here: double, open: () => held().worker, workers: 0 });
  await assert.rejects(pool.run([1, -1], undefined), /an item must be positive; got -1/);
});

Deno.test("createWorkPool() takes pieces of a batch in the background when there are no others", async () => {
  const { asked, worker } = held();
  const pool = createWorkPool<number, void, number>({
    ...{ here: () => assert.fail("on the main thread"), open: () => worker, workers: 1, piece: 1, ahead: 1 },
  });
  await pool.warm();
  const behind = pool.run([1, 2, 3], undefined, { background: true }), before = pool.run([7, 8], undefined);
  for (let k = 0; k < 5; k++) {
    await settle();
    asked[k].answer();
  }
  assert.deepEqual(asked.map(({ items: [item] }) => item), [1, 7, 8, 2, 3]);
  assert.deepEqual([(await behind).results, (await before).results], [[2, 4, 6], [14, 16]]);
  pool.close();
});
