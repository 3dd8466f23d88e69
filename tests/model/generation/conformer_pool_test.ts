/** The pool of workers that draw conformers, with workers made up. */
import assert from "node:assert/strict";
import type { ConformerAnswer, ConformerItem } from "../../../chem/conformers/answer.ts";
import { noConformers } from "../../../chem/conformers/answer.ts";
import type { PoolWorker } from "../../../chem/work_pool.ts";
import { createConformerPool, type PoolOptions } from "../../../model/generation/conformer_pool.ts";

const options: PoolOptions = {
  ...{ count: 1, seed: 1, refine: "mmff94", temperature: 300, rmsd: 0.5, resample: false, form: "json" },
  ...{ atomsMax: 10, seconds: 0.1, source: { generator: "openchemlib" } },
};

/** Opens workers that answer with the text of the item; for `ever` they never do. `asked` has what they were asked. */
function opener() {
  const asked: string[] = [],
    open = (): PoolWorker<ConformerItem, PoolOptions, ConformerAnswer> => {
      const end = Promise.withResolvers<never>();
      end.promise.catch(() => {});
      let ended = false;
      return {
        ready: Promise.resolve(),
        ask([{ text }]) {
          asked.push(text);
          if (text === "ever") return end.promise;
          return Promise.resolve({ results: [{ text, counts: noConformers() }], ms: 0 });
        },
        get ended() {
          return ended;
        },
        close() {
          ended = true;
          end.reject(new Error("closed"));
        },
      };
    };
  return { asked, open };
}

const items = (...texts: string[]): ConformerItem[] => texts.map((text, index) => ({ kind: "smiles", text, index }));

Deno.test("createConformerPool() answers in the order of the molecules, and ends a worker that takes too long for one: that one has an error", async () => {
  const { open } = opener(), pool = createConformerPool({ workers: 1, open });
  const answers = await Array.fromAsync(
    pool.answers(items("a", "ever", "b", "c", "ever", "d"), options, new AbortController().signal),
  );
  assert.deepEqual(answers.map(({ text, error }) => error?.reason ?? text), ["a", "late", "b", "c", "late", "d"]);
  assert.match(answers[1].error!.message, /at most 0.1 s/);
  assert.equal(JSON.parse(answers[1].text).index, 1);
  pool.close();
});

Deno.test("createConformerPool() begins no further molecule when the signal is aborted, or nobody reads on", async () => {
  for (const leave of [true, false]) {
    const { open, asked } = opener(), pool = createConformerPool({ workers: 1, open }), gone = new AbortController();
    const answers = pool.answers(items("a", "ever", ...Array(20).fill("b")), { ...options, seconds: 60 }, gone.signal);
    await answers.next();
    if (leave) {
      gone.abort(new Error("gone"));
      await assert.rejects(answers.next(), /gone/);
    } else await answers.return();
    pool.close();
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.ok(asked.length <= 3, String(asked));
  }
});

Deno.test("createConformerPool() fails where no worker can be kept, as the main thread draws none, and has new ones for who comes next", async () => {
  const faults: string[] = [];
  let broken = true;
  const open = () => {
    const worker = opener().open();
    return broken ? { ...worker, ready: Promise.reject(new Error("no worker")), ended: true } : worker;
  };
  const pool = createConformerPool({ workers: 1, open, onFault: ({ message }) => faults.push(message) });
  const answers = () => Array.fromAsync(pool.answers(items("a"), options, new AbortController().signal));
  await assert.rejects(answers, /no worker could be started, or kept/);
  assert.ok(faults.length > 0);
  broken = false;
  assert.deepEqual((await answers()).map(({ text }) => text), ["a"]);
  pool.close();
});
