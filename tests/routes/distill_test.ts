import assert from "node:assert/strict";
import { jobDetail, jobSchema } from "../../routes/jobs_schema.ts";
import { problemSchema } from "../../routes/problem.ts";
import { ask, follow, TOKEN } from "./jobs_fixture.ts";
import { post, withApp } from "./app_fixture.ts";
import { student } from "../model/tiny_model.ts";

const order = (more: Record<string, unknown> = {}) => ({ method: "progressive", from: 8, updates: 5, ...more });

Deno.test("admin routes answer 403 where the service has no token, and say which variable to set", () =>
  withApp(async (app) => {
    for (
      const [method, path] of [
        ["POST", "/distill"],
        ["GET", "/jobs"],
        ["GET", "/jobs/1"],
        ["GET", "/jobs/1/events"],
        ["DELETE", "/jobs/1"],
        ["POST", "/jobs/1/resume"],
        ["DELETE", "/models/qm9/steps/4"],
      ]
    ) {
      const response = await ask(app, method, path);
      assert.equal(response.status, 403, path);
      assert.match(problemSchema.parse(await response.json()).detail, /MOLSTEP_ADMIN_TOKEN/);
    }
  }));

Deno.test("admin routes answer 401 without the token, with another, and with it in another scheme", () =>
  withApp(async (app) => {
    for (const given of [undefined, "Bearer", "Bearer wrong", `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, TOKEN]) {
      const response = await app.request("/jobs", { headers: given === undefined ? {} : { Authorization: given } });
      assert.equal(response.status, 401, `${given}`);
      assert.match(response.headers.get("www-authenticate")!, /^Bearer/);
      assert.doesNotMatch(await response.text(), new RegExp(TOKEN));
    }
    assert.equal((await ask(app, "GET", "/jobs")).status, 200);
    assert.equal((await app.request("/jobs", { headers: { Authorization: `bearer ${TOKEN}` } })).status, 200);
  }, { adminToken: TOKEN }));

Deno.test("POST /distill answers 202 with the job and its place, and puts the student into service", () =>
  withApp(async (app) => {
    const response = await ask(app, "POST", "/distill", order({ seed: 3 }));
    assert.equal(response.status, 202);
    const job = jobSchema.parse(await response.json());
    assert.equal(response.headers.get("location"), `/jobs/${job.id}`);
    assert.deepEqual(
      [job.state, job.settings.from, job.settings.to, job.settings.seed, job.limits],
      ["running", 8, 4, 3, { updates: 5 }],
    );
    assert.ok(job.estimate.secondsPerUpdate > 0 && job.estimate.memoryMiB > 0);

    const events = await follow(app, job.id);
    assert.deepEqual(events.filter(({ type }) => type === "state").map(({ state }) => state), [
      "running",
      "publishing",
      "done",
    ]);
    const detail = jobDetail.parse(await (await ask(app, "GET", `/jobs/${job.id}`)).json());
    assert.deepEqual([detail.state, detail.backend, detail.device], ["done", "script", "paper"]);
    assert.deepEqual(detail.curves.loss, [{ update: 1, seconds: 1, loss: 1 }]);
    assert.equal(detail.curves.validation[0].moleculeStability, 0.8);
    assert.equal(detail.judged?.teacher.steps, 8);

    const drawn = await (await post(app, { count: 1, steps: 4, seed: 1 })).json();
    assert.deepEqual([drawn.sampler, drawn.version], ["distilled", "made-7"]);
    // The new student teaches the next round.
    const next = await (await ask(app, "POST", "/distill", { updates: 1 })).json();
    assert.deepEqual([next.settings.from, next.settings.to, next.settings.variant], [4, 2, "ddim"]);
    await follow(app, next.id);
    const { jobs, total } = await (await ask(app, "GET", "/jobs?limit=1")).json();
    assert.deepEqual([jobs.map(({ id }: { id: string }) => id), total], [[next.id], 2]);
    assert.equal((await ask(app, "DELETE", "/models/qm9/steps/2")).status, 204);
  }, { adminToken: TOKEN, script: { act: "finish" } }));

Deno.test("POST /distill keeps a student that is not accepted out of service, and says why", () =>
  withApp(async (app) => {
    const { id } = await (await ask(app, "POST", "/distill", order())).json();
    await follow(app, id);
    const job = await (await ask(app, "GET", `/jobs/${id}`)).json();
    assert.deepEqual([job.state, job.reason], ["rejected", "40 points worse"]);
    assert.equal((await post(app, { count: 1, steps: 4, sampler: "distilled" })).status, 422);
  }, { adminToken: TOKEN, script: { act: "finish", accepted: false } }));

Deno.test("POST /distill refuses what is not a sound round, and names the field", () =>
  withApp(async (app) => {
    const cases: [Record<string, unknown>, string, RegExp][] = [
      [order({ keep: [2, 5] }), "/keep", /keep must name step counts in service, 2; got 5/],
      [order({ method: "knowledge", keep: [2] }), "/keep", /not for knowledge/],
      [order({ steps: 4 }), "", /steps/],
      [order({ to: 3 }), "/to", /from 8 steps goes to 4, not to 3/],
      [order({ from: 1 }), "/from", /from must be at least 2 to be halved; got 1/],
      [order({ method: "magic" }), "/method", /progressive/],
      [order({ width: 32 }), "/width", /for knowledge/],
      [order({ method: "moments", variant: "ddim" }), "/variant", /ddpm/],
      [order({ solver: "heun", method: "rollout" }), "/solver", /solver is for .*consistency.*; got it for rollout/],
      [order({ method: "consistency", solver: "ddpm" }), "/solver", /ddim/],
      [order({ method: "consistency", skip: 8 }), "/skip", /skip must be 1 to 7 of from's 8 steps; got 8/],
      [order({ method: "moments", boundary: "data" }), "/boundary", /boundary is for consistency; got it for moments/],
      [order({ method: "knowledge", name: "qm9" }), "/name", /name must be one that no model has; got qm9/],
      [order({ from: 2, grid: { type: "power", rho: 2 } }), "/grid", /as the teacher at 2 steps has/],
      [{ updates: 1, minutes: 20_000 }, "/minutes", /10080/],
    ];
    for (const [body, path, message] of cases) {
      const response = await ask(app, "POST", "/distill", body), problem = problemSchema.parse(await response.json());
      assert.equal(response.status, 422, JSON.stringify(body));
      assert.equal(problem.errors?.[0].path, path, JSON.stringify(problem));
      assert.match(problem.detail, message);
    }
    assert.equal((await ask(app, "POST", "/distill", order({ model: "zinc" }))).status, 404);
  }, { adminToken: TOKEN, models: [{ distilled: [student(2)] }] }));

Deno.test("POST /distill refuses a round that does not fit into memory, with both numbers", () =>
  withApp(async (app) => {
    const response = await ask(app, "POST", "/distill", order());
    assert.equal(response.status, 422);
    const problem = problemSchema.parse(await response.json());
    assert.match(problem.detail, /needs about \d+ MiB, 300 MiB are free/);
    assert.equal(problem.estimate?.availableMiB, 300);
    assert.equal((await (await ask(app, "GET", "/jobs")).json()).total, 0);
  }, { adminToken: TOKEN, available: () => 300 * 2 ** 20 }));

Deno.test("POST /distill refuses a second round while one runs, and names that one", () =>
  withApp(async (app) => {
    const [one, other] = await Promise.all([1, 2].map(() => ask(app, "POST", "/distill", order())));
    assert.deepEqual([one.status, other.status].sort(), [202, 409]);
    const [first, refused] = one.status === 202 ? [one, other] : [other, one];
    const { id } = await first.json(), problem = problemSchema.parse(await refused.json());
    assert.equal(problem.job, id);
    const third = problemSchema.parse(await (await ask(app, "POST", "/distill", order())).json());
    assert.deepEqual([third.status, third.job], [409, id]);
  }, { adminToken: TOKEN, script: { act: "hold" } }));

Deno.test("POST /distill is refused while the service shuts down", () =>
  withApp(async (app) => {
    assert.equal((await ask(app, "POST", "/distill", order())).status, 503);
  }, { adminToken: TOKEN, state: "draining" }));
