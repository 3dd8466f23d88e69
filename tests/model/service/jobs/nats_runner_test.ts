/** Rounds on other machines over a real NATS server: offered, refused, trained, stopped, given back, joined. */
import assert from "node:assert/strict";
import type { RoundRecord } from "../../../../model/service/jobs/nats/record.ts";
import type { JobEvent } from "../../../../model/service/jobs/types.ts";
import { filesIn, plan, service, testElsewhere, worker } from "./elsewhere.ts";
import { scripted } from "./scripted.ts";
import { isSaved, until } from "./watching.ts";

const reasons = (events: readonly JobEvent[]) => events.flatMap((one) => one.type === "state" ? [one.reason] : []);
const namesIn = async (folder: string) => (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();

testElsewhere(
  "a round is refused by a worker that cannot give it, with the reason, trained by one that can, and leaves its student and nothing else",
  async (root, { url: servers }) => {
    const { supervisor, store, published, exchange, end } = service(root, servers);
    const other = worker(root, servers, { name: "other", digest: () => Promise.resolve("another") });
    await other.write({ act: "finish" });
    const { id } = await supervisor.submit(plan, "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01");
    const refusal = await until(supervisor, id, (one) => one.type === "state" && /^other /.test(one.reason ?? ""));
    assert.match(
      reasons(refusal).at(-1)!,
      /^other cannot give it: the data set qm9 must be of SHA-256 data; this worker's is of SHA-256 another$/,
    );
    assert.deepEqual([store.get(id).state, store.get(id).worker], ["running", null]);
    const able = worker(root, servers, { name: "able" }), events = await until(supervisor, id);
    assert.deepEqual(
      events.flatMap(({ type }) => type === "state" ? [] : [type]),
      ["started", "progress", "saved", "validated", "judged", "finished"],
    );
    const { state, worker: facts, reason, pid } = store.get(id);
    assert.deepEqual([state, pid, reason, published], ["done", null, "as good as its teacher", ["qm9"]]);
    assert.match(facts!.device, /^00-0123456789abcdef0123456789abcdef/, "the trace goes along");
    const alone = await Deno.makeTempDir({ dir: root }), { trainer: [program, ...args] } = scripted(`${root}/script`);
    const settings = JSON.stringify(plan.settings);
    await new Deno.Command(program, { args: [...args, "--folder", alone, "--settings", settings], stdout: "null" })
      .output();
    for (const name of ["student.safetensors", "result.json"]) {
      assert.deepEqual(
        await Deno.readFile(`${root}/jobs/${id}/${name}`),
        await Deno.readFile(`${alone}/${name}`),
        name,
      );
    }
    for (const one of [other, able]) await one.end();
    assert.deepEqual([await exchange.jobs(), await namesIn(`${root}/files`), await namesIn(`${root}/able`)], [
      [],
      [],
      [],
    ]);
    await end();
  },
);

testElsewhere(
  "a round is cancelled before anybody has it and while it is trained, and goes on from its checkpoint on another worker",
  async (root, { url: servers }) => {
    const { supervisor, store, exchange, end } = service(root, servers);
    const { id } = await supervisor.submit(plan);
    await until(supervisor, id, (one) => one.type === "state" && one.reason === "no worker has it yet");
    supervisor.cancel(id);
    await until(supervisor, id);
    assert.deepEqual([store.get(id).state, await exchange.jobs()], ["cancelled", []]);
    const first = worker(root, servers, { name: "first" });
    await first.write({ act: "hold" });
    const idle = async () => {
      while (supervisor.current) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await idle();
    supervisor.resume(id);
    await until(supervisor, id, isSaved);
    assert.equal(supervisor.cancel(id).state, "cancelling");
    await until(supervisor, id, (one) => one.type === "stopped");
    await idle();
    assert.equal(store.get(id).state, "cancelled");
    assert.equal(await Deno.readTextFile(`${root}/jobs/${id}/checkpoint.txt`), "1");
    await first.end();
    const second = worker(root, servers, { name: "second" });
    await second.write({ act: "finish" });
    supervisor.resume(id);
    const events = await until(supervisor, id, (one) => one.type === "state" && one.state === "done");
    assert.deepEqual(events.flatMap((one) => one.type === "started" ? [one.update] : []), [0, 1]);
    await second.end();
    await end();
  },
);

testElsewhere(
  "a round goes on while no service is there; the next life tells the rest of its events, each once and in order",
  async (root, { url: servers }) => {
    const first = service(root, servers), able = worker(root, servers, { name: "able" });
    await able.write({ act: "train", updates: 20, ms: 40 });
    const { id } = await first.supervisor.submit(plan);
    await until(first.supervisor, id, (one) => one.type === "saved" && one.update === 4);
    await first.end();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const second = service(root, servers);
    assert.deepEqual([second.store.get(id).state, second.store.get(id).restarts], ["running", 0]);
    await second.supervisor.recover();
    const events = await until(second.supervisor, id);
    assert.deepEqual(events.flatMap((one) => one.type === "started" ? [one.update] : []), [0]);
    assert.deepEqual(
      events.flatMap((one) => one.type === "saved" ? [one.update] : []),
      Array.from({ length: 20 }, (_, k) => k + 1),
    );
    assert.deepEqual([second.store.get(id).state, second.published], ["done", ["qm9"]]);
    await able.end();
    await second.end();
  },
);

testElsewhere(
  "a worker that is stopped gives its round back with its checkpoint, one with other data or without the files leaves it, and another goes on",
  async (root, { url: servers }) => {
    const { supervisor, store, end } = service(root, servers, { digest: () => Promise.resolve(undefined) });
    const first = worker(root, servers, { name: "first" });
    await first.write({ act: "train", updates: 12, ms: 40 });
    const { id } = await supervisor.submit(plan);
    const said = (words: RegExp) =>
      until(supervisor, id, (one) => one.type === "state" && words.test(one.reason ?? ""));
    await until(supervisor, id, isSaved);
    await first.end();
    const reached = (await said(/^first was stopped$/)).filter(isSaved).length;
    // The service has no data: the first who had the round said what it learns on.
    const other = worker(root, servers, { name: "other", digest: () => Promise.resolve(undefined) });
    await said(/^other cannot give it: the data set qm9 must be of SHA-256 data; this worker's is not there$/);
    await other.end();
    const astray = worker(root, servers, { name: "astray", files: filesIn(`${root}/astray`) });
    await said(/^astray cannot begin it: No such file/);
    await astray.end();
    const second = worker(root, servers, { name: "second" }), events = await until(supervisor, id);
    assert.deepEqual(events.flatMap((one) => one.type === "started" ? [one.update] : []), [0, reached]);
    assert.equal(events.filter(isSaved).length, 12);
    assert.equal(store.get(id).state, "done");
    await second.end();
    await end();
  },
);

testElsewhere(
  "a worker leaves a round of another version, and one whose record it cannot read, as they are, with the reason",
  async (root, { url: servers }) => {
    const { supervisor, exchange, end } = service(root, servers, { pollMs: 60_000 }),
      { id } = await supervisor.submit(plan);
    while ((await exchange.jobs()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const { value, revision } = (await exchange.get(id))!, record = value as RoundRecord;
    const [older, newer] = [crypto.randomUUID(), crypto.randomUUID()];
    await exchange.put(older, { ...record, order: { ...record.order, job: older, version: "0.0.1" } }, 0);
    await exchange.put(newer, { ...record, more: 1 } as RoundRecord, 0);
    await exchange.put(id, { ...record, stop: true }, revision); // nor one that is to stop
    const able = worker(root, servers, { name: "able" }), now = async (job: string) => (await exchange.get(job))!;
    for (
      const [job, why] of [[older, /^able cannot give it: version must be 0\.0\.1; this worker is of/], [
        newer,
        /^able cannot give it: the record cannot be read: .*Unrecognized key: "more"/s,
      ]] as const
    ) {
      while ((await now(job)).revision < 4) await new Promise((resolve) => setTimeout(resolve, 10));
      const { reason, state } = (await now(job)).value as RoundRecord;
      assert.match(reason!, why);
      assert.equal(state, "offered");
    }
    assert.equal(((await now(newer)).value as { more: number }).more, 1);
    assert.equal(((await now(id)).value as RoundRecord).state, "offered");
    await able.end();
    await end();
  },
);

testElsewhere(
  "a round that says why it failed has failed; one whose process ends without a word is tried by others, three times in all",
  async (root, { url: servers }) => {
    const { supervisor, store, end } = service(root, servers), able = worker(root, servers, { name: "able" });
    await able.write({ act: "fail" });
    const { id } = await supervisor.submit(plan);
    const events = await until(supervisor, id);
    assert.deepEqual([store.get(id).state, store.get(id).reason], ["failed", "the loss is NaN at update 2"]);
    assert.equal(events.filter(({ type }) => type === "started").length, 1);
    await able.write({ act: "crash" });
    while (supervisor.current) await new Promise((resolve) => setTimeout(resolve, 5));
    const crashed = await supervisor.submit({
      ...plan,
      prepare: async (folder) => {
        await plan.prepare(folder);
        await Deno.writeTextFile(`${folder}/checkpoint.txt`, "-9"); // it never gets beyond update 0
      },
    });
    const more = await until(supervisor, crashed.id), { state, reason } = store.get(crashed.id);
    assert.equal(state, "failed");
    assert.match(reason!, /^3 claims in a row did not get beyond update 0; the last: able: .*status 3 .*out of ideas$/);
    assert.equal(more.filter(({ type }) => type === "started").length, 3);
    await able.end();
    await end();
  },
);
