import assert from "node:assert/strict";
import { problemSchema } from "../../routes/problem.ts";
import { student } from "../model/tiny_model.ts";
import { withApp } from "./app_fixture.ts";
import { ask, follow, TOKEN, type Told } from "./jobs_fixture.ts";

const ORDER = { from: 8, updates: 5 };
const saved = ({ type }: Told) => type === "saved";
const inState = (state: string) => (event: Told) => event.type === "state" && event.state === state;

Deno.test("GET /jobs lists newest first, in pages, and refuses pages that are none", () =>
  withApp(async (app) => {
    const ids: string[] = [];
    for (let k = 0; k < 3; k++) {
      const { id } = await (await ask(app, "POST", "/distill", ORDER)).json();
      await follow(app, id);
      ids.unshift(id);
    }
    const page = async (query: string) => {
      const { jobs, total } = await (await ask(app, "GET", `/jobs${query}`)).json();
      assert.equal(total, 3);
      return jobs.map(({ id }: { id: string }) => id);
    };
    assert.deepEqual(await page(""), ids);
    assert.deepEqual(await page("?limit=1&offset=1"), [ids[1]]);
    for (const query of ["?limit=0", "?limit=201", "?offset=-1", "?page=2"]) {
      assert.equal((await ask(app, "GET", `/jobs${query}`)).status, 422, query);
    }
    for (const [method, path] of [["GET", ""], ["GET", "/events"], ["DELETE", ""], ["POST", "/resume"]]) {
      assert.equal((await ask(app, method, `/jobs/none${path}`)).status, 404, `${method} ${path}`);
    }
  }, { adminToken: TOKEN, script: { act: "fail" } }));

Deno.test("DELETE /jobs/{id} cancels a job that runs, and POST /jobs/{id}/resume goes on from its checkpoint", () =>
  withApp(async (app, { write }) => {
    const { id } = await (await ask(app, "POST", "/distill", ORDER)).json();
    await follow(app, id, { until: saved });
    const cancelled = await ask(app, "DELETE", `/jobs/${id}`);
    assert.deepEqual([cancelled.status, (await cancelled.json()).state], [202, "cancelling"]);
    const events = await follow(app, id);
    assert.ok(events.some(({ type }) => type === "stopped"));
    assert.equal(events.at(-1)!.state, "cancelled");
    const again = problemSchema.parse(await (await ask(app, "DELETE", `/jobs/${id}`)).json());
    assert.deepEqual([again.status, again.job], [409, id]);

    await write({ act: "finish" });
    const resumed = await ask(app, "POST", `/jobs/${id}/resume`);
    assert.deepEqual([resumed.status, resumed.headers.get("location")], [202, `/jobs/${id}`]);
    const rest = await follow(app, id, { after: events.at(-1)!.id });
    assert.equal(rest.find(({ type }) => type === "started")!.update, 1);
    assert.equal(rest.at(-1)!.state, "done");
    assert.equal((await ask(app, "POST", `/jobs/${id}/resume`)).status, 409);
    await (await ask(app, "DELETE", `/jobs/${id}`)).body!.cancel();
  }, { adminToken: TOKEN, script: { act: "hold" } }));

Deno.test("POST /distill and DELETE of steps answer 507 where the data directory takes nothing, say so, and leave nothing behind", () =>
  withApp(async (app, { data, lines, supervisor }) => {
    await Deno.mkdir(data, { recursive: true });
    for (const name of ["jobs", "models"]) await Deno.symlink("/sys", `${data}/${name}`); // where nobody makes a folder
    for (const [method, path, body] of [["POST", "/distill", ORDER], ["DELETE", "/models/qm9/steps/2"]] as const) {
      const problem = problemSchema.parse(await (await ask(app, method, path, body)).json());
      assert.deepEqual([problem.status, problem.type], [507, "urn:molstep:problem:storage-refused"]);
      assert.match(problem.detail, /^the data directory cannot be written to/);
      const line = lines.find(({ requestId, level }) => requestId === problem.requestId && level === "error")!;
      assert.match(String(line.error), /\/sys|jobs|models/);
    }
    assert.equal(supervisor.current, undefined);
    assert.equal((await (await ask(app, "GET", "/jobs")).json()).total, 0);
  }, { adminToken: TOKEN, models: [{ distilled: [student(2)] }] }));

Deno.test("POST /jobs/{id}/resume is refused while another job runs, and names it", () =>
  withApp(async (app, { write }) => {
    const { id } = await (await ask(app, "POST", "/distill", ORDER)).json();
    await follow(app, id);
    await write({ act: "hold" });
    const other = await (await ask(app, "POST", "/distill", ORDER)).json();
    const refused = problemSchema.parse(await (await ask(app, "POST", `/jobs/${id}/resume`)).json());
    assert.deepEqual([refused.status, refused.job], [409, other.id]);
    const busy = problemSchema.parse(await (await ask(app, "POST", `/jobs/${other.id}/resume`)).json());
    assert.deepEqual([busy.status, busy.state], [409, "running"]);
  }, { adminToken: TOKEN, script: { act: "fail" } }));

Deno.test("GET /jobs/{id}/events goes on after Last-Event-ID, as events come, and ends with the job", () =>
  withApp(async (app) => {
    const { id } = await (await ask(app, "POST", "/distill", ORDER)).json();
    const first = await follow(app, id, { until: ({ type }) => type === "started" });
    const rest = await follow(app, id, { after: first.at(-1)!.id });
    const all = await follow(app, id, { after: 0 });
    assert.deepEqual([...first, ...rest], all);
    assert.ok(all.every((event, k) => k === 0 || event.id > all[k - 1].id));
    assert.deepEqual(all.map(({ type }) => type).filter((type) => type !== "progress"), [
      "state",
      "started",
      "saved",
      "failed",
      "state",
    ]);
    const over = await ask(app, "GET", `/jobs/${id}/events`, undefined, { "Last-Event-ID": String(all.at(-1)!.id) });
    assert.equal(over.status, 204);
    const wrong = await ask(app, "GET", `/jobs/${id}/events`, undefined, { "Last-Event-ID": "last" });
    assert.equal(wrong.status, 400);
    const head = await ask(app, "HEAD", `/jobs/${id}/events`);
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    assert.equal((await ask(app, "GET", `/jobs/${id}/events`, undefined, { Accept: "text/html" })).status, 406);
  }, { adminToken: TOKEN, script: { act: "fail" } }));

Deno.test("GET /jobs/{id} tells the worker's own reason for a failure", () =>
  withApp(async (app) => {
    const { id } = await (await ask(app, "POST", "/distill", ORDER)).json();
    await follow(app, id);
    const job = await (await ask(app, "GET", `/jobs/${id}`)).json();
    assert.deepEqual([job.state, job.reason], ["failed", "the loss is NaN at update 2"]);
    assert.ok(job.endedAt >= job.createdAt);
    assert.equal((await app.request("/health/live")).status, 200);
  }, { adminToken: TOKEN, script: { act: "fail" } }));

Deno.test("a round waits while requests are held, and goes on after", () =>
  withApp(async (app, { queue }) => {
    const { id } = await (await ask(app, "POST", "/distill", ORDER)).json();
    const { id: after } = (await follow(app, id, { until: saved })).at(-1)!;
    const slot = queue.enter();
    const held = await follow(app, id, { after, until: ({ parts }) => parts?.paused === 1 });
    slot.leave();
    await follow(app, id, { after: held.at(-1)!.id, until: ({ parts }) => parts?.paused === 0 });
    await (await ask(app, "DELETE", `/jobs/${id}`)).body!.cancel();
    await follow(app, id, { until: inState("cancelled") });
  }, { adminToken: TOKEN, script: { act: "hold" } }));
