/** Rounds on other machines over a real NATS server: offered, refused, trained, stopped, given back, joined. */
import assert from "node:assert/strict";
import type { Supervisor } from "../../../../model/service/jobs/supervisor.ts";
import type { JobEvent } from "../../../../model/service/jobs/types.ts";
import { NATS_SERVER, startNats, WITHOUT_SERVER } from "../../../nats_server.ts";
import { withFolder } from "../../tiny_model.ts";
import { plan, service, worker } from "./elsewhere.ts";
import { scripted } from "./scripted.ts";

const test = (name: string, fn: (root: string, servers: string) => Promise<void>) =>
  Deno.test({
    name: name + WITHOUT_SERVER,
    ignore: !NATS_SERVER,
    fn: () =>
      withFolder(async (root) => {
        await using server = await startNats();
        await fn(root, server.url);
      }),
  });

/** Reads a job's events until it ends, or until one is found. */
async function until(supervisor: Supervisor, id: string, found: (event: JobEvent) => boolean = () => false) {
  const events: JobEvent[] = [];
  for await (const { event } of supervisor.watch(id, 0, new AbortController().signal)) {
    events.push(event);
    if (found(event)) break;
  }
  return events;
}
const isSaved = ({ type }: JobEvent) => type === "saved";
const reasons = (events: readonly JobEvent[]) => events.flatMap((one) => one.type === "state" ? [one.reason] : []);
const namesIn = async (folder: string) => (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();

test(
  "a round is refused by a worker that cannot give it, with the reason, trained by one that can, and leaves its student and nothing else",
  async (root, servers) => {
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

test(
  "a round is cancelled before anybody has it and while it is trained, and goes on from its checkpoint on another worker",
  async (root, servers) => {
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

test(
  "a round goes on while no service is there; the next life tells the rest of its events, each once and in order",
  async (root, servers) => {
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

test(
  "a worker that is stopped gives its round back with its checkpoint, and another goes on",
  async (root, servers) => {
    const { supervisor, store, end } = service(root, servers), first = worker(root, servers, { name: "first" });
    await first.write({ act: "train", updates: 12, ms: 40 });
    const { id } = await supervisor.submit(plan);
    await until(supervisor, id, isSaved);
    await first.end();
    const given = await until(
      supervisor,
      id,
      (one) => one.type === "state" && /first was stopped/.test(one.reason ?? ""),
    );
    const reached = given.filter(isSaved).length, second = worker(root, servers, { name: "second" });
    const events = await until(supervisor, id);
    assert.deepEqual(
      events.flatMap((one) => one.type === "started" ? [one.update] : []),
      [0, reached],
    );
    assert.equal(events.filter(isSaved).length, 12);
    assert.equal(store.get(id).state, "done");
    await second.end();
    await end();
  },
);

test(
  "a round that says why it failed has failed; one whose process ends without a word is tried by others, three times in all",
  async (root, servers) => {
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
