import assert from "node:assert/strict";
import { createWorkPool, type Done } from "../../chem/work_pool.ts";
import { createTurns } from "../turns.ts";

/** Doubles numbers; -1 cannot be doubled. */
const double = (item: number): number => {
  if (item < 0) throw new RangeError(`an item must be positive; got ${item}`);
  return 2 * item;
};

/** A worker that answers when it is let: `asked` are the pieces it has. @param rejects whether what it has is rejected as it ends */
function held(rejects = false) {
  const asked: { items: readonly number[]; answer: () => void; fail: () => void }[] = [];
  const worker = {
    ready: Promise.resolve(),
    ended: false,
    ask: (items: readonly number[]) =>
      new Promise<Done<number>>((resolve, reject) => {
        const fail = () => reject(new Error("the worker ended"));
        asked.push({ items, answer: () => resolve({ results: items.map(double), ms: 1 }), fail });
      }),
    close(): void {
      worker.ended = true;
      if (rejects) { for (const { fail } of asked) fail(); }
    },
  };
  return { asked, worker };
}

/** A pool for limited work: options are milliseconds. `workers` are those that it has opened. */
function limited() {
  const workers: ReturnType<typeof held>[] = [];
  const pool = createWorkPool<number, number | undefined, number>({
    here: () => assert.fail("on the main thread"),
    limit: (ms) => ms,
    open() {
      workers.push(held(true));
      return workers.at(-1)!.worker;
    },
    ...{ workers: 1, piece: 1, ahead: 2 },
  });
  return { pool, workers };
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

Deno.test("createWorkPool() ends a worker that is late with limited work, as often as it happens: that batch fails, others go to the next worker", async () => {
  const { pool, workers } = limited();
  await pool.warm();
  for (let times = 1; times < 6; times++) {
    const late = pool.run([1], 5), behind = pool.run([2], 60_000);
    await assert.rejects(late, {
      name: "LateWorkError",
      message: "1 items must be done in 5 ms; their worker was ended",
    });
    await settle();
    assert.deepEqual([workers.length, workers[times - 1].worker.ended], [times + 1, true]);
    assert.deepEqual(workers[times].asked.map(({ items }) => items), [[2]]);
    workers[times].asked[0].answer();
    assert.deepEqual((await behind).results, [4]);
  }
  pool.close();
});

Deno.test("createWorkPool() times limited work from when it is begun, and though nobody waits for it any more", async () => {
  const { pool, workers } = limited(), gone = new AbortController();
  await pool.warm();
  const before = pool.run([1], undefined), behind = pool.run([2], 20, { signal: gone.signal });
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(workers.length, 1);
  workers[0].asked[0].answer();
  await before;
  gone.abort(new Error("left"));
  await assert.rejects(behind, /left/);
  while (workers.length < 2) await settle();
  assert.ok(workers[0].worker.ended);
  pool.close();
});

Deno.test("createWorkPool() gives limited work whose worker ended to one more worker, and to no third, nor to the main thread", async () => {
  const { pool, workers } = limited();
  await pool.warm();
  const batch = pool.run([1], 60_000);
  for (const time of [0, 1]) {
    while (workers[time]?.asked.length !== 1) await settle();
    workers[time].worker.close();
  }
  await assert.rejects(batch, /the worker ended/);
  pool.close();
});
