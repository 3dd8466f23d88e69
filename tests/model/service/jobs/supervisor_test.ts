import assert from "node:assert/strict";
import type { RoundSettings } from "../../../../model/distillation/settings.ts";
import { roundSettings } from "../../../../model/distillation/settings.ts";
import { localRunner, type LocalRunnerOptions } from "../../../../model/service/jobs/local_runner.ts";
import type { JobPlan } from "../../../../model/service/jobs/plan.ts";
import { type JobStore, openJobStore } from "../../../../model/service/jobs/store.ts";
import {
  createSupervisor,
  type Supervisor,
  type SupervisorOptions,
} from "../../../../model/service/jobs/supervisor.ts";
import type { RoundRunner } from "../../../../model/service/jobs/runner.ts";
import { withFolder } from "../../tiny_model.ts";
import { scripted } from "./scripted.ts";
import { isSaved, until } from "./watching.ts";

const settings: RoundSettings = roundSettings.parse({ model: "qm9", from: 8, to: 4 });
const plan: JobPlan = {
  settings,
  limits: { updates: 5 },
  estimate: {
    secondsPerUpdate: 1,
    updates: 5,
    trainingSeconds: 5,
    judgingSeconds: 1,
    memoryMiB: 1,
    availableMiB: null,
    backend: "cpu",
  },
  prepare: async () => {},
};

/** A supervisor's life in a folder, as that of one server; `published` is what it put into service. */
function live(root: string, more: Partial<SupervisorOptions & LocalRunnerOptions> = {}) {
  const store = openJobStore(`${root}/jobs.sqlite`),
    published: string[] = [],
    { trainer, write } = scripted(`${root}/s`);
  const supervisor = createSupervisor({
    store,
    data: root,
    runner: localRunner({ trainer, queue: { held: 0 }, ...more }),
    publisher: {
      publishStudent: (model, students, weights) => {
        const steps = [students].flat().map((one) => one.steps);
        published.push(`${model} ${steps} ${weights.replace(root, "")}`);
        return Promise.resolve();
      },
      publishModel: () => Promise.resolve(),
    },
    ...more,
  });
  const end = async () => {
    await supervisor.stop();
    store.close();
  };
  return { store, supervisor, published, write, end };
}

/** A store that a supervisor writes nothing to once its process counts as killed. */
function mortal(root: string) {
  const store = openJobStore(`${root}/jobs.sqlite`);
  let killed = false;
  const unlessKilled = {
    change: (...args: Parameters<JobStore["change"]>) => killed ? store.get(args[0]) : store.change(...args),
    append: (...args: Parameters<JobStore["append"]>) => killed ? undefined : store.append(...args),
  };
  return { store: Object.assign(Object.create(store), unlessKilled) as JobStore, kill: () => void (killed = true) };
}

Deno.test("recover() leaves a job alone that was submitted in this life", () =>
  withFolder(async (root) => {
    const { supervisor, store, write, end } = live(root);
    await write({ act: "hold" });
    const { id } = await supervisor.submit(plan);
    await supervisor.recover();
    assert.equal(store.get(id).state, "running");
    await end();
  }));

Deno.test("createSupervisor() fails a job whose worker is killed, says how, and goes on from its checkpoint when told to", () =>
  withFolder(async (root) => {
    const { supervisor, store, write, end } = live(root);
    await write({ act: "hold" });
    const { id } = await supervisor.submit(plan);
    await until(supervisor, id, isSaved);
    Deno.kill(store.get(id).pid!, "SIGKILL");
    await until(supervisor, id);
    assert.deepEqual([store.get(id).state, store.get(id).pid], ["failed", null]);
    assert.match(store.get(id).reason!, /killed \(SIGKILL\), perhaps as memory ran out/);

    await write({ act: "finish" });
    supervisor.resume(id);
    const events = await until(supervisor, id, (event) => event.type === "state" && event.state === "done");
    assert.deepEqual(events.flatMap((event) => event.type === "started" ? [event.update] : []), [0, 1]);
    await end();
  }));

/** Names in a folder. */
const namesIn = async (folder: string) => (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();

/** Resolves when the device is free and what jobs left has been cleared. */
async function free(supervisor: Supervisor) {
  while (supervisor.current) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("submit() leaves neither folder nor job where the disk is full, and the device is free", () =>
  withFolder(async (root) => {
    const { supervisor, store, end } = live(root);
    const prepare = () => Deno.writeFile("/dev/full", new Uint8Array(9));
    await assert.rejects(supervisor.submit({ ...plan, prepare }), /No space left/);
    assert.deepEqual([await namesIn(`${root}/jobs`), store.count, supervisor.current], [[], 0, undefined]);
    const append = store.append;
    store.append = () => {
      throw new Error("database or disk is full");
    };
    await assert.rejects(supervisor.submit(plan), /disk is full/);
    assert.deepEqual([await namesIn(`${root}/jobs`), store.count, supervisor.current], [[], 0, undefined]);
    store.append = append;
    await end();
  }));

Deno.test("createSupervisor() removes checkpoints of jobs that are done or rejected, and all but the newest folders; jobs stay told", () =>
  withFolder(async (root) => {
    const { supervisor, store, write, end } = live(root, { keepJobs: 2 }), ids: string[] = [];
    const checkpoints = ["checkpoint.previous.safetensors", "checkpoint.safetensors"];
    const prepare = async (folder: string) => {
      for (const name of checkpoints) await Deno.writeTextFile(`${folder}/${name}`, "");
    };
    for (const script of [{ act: "fail" }, { act: "finish", accepted: false }, { act: "finish" }] as const) {
      await write(script);
      const { id } = await supervisor.submit({ ...plan, prepare });
      ids.push(id);
      if (ids.length === 2) assert.ok((await namesIn(`${root}/jobs/${ids[0]}`)).includes(checkpoints[1]));
      await until(supervisor, id);
      await free(supervisor);
    }
    assert.deepEqual(ids.map((id) => store.get(id).state), ["failed", "rejected", "done"]);
    assert.deepEqual(await namesIn(`${root}/jobs`), ids.slice(1).sort());
    for (const id of ids.slice(1)) {
      const names = await namesIn(`${root}/jobs/${id}`);
      assert.ok(names.includes("student.safetensors") && !checkpoints.some((name) => names.includes(name)), `${names}`);
    }
    assert.throws(() => supervisor.resume(ids[0]), {
      name: "JobStateError",
      message: /folder .* is gone: .* 2 newest/,
    });
    await end();
  }));

Deno.test("createSupervisor() fails a job whose worker ends without a word, with its status and last line", () =>
  withFolder(async (root) => {
    const { supervisor, store, write, end } = live(root);
    await write({ act: "crash" });
    const { id } = await supervisor.submit(plan);
    await until(supervisor, id);
    assert.match(store.get(id).reason!, /status 3 and without a word; its last line: out of ideas/);
    await end();
  }));

Deno.test("createSupervisor() notes a warning where a worker goes on from an older checkpoint", () =>
  withFolder(async (root) => {
    const notes: unknown[] = [], passedOver = "checkpoint.safetensors cannot be read";
    const { supervisor, write, end } = live(root, {
      onNote: (level, message, fields) => level === "warn" && notes.push([message, fields]),
    });
    await write({ act: "fail", passedOver });
    const { id } = await supervisor.submit(plan),
      [started] = (await until(supervisor, id)).filter(({ type }) => type === "started");
    assert.equal(started.type === "started" && started.passedOver, passedOver);
    assert.deepEqual(notes, [["checkpoint", { job: id, passedOver }]]);
    await end();
  }));

Deno.test("createSupervisor() leaves a job running when it is stopped, and goes on with it in its next life", () =>
  withFolder(async (root) => {
    const first = live(root);
    await first.write({ act: "hold" });
    const { id } = await first.supervisor.submit(plan);
    await until(first.supervisor, id, isSaved);
    await first.end();

    const second = live(root);
    assert.deepEqual([second.store.get(id).state, second.store.get(id).pid], ["running", null]);
    await second.write({ act: "finish" });
    await second.supervisor.recover();
    const events = await until(second.supervisor, id);
    assert.equal(second.store.get(id).state, "done");
    assert.deepEqual(events.flatMap((event) => event.type === "started" ? [event.update] : []), [0, 1]);
    assert.deepEqual(second.published, [`qm9 4 /jobs/${id}/student.safetensors`]);
    await second.end();
  }));

Deno.test("createSupervisor() ends a worker that its killed predecessor left, before it goes on", () =>
  withFolder(async (root) => {
    const { store, kill } = mortal(root), first = live(root, { store });
    await first.write({ act: "deaf" });
    const { id } = await first.supervisor.submit(plan);
    await until(first.supervisor, id, isSaved);
    const { pid } = first.store.get(id);
    // The second life does not know of the first one, as after a kill; the worker is deaf to SIGTERM and has to be killed.
    kill();
    const second = live(root, { orphanSeconds: 0 });
    await second.write({ act: "finish" });
    await second.supervisor.recover();
    assert.throws(() => Deno.kill(pid!, "SIGCONT"), Deno.errors.NotFound);
    await until(second.supervisor, id);
    assert.equal(second.store.get(id).state, "done");
    await second.end();
    await free(first.supervisor);
    store.close();
    first.store.close();
  }));

Deno.test("createSupervisor() publishes again what was being published when its predecessor was killed", () =>
  withFolder(async (root) => {
    const never = new Promise<void>(() => {});
    const first = live(root, { publisher: { publishStudent: () => never, publishModel: () => never } });
    await first.write({ act: "finish" });
    const { id } = await first.supervisor.submit(plan);
    await until(first.supervisor, id, (event) => event.type === "state" && event.state === "publishing");
    first.store.close();

    const second = live(root);
    await second.supervisor.recover();
    await until(second.supervisor, id);
    assert.equal(second.store.get(id).state, "done");
    assert.equal(second.published.length, 1);
    await second.end();
  }));

Deno.test("createSupervisor() fails a job whose student cannot be put into service, and publishes it at a resume", () =>
  withFolder(async (root) => {
    let broken = true;
    const publishStudent = () => broken ? Promise.reject(new Error("the disk is full")) : Promise.resolve();
    const { supervisor, store, write, end } = live(root, {
      publisher: { publishStudent, publishModel: () => Promise.resolve() },
    });
    await write({ act: "finish" });
    const { id } = await supervisor.submit(plan);
    await until(supervisor, id);
    assert.deepEqual([store.get(id).state, /the disk is full/.test(store.get(id).reason!)], ["failed", true]);
    broken = false;
    await write({ act: "crash" }); // no worker is needed any longer
    supervisor.resume(id);
    await until(supervisor, id, (event) => event.type === "state" && event.state === "done");
    await end();
  }));

Deno.test("createSupervisor() gives up a job that it has started three times in vain", () =>
  withFolder(async (root) => {
    const first = live(root);
    await first.write({ act: "hold" });
    const { id } = await first.supervisor.submit(plan);
    await until(first.supervisor, id, isSaved);
    await first.end();
    // Killed servers, each before its worker had saved anything more: the state that they leave.
    const restart = async (restarts: number) => {
      const life = live(root);
      await life.supervisor.recover();
      const job = life.store.get(id);
      await life.end();
      assert.deepEqual([job.state, job.restarts], restarts > 3 ? ["failed", 3] : ["running", restarts]);
      return job;
    };
    await Deno.writeTextFile(`${root}/s`, JSON.stringify({ act: "hold" }));
    const store = openJobStore(`${root}/jobs.sqlite`);
    store.change(id, { restarts: 2, reached: 1 });
    store.close();
    await restart(3);
    const job = await restart(4);
    assert.match(job.reason!, /3 starts in a row did not get beyond update \d/);
  }));

Deno.test("createSupervisor() kills a worker that does not end when its job is cancelled", () =>
  withFolder(async (root) => {
    const { supervisor, store, write, end } = live(root, { killSeconds: 0.05 });
    await write({ act: "deaf" });
    const { id } = await supervisor.submit(plan);
    await until(supervisor, id, isSaved);
    assert.equal(supervisor.cancel(id).state, "cancelling");
    await until(supervisor, id);
    assert.equal(store.get(id).state, "cancelled");
    await end();
  }));

Deno.test("createSupervisor() does not give the administrator's token to its worker", () =>
  withFolder(async (root) => {
    Deno.env.set("MOLSTEP_ADMIN_TOKEN", "a-token-of-a-test-1234");
    try {
      const notes: unknown[] = [];
      const { supervisor, end } = live(root, {
        trainer: [
          Deno.execPath(),
          "eval",
          "console.error(`token: ${Deno.env.get('MOLSTEP_ADMIN_TOKEN')}.`); Deno.exit(4)",
        ],
        onNote: (_level, _message, fields) => notes.push(fields.line),
      });
      const { id } = await supervisor.submit(plan);
      await until(supervisor, id);
      assert.ok(notes.includes("token: ."), JSON.stringify(notes));
      await end();
    } finally {
      Deno.env.delete("MOLSTEP_ADMIN_TOKEN");
    }
  }));

/** A runner whose rounds are no processes: they tell what a test says, and end when it says so. */
function madeRunner() {
  const calls: string[] = [], ends: ((why: string) => void)[] = [];
  const runner: RoundRunner = {
    able: true,
    lasting: false,
    start({ folder, settings: { from, to } }) {
      const ended = Promise.withResolvers<string>();
      calls.push(`start ${from} to ${to} in ${folder.split("/").at(-2)}`);
      ends.push(ended.resolve);
      const stop = () => {
        calls.push("stop");
        ended.resolve("it was told to");
      };
      return {
        pid: null,
        heard: null,
        events: (async function* () {
          yield { type: "saved", update: calls.length };
          await ended.promise;
        })(),
        ended: ended.promise,
        ...{ stop, leave: stop },
        kill: () => void calls.push("kill"),
      };
    },
    clear: () => Promise.resolve(void calls.push("clear")),
  };
  return { runner, calls, end: (why: string) => ends.at(-1)!(why) };
}

Deno.test("createSupervisor() knows a round by its events and its end alone, and clears nothing that left no process", () =>
  withFolder(async (root) => {
    const { runner, calls, end } = madeRunner(), first = live(root, { runner });
    const { id } = await first.supervisor.submit(plan);
    await until(first.supervisor, id, isSaved);
    assert.equal(first.store.get(id).pid, null);
    end("its machine was switched off");
    await until(first.supervisor, id);
    assert.deepEqual([first.store.get(id).state, first.store.get(id).reason], [
      "failed",
      "its machine was switched off",
    ]);
    await free(first.supervisor);
    first.supervisor.resume(id);
    await first.end();
    assert.deepEqual(calls, ["start 8 to 4 in jobs", "start 8 to 4 in jobs", "stop"]);
    const second = live(root, { runner });
    await second.supervisor.recover();
    assert.equal(second.supervisor.cancel(id).state, "cancelling");
    await until(second.supervisor, id);
    assert.equal(second.store.get(id).state, "cancelled");
    await second.end();
    assert.deepEqual(calls.slice(3), ["start 8 to 4 in jobs", "stop"]);
  }));
