import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { roundSettings } from "../../../../model/distillation/settings.ts";
import { openJobStore, UnknownJobError } from "../../../../model/service/jobs/store.ts";
import type { Job, JobEvent } from "../../../../model/service/jobs/types.ts";
import { withFolder } from "../../tiny_model.ts";

const job = (id: string, changes: Partial<Job> = {}): Job => ({
  id,
  state: "running",
  settings: roundSettings.parse({ model: "qm9", from: 8, to: 4, grid: { type: "power", rho: 2 } }),
  limits: { minutes: 1.5 },
  estimate: {
    secondsPerUpdate: 1,
    updates: null,
    trainingSeconds: 90,
    judgingSeconds: 1,
    memoryMiB: 500,
    availableMiB: null,
    backend: "cpu",
  },
  created: 1,
  started: 1,
  ended: null,
  reason: null,
  worker: null,
  progress: null,
  pid: null,
  heard: null,
  restarts: 0,
  reached: 0,
  ...changes,
});
const progress = (update: number): JobEvent => ({
  type: "progress",
  update,
  seconds: update,
  fraction: 0,
  loss: 1,
  parts: {},
  updatesPerSecond: 1,
  eta: 1,
});

Deno.test("openJobStore() makes no file until something is written", () =>
  withFolder(async (root) => {
    const store = openJobStore(`${root}/deep/jobs.sqlite`);
    assert.deepEqual([store.list(10, 0), store.count, store.active(), store.states()], [[], 0, [], {}]);
    assert.throws(() => store.get("a"), UnknownJobError);
    await assert.rejects(Deno.stat(`${root}/deep`), Deno.errors.NotFound);
    store.close();
  }));

Deno.test("append() keeps an event and what it changes in its job, both or neither", () =>
  withFolder((root) => {
    const store = openJobStore(`${root}/jobs.sqlite`), heard = { claim: 2, number: 7 };
    store.add(job("a"));
    store.append("a", progress(3), { heard, reached: 3 });
    assert.deepEqual([store.get("a").heard, store.get("a").reached, store.events("a").length], [heard, 3, 1]);
    const unkept = { heard: null, reached: {} } as unknown as Partial<Job>;
    assert.throws(() => store.append("a", progress(4), unkept));
    assert.deepEqual([store.get("a").heard, store.events("a").length], [heard, 1]);
    store.close();
    return Promise.resolve();
  }));

Deno.test("openJobStore() gives back what was written, in another life too", () =>
  withFolder((root) => {
    const path = `${root}/deep/jobs.sqlite`, first = openJobStore(path, { now: () => 5 });
    first.add(job("a"));
    first.add(job("b", { state: "done", ended: 9, reason: "fine" }));
    const changed = first.change("a", { pid: 17, worker: { backend: "x", why: "y", device: "z", memoryMiB: 1 } });
    const { id } = first.append("a", { type: "saved", update: 3 });
    first.add(job("c"));
    assert.deepEqual({ ...first.states() }, { running: 2, done: 1 });
    first.remove("c");
    first.close();

    const second = openJobStore(path);
    assert.deepEqual(second.get("a"), changed);
    assert.equal(second.get("a").pid, 17);
    assert.deepEqual(second.get("b"), job("b", { state: "done", ended: 9, reason: "fine" }));
    assert.deepEqual(second.list(10, 0).map((one) => one.id), ["b", "a"]);
    assert.deepEqual(second.active().map((one) => one.id), ["a"]);
    assert.deepEqual(second.events("a"), [{ id, job: "a", at: 5, event: { type: "saved", update: 3 } }]);
    assert.throws(() => second.change("c", { pid: 1 }), UnknownJobError);
    second.close();
    return Promise.resolve();
  }));

Deno.test("JobStore.events() gives those after an id, of one job, of one type", () =>
  withFolder((root) => {
    const store = openJobStore(`${root}/jobs.sqlite`);
    for (const id of ["a", "b"]) store.add(job(id));
    const ids = [1, 2, 3].map((update) => store.append("a", progress(update)).id);
    store.append("b", progress(9));
    store.append("a", { type: "saved", update: 3 });
    assert.deepEqual(store.events("a", { after: ids[1] }).map(({ event }) => event.type), ["progress", "saved"]);
    assert.deepEqual(store.events("a", { type: "progress", limit: 2 }).map(({ id }) => id), ids.slice(0, 2));
    assert.ok(ids.every((id, k) => k === 0 || id > ids[k - 1]));
    store.close();
    return Promise.resolve();
  }));

Deno.test("JobStore.append() thins out what comes often, and keeps the first, the last, and what is rare", () =>
  withFolder((root) => {
    const store = openJobStore(`${root}/jobs.sqlite`, { mostEvents: 10 });
    store.add(job("a"));
    store.append("a", { type: "state", state: "running", reason: null });
    for (let update = 1; update <= 500; update++) {
      store.append("a", progress(update));
      const kept = store.events("a", { type: "progress" });
      assert.ok(kept.length <= 10);
      const last = kept.at(-1)!.event;
      assert.equal(last.type === "progress" && last.update, update);
    }
    const [first] = store.events("a", { type: "progress" });
    assert.equal(first.event.type === "progress" && first.event.update, 1);
    assert.equal(store.events("a", { type: "state" }).length, 1);
    store.close();
    return Promise.resolve();
  }));

Deno.test("openJobStore() says which file is no database", () =>
  withFolder(async (root) => {
    await Deno.writeTextFile(`${root}/jobs.sqlite`, "not a database, but long enough to be taken for one ".repeat(20));
    assert.throws(() => openJobStore(`${root}/jobs.sqlite`).count, /jobs\.sqlite cannot be used: .*not a database/);
  }));

Deno.test("openJobStore() takes in a file that is older than its tables' version, and refuses one that is newer", () =>
  withFolder((root) => {
    const path = `${root}/jobs.sqlite`;
    openJobStore(path).add(job("new"));
    const file = new DatabaseSync(path);
    // As molstep 0.3.0 left it: no version, and settings without what came since or with what is gone.
    file.exec("ALTER TABLE jobs DROP COLUMN heard; PRAGMA user_version = 0");
    const { settings: { keep: _, ...before } } = job("old");
    file.prepare("UPDATE jobs SET id = 'old', settings = ?").run(JSON.stringify({ ...before, retired: 1 }));
    const store = openJobStore(path);
    assert.deepEqual(store.get("old"), job("old"));
    store.add(job("another"));
    store.close();
    assert.deepEqual({ ...file.prepare("PRAGMA user_version").get() }, { user_version: 2 });
    file.exec("PRAGMA user_version = 9");
    assert.throws(() => openJobStore(path).count, /jobs\.sqlite cannot be used: .*version 9, made by a newer molstep/);
    file.close();
    return Promise.resolve();
  }));

Deno.test("JobStore.get() says which row is no job, and what is wrong with it", () =>
  withFolder((root) => {
    const store = openJobStore(`${root}/jobs.sqlite`);
    store.add(job("a"));
    const file = new DatabaseSync(`${root}/jobs.sqlite`);
    file.exec("UPDATE jobs SET state = 'asleep'");
    file.close();
    assert.throws(() => store.get("a"), /the row of job a cannot be read: [^]*state/);
    store.close();
    return Promise.resolve();
  }));
