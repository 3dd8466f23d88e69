import assert from "node:assert/strict";
import type { Molecule } from "../../chem/molecule.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { createValidator, type Validate, type ValidateOptions, type Validation } from "../../chem/validator.ts";
import { createValidatorPool, type ValidatorPool, type ValidatorPoolOptions } from "../../chem/validator_pool.ts";
import { openValidationWorker } from "../../chem/validator_worker.ts";
import type { Done } from "../../chem/work_pool.ts";
import { chiral, ethane, joined, methane, molecule, moved } from "./molecules.ts";

let loading: Promise<Validate> | undefined;
const validator = () => loading ??= createRdkit().then(createValidator);

/** Molecules of all sorts: valid ones and others, of one fragment and several, without bonds and without atoms. */
const batch: Molecule[] = [
  methane(),
  ethane(),
  molecule(),
  chiral(),
  chiral(true),
  joined(methane(), moved(ethane()), 20),
  molecule(["C", 0, 0, 0], ["C", 0.5, 0, 0], ["C", 0, 0.5, 0], ["C", 0, 0, 0.5]),
  molecule(["H", NaN, 0, 0]),
  molecule(["O", 0, 0, 0], ["H", 0.96, 0, 0]),
];

const ASKED = { descriptors: true, molblock: true, title: "pool" };

/** Runs a test with a pool. */
async function withPool(
  options: Partial<ValidatorPoolOptions>,
  work: (pool: ValidatorPool, validate: Validate) => Promise<void>,
): Promise<void> {
  const validate = await validator(), pool = createValidatorPool({ validate, ...options });
  try {
    await work(pool, validate);
  } finally {
    pool.close();
  }
}

/** A worker that judges as the validator does, when it is let; `judged` counts its molecules. */
function scripted(validate: Validate, judge?: (molecules: readonly Molecule[]) => Promise<void>) {
  const worker = {
    judged: 0,
    ended: false,
    ready: Promise.resolve(),
    async ask(molecules: readonly Molecule[], options: ValidateOptions): Promise<Done<Validation>> {
      await judge?.(molecules);
      worker.judged += molecules.length;
      return { results: molecules.map((molecule) => validate(molecule, options)), ms: 1 };
    },
    close(): void {
      worker.ended = true;
    },
  };
  return worker;
}

Deno.test("createValidatorPool() says of molecules in workers what the main thread says", async () => {
  const validate = await validator();
  await withPool({ workers: 2, piece: 2, validate: () => assert.fail("on the main thread") }, async (pool) => {
    await pool.warm();
    assert.equal(pool.ready, 1);
    for (const options of [{}, ASKED, { inchikey: false }]) {
      const { validations, ms } = await pool.judge(batch, options);
      assert.deepEqual(validations, batch.map((molecule) => validate(molecule, options)));
      assert.ok(ms > 0);
    }
  });
});

Deno.test("createValidatorPool() judges on the workers alone when they are ready and the main thread is not to share", async () => {
  const validate = await validator(), worker = scripted(validate);
  await withPool(
    { workers: 1, open: () => worker, validate: () => assert.fail("on the main thread") },
    async (pool) => {
      await pool.warm();
      const { validations } = await pool.judge(batch);
      assert.equal(worker.judged, batch.length);
      assert.deepEqual(validations, batch.map((molecule) => validate(molecule)));
    },
  );
});

Deno.test("createValidatorPool() judges at once on the main thread when no worker is ready, there is to be none, or somebody waits for one piece", async () => {
  const validate = await validator(), never = { ...scripted(validate), ready: new Promise<void>(() => {}) };
  const expected = batch.map((molecule) => validate(molecule, ASKED));
  await withPool({ workers: 1, open: () => never }, async (pool) => {
    assert.deepEqual((await pool.judge(batch, ASKED)).validations, expected);
  });
  await withPool({ workers: 0, open: () => assert.fail("a worker") }, async (pool) => {
    assert.deepEqual((await pool.judge(batch, ASKED)).validations, expected);
    assert.deepEqual((await pool.judge(batch, ASKED, { last: true, alone: true })).validations, expected);
  });
  const idle = scripted(validate);
  await withPool({ workers: 1, open: () => idle, piece: 4 }, async (pool) => {
    assert.deepEqual(
      (await pool.judge(batch.slice(0, 2), ASKED, { last: true, alone: true })).validations,
      expected.slice(0, 2),
    );
    assert.equal(pool.ready, 0); // not even begun
    await pool.warm();
    assert.deepEqual(
      (await pool.judge(batch.slice(0, 4), ASKED, { last: true, alone: true })).validations,
      expected.slice(0, 4),
    );
    assert.equal(idle.judged, 0);
    // An idle worker takes it where the main thread has others to serve; a busy one does not.
    const two = ["a", "b"].map(() => pool.judge(batch.slice(0, 2), ASKED, { last: true }));
    for (const judged of two) assert.deepEqual((await judged).validations, expected.slice(0, 2));
    assert.equal(idle.judged, 2);
  });
});

Deno.test("createValidatorPool() rejects with the validator's own error when a molecule makes no sense", () =>
  withPool({ workers: 1, piece: 2 }, async (pool, validate) => {
    await pool.warm();
    const unknown = { atomicNumbers: Uint8Array.of(79), positions: new Float32Array(3) };
    const mismatched = { atomicNumbers: Uint8Array.of(1), positions: new Float32Array(2) };
    for (const bad of [unknown, mismatched]) {
      const expected = (() => {
        try {
          return validate(bad);
        } catch (error) {
          return error as Error;
        }
      })() as Error;
      assert.ok(expected instanceof RangeError);
      await assert.rejects(pool.judge([...batch, bad]), { name: "RangeError", message: expected.message });
    }
    assert.equal(pool.ready, 1); // and goes on
    assert.equal((await pool.judge(batch)).validations.length, batch.length);
  }));

Deno.test("createValidatorPool() goes on when workers die, and replaces each once", async () => {
  const validate = await validator(), faults: string[] = [];
  const dying = () => {
    const worker: ReturnType<typeof scripted> = scripted(validate, () => {
      worker.ended = true;
      return Promise.reject(new Error("died"));
    });
    return worker;
  };
  let opened = 0;
  const open = () => (opened++, dying());
  await withPool({ workers: 1, piece: 2, open, onFault: ({ message }) => faults.push(message) }, async (pool) => {
    const expected = batch.map((molecule) => validate(molecule));
    await pool.warm();
    for (let k = 0; k < 3; k++) assert.deepEqual((await pool.judge(batch)).validations, expected);
    assert.deepEqual([opened, pool.ready, faults], [2, 0, ["died", "died"]]);
  });
});

/** A module for a worker. */
const moduleOf = (code: string) => new URL(`data:text/javascript,${encodeURIComponent(code)}`);

Deno.test("createValidatorPool() judges on the main thread when a worker's code throws, at its start or later", async () => {
  const later = `postMessage({ type: "ready" }); onmessage = () => { throw new Error("later"); };`;
  const open = (code: string) => () => openValidationWorker(moduleOf(code));
  for (const [code, message] of [[`throw new Error("at once");`, /at once/], [later, /later/]] as const) {
    const faults: string[] = [], onFault = (error: Error) => faults.push(error.message);
    await withPool({ workers: 1, open: open(code), onFault }, async (pool, validate) => {
      await pool.warm();
      assert.deepEqual((await pool.judge(batch)).validations, batch.map((molecule) => validate(molecule)));
      assert.match(faults[0], message);
    });
  }
});

Deno.test("createValidatorPool() judges on the main thread when a worker cannot be started", () => {
  const open = () => ({ ...scripted(() => assert.fail()), ready: Promise.reject(new Error("no memory")) });
  return withPool({ workers: 2, open }, async (pool, validate) => {
    await pool.warm();
    assert.deepEqual((await pool.judge(batch)).validations, batch.map((molecule) => validate(molecule)));
    assert.equal(pool.ready, 0);
  });
});

Deno.test("createValidatorPool() finishes on the main thread what workers had when it is closed", async () => {
  const validate = await validator();
  await withPool({ workers: 1, piece: 2 }, async (pool) => {
    await pool.warm();
    const judged = pool.judge(batch);
    pool.close();
    assert.deepEqual((await judged).validations, batch.map((molecule) => validate(molecule)));
  });
});

Deno.test("createValidatorPool() rejects with the signal's reason when it is aborted, and drops what is left", async () => {
  const validate = await validator(), abort = new AbortController(), begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const worker = scripted(validate, () => (begun.resolve(), release.promise));
  await withPool({ workers: 1, piece: 1, open: () => worker }, async (pool) => {
    await pool.warm();
    const judged = pool.judge(batch, {}, { signal: abort.signal });
    await begun.promise;
    abort.abort(new Error("enough"));
    await assert.rejects(judged, /enough/);
    await assert.rejects(pool.judge(batch, {}, { signal: abort.signal }), /enough/);
    release.resolve();
    assert.equal((await pool.judge([methane()])).validations.length, 1);
    assert.equal(worker.judged, 3); // two were with the worker when it was aborted
  });
});

Deno.test("createValidatorPool() lets a small batch pass when a large one waits", async () => {
  const validate = await validator(), order: string[] = [];
  const worker = scripted(validate, () => Promise.resolve());
  await withPool({ workers: 1, piece: 2, open: () => worker }, async (pool) => {
    await pool.warm();
    const large = pool.judge(Array.from({ length: 60 }, methane)).then(() => order.push("large"));
    const small = pool.judge([ethane()]).then(() => order.push("small"));
    await Promise.all([large, small]);
    assert.deepEqual(order, ["small", "large"]);
  });
});

Deno.test("createValidatorPool() starts further workers when much waits, and no more than it may have", async () => {
  const validate = await validator();
  const { results: [verdict] } = await scripted(validate).ask([methane()], {});
  const quick = () => scripted(() => verdict, () => new Promise((resolve) => setTimeout(resolve, 0)));
  let opened = 0;
  await withPool({ workers: 3, open: () => (opened++, quick()) }, async (pool) => {
    await pool.warm();
    await pool.judge(Array.from({ length: 64 }, methane));
    assert.equal(opened, 1);
    await Promise.all([1, 2, 3, 4, 5].map(() => pool.judge(Array.from({ length: 128 }, methane))));
    assert.equal(opened, 3);
  });
});

Deno.test("createValidatorPool() refuses numbers that make no sense", async () => {
  const validate = await validator();
  for (const options of [{ workers: -1 }, { workers: 1.5 }, { piece: 0 }]) {
    assert.throws(() => createValidatorPool({ validate, ...options }), RangeError);
  }
});

/** Carbon atoms on a torus, each with four others: a pattern of twenty atoms that match anything has more ways through it than can be tried. */
function torus(size: number): Molecule {
  const at = (i: number, j: number) => size * (i % size) + j % size, atoms = Array.from({ length: size }, (_, i) => i);
  const bonds = atoms.flatMap((i) =>
    atoms.flatMap((j) => [at(i + 1, j), at(i, j + 1)].map((k) => ({ i: at(i, j), j: k, order: 1 as const })))
  );
  const positions = Float32Array.from(atoms.flatMap((i) => atoms.flatMap((j) => [1.5 * i, 1.5 * j, (i + j) % 3])));
  return { atomicNumbers: new Uint8Array(size * size).fill(6), positions, bonds };
}

Deno.test("createValidatorPool() ends a worker that looks for a pattern for ever, and says so; other molecules are judged meanwhile and after it", () =>
  withPool({ workers: 1, patternsMs: 1000 }, async (pool, validate) => {
    await pool.warm();
    const hostile = { inchikey: false, where: { required: ["*" + "~*".repeat(30) + "~[#6;X3]"] } };
    const late = pool.judge([torus(6)], hostile),
      behind = pool.judge(batch, { where: { elements: { N: { max: 0 } } } });
    await assert.rejects(late, {
      name: "PatternError",
      message: /^where must have patterns that are looked for in 1000 ms in 1 molecules; they took longer/,
    });
    const judged = (await behind).validations.map(({ verdict }) => verdict);
    assert.deepEqual(judged, batch.map((one) => validate(one, { where: { elements: { N: { max: 0 } } } }).verdict));
    assert.equal(pool.ready, 1);
  }));
