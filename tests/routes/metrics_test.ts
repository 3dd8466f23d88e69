import assert from "node:assert/strict";
import { createMeters, stepsLabel } from "../../routes/meters.ts";
import { problemSchema } from "../../routes/problem.ts";
import { createQueue } from "../../model/generation/queue.ts";
import { post, withApp as withAnyApp } from "./app_fixture.ts";
import { TOKEN } from "./jobs_fixture.ts";
import { readMetrics } from "./metrics_text.ts";

type App = Parameters<Parameters<typeof withAnyApp>[0]>[0];

/** An application whose metrics are for all to read. */
const withApp: typeof withAnyApp = (work, options) =>
  withAnyApp(work, { openScopes: ["generate", "read"], ...options });

/** The samples of an application, as Prometheus reads them. */
async function scrape(app: App) {
  const response = await app.request("/metrics");
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  return readMetrics(await response.text());
}

Deno.test("GET /metrics counts molecules by what became of them, molecule-steps, batches and stages of a generation", () =>
  withApp(async (app) => {
    const before = await scrape(app);
    assert.equal(before.value("molstep_molecule_steps_total", { model: "qm9" }), undefined);
    const { drawn, metrics, fallbacks } = await (await post(app, { count: 10, steps: 4, seed: 1 })).json();
    const ndjson = await post(app, { count: 3, steps: 4, seed: 2, filter: "valid" }, {
      Accept: "application/x-ndjson",
    });
    const returned = (await ndjson.text()).trim().split("\n").filter(Boolean).length;
    const after = await scrape(app), all = after.samples.filter(({ name }) => name === "molstep_molecules_total");
    const [{ labels: { steps, sampler } }] = all;
    assert.ok(all.every(({ labels }) => labels.model === "qm9" && labels.sampler === sampler));
    const of = (outcome: string) =>
      after.value("molstep_molecules_total", { model: "qm9", steps, sampler, outcome }) as number;
    assert.deepEqual([of("asked"), of("drawn"), of("returned")], [13, 13, 10 + returned]);
    assert.equal(of("valid"), Math.round(metrics.validity * drawn) + returned);
    assert.ok(of("fallback") >= fallbacks && of("unique") <= of("valid"));
    assert.equal(after.value("molstep_molecule_steps_total", { model: "qm9" }), 52);
    assert.equal(after.value("molstep_generations_total", { model: "qm9", outcome: "done" }), 2);
    assert.equal(after.value("molstep_generation_duration_seconds_count", { model: "qm9" }), 2);
    assert.equal(after.value("molstep_batch_molecules_sum"), 13);
    const batches = after.value("molstep_batch_molecules_count")!;
    for (const [stage, count] of Object.entries({ queue: 2, sample: batches, decode: batches, validate: batches })) {
      assert.equal(after.value("molstep_stage_duration_seconds_count", { stage }), count, stage);
    }
    assert.equal(after.value("molstep_stage_duration_seconds_count", { stage: "write" }), 2);
  }));

Deno.test("GET /metrics counts requests by declared route, method and status, and refusals by reason", () =>
  withApp(async (app) => {
    await app.request("/models/qm9");
    await app.request("/models/zinc");
    await app.request("/models/another", { method: "POST" });
    await app.request("/nowhere");
    await app.request("/distill", { method: "POST" });
    await post(app, { count: 1000, steps: 1000 });
    await post(app, { count: 1, steps: 1, color: "red" });
    await post(app, "x".repeat(2000));
    await post(app, { count: 1, steps: 1 });
    const metrics = await scrape(app);
    const requests = (route: string, method: string, status: number) =>
      metrics.value("molstep_requests_total", { route, method, status: String(status) });
    assert.equal(requests("/models/{name}", "GET", 200), 1);
    assert.equal(requests("/models/{name}", "GET", 404), 1);
    assert.equal(requests("/models/{name}", "POST", 405), 1);
    assert.equal(requests("none", "GET", 404), 1);
    assert.equal(requests("/distill", "POST", 401), 1);
    assert.equal(requests("/generate", "POST", 422), 2);
    assert.equal(requests("/generate", "POST", 413), 1);
    assert.equal(requests("/generate", "POST", 200), 1);
    assert.equal(metrics.value("molstep_request_duration_seconds_count", { route: "/generate", method: "POST" }), 4);
    const refusals = Object.fromEntries(
      metrics.samples.filter(({ name, value }) => name === "molstep_refusals_total" && value > 0)
        .map(({ labels: { reason }, value }) => [reason, value]),
    );
    assert.deepEqual(refusals, {
      "unknown-model": 1,
      "method-not-allowed": 1,
      "not-found": 1,
      "not-authorised": 1,
      "too-much-work": 1,
      "invalid-request": 1,
      "body-too-long": 1,
    });
  }, { maxWork: 1000, maxBodyBytes: 1000, adminToken: TOKEN }));

Deno.test("GET /metrics counts those who find the queue full, hold their share, or wait past their deadline", () =>
  withApp(async (app, { queue }) => {
    // Loads model and chemistry: a deadline that passes before that is there ends no generation, as none has begun.
    assert.equal((await post(app, { count: 1, steps: 1 })).status, 200);
    const slot = queue.enter(undefined, { work: 100, client: "198.51.100.7" });
    assert.equal((await post(app, { count: 1, steps: 1 }, {}, { address: "198.51.100.7" })).status, 429);
    const other = queue.enter(undefined, { work: 7 });
    other.progress(0.5);
    assert.equal((await post(app, { count: 1, steps: 1 })).status, 503);
    const held = await scrape(app);
    assert.deepEqual(
      ["waiting", "drawing"].map((state) => [
        held.value("molstep_queue_requests", { state }),
        held.value("molstep_queue_molecule_steps", { state }),
      ]),
      [[1, 100], [1, 4]],
    );
    assert.ok(held.value("molstep_queue_oldest_seconds")! > 0);
    assert.equal(held.value("molstep_queue_requests_limit"), 2);
    slot.leave();
    other.leave();
    assert.equal((await post(app, { count: 1000, steps: 1000, timeoutMs: 30 })).status, 504);
    const metrics = await scrape(app);
    for (const reason of ["over-share", "queue-full", "deadline"]) {
      assert.equal(metrics.value("molstep_refusals_total", { reason }), 1, reason);
    }
    assert.equal(metrics.value("molstep_generations_total", { model: "qm9", outcome: "timeout" }), 1);
    assert.equal(metrics.value("molstep_queue_oldest_seconds"), 0);
  }, { queue: { limit: 2, share: 0.5 } }));

Deno.test("GET /metrics tells of models, jobs, memory and the process, and of nothing that it does not know", () =>
  withApp(async (app) => {
    const cold = await scrape(app);
    const weights = { model: "qm9", version: "test", steps: "" };
    assert.equal(cold.value("molstep_model_info", { ...weights, backend: "" }), 1);
    await post(app, { count: 1, steps: 1 });
    const warm = await scrape(app);
    assert.equal(warm.value("molstep_model_info", { ...weights, backend: "" }), undefined);
    assert.equal(warm.value("molstep_model_info", { ...weights, backend: "cpu" }), 1);
    assert.equal(warm.value("molstep_ready"), 1);
    assert.equal(warm.value("molstep_jobs", { state: "running" }), 0);
    assert.ok(warm.value("process_resident_memory_bytes")! > 1e7);
    assert.ok(warm.value("molstep_heap_bytes", { kind: "used" })! > 1e6);
    assert.ok(warm.value("process_cpu_seconds_total")! > 0);
    const { version } = await (await app.request("/")).json();
    assert.equal(warm.value("molstep_build_info", { version, deno: Deno.version.deno }), 1);
    // Nobody listens, and nobody watches the loop.
    for (const name of ["molstep_connections", "molstep_event_loop_lag_max_seconds"]) {
      assert.ok(warm.types[name]);
      assert.equal(warm.samples.some((sample) => sample.name === name), false, name);
    }
  }));

Deno.test("GET /metrics answers although one of its sources fails", async () => {
  const meters = createMeters(), queue = createQueue();
  const jobs = {
    states() {
      throw new Error("jobs.sqlite cannot be used");
    },
  };
  meters.watch({ jobs, queue });
  const { samples, value } = readMetrics(await meters.text());
  assert.equal(samples.some(({ name }) => name === "molstep_jobs"), false);
  assert.equal(value("molstep_queue_requests", { state: "waiting" }), 0);
});

Deno.test("whatever clients ask for, the number of series stays the same", () =>
  withApp(async (app) => {
    const flood = async (round: number) => {
      for (let i = 0; i < 30; i++) {
        const some = `${round}-${i}`;
        const headers = { "X-Request-Id": some, "User-Agent": some, "X-Forwarded-For": `10.0.${round}.${i}` };
        await app.request(`/${some}`, { headers });
        await app.request(`/models/${some}`, { headers });
        await app.request(`/models/${some}`, { headers, method: `M${round}X${i}` });
        await app.request(`/nowhere?q=${some}`, { headers, method: `N${round}X${i}` });
        await app.request(`/jobs/${some}`, { headers });
        await app.request(`/models/${some}/steps/${i + 1}`, { method: "DELETE", headers });
        await post(app, { count: 1, steps: 1, model: some, [`key${some}`]: 1 }, headers);
        await post(app, { count: 1, steps: 1, model: some }, headers);
      }
      for (let steps = 30 + 3 * round; steps < 33 + 3 * round; steps++) { // the card names none of these
        assert.equal((await post(app, { count: 1, steps, sampler: "ddim" })).status, 200);
      }
      return (await scrape(app)).samples.length;
    };
    await scrape(app);
    const first = await flood(0);
    assert.deepEqual([await flood(1), await flood(2)], [first, first]);
    assert.ok(first < 1000, `${first} series`);
  }, { adminToken: TOKEN }));

Deno.test("stepsLabel() names the steps of students and of recommendations", () => {
  const card = { distilled: [{ steps: 4 }], recommended: [{ steps: 16 }] } as Parameters<typeof stepsLabel>[0];
  assert.deepEqual([4, 16, 5].map((steps) => stepsLabel(card, steps)), ["4", "16", "other"]);
});

Deno.test("two applications measure apart, and one that does not measure answers 404", () =>
  withApp(async (one) => {
    await withApp(async (other) => {
      await one.request("/models");
      const labels = { route: "/models", method: "GET", status: "200" };
      assert.equal((await scrape(one)).value("molstep_requests_total", labels), 1);
      assert.equal((await scrape(other)).value("molstep_requests_total", labels), undefined);
    });
    await withApp(async (off) => {
      const answer = await off.request("/metrics");
      assert.equal(answer.status, 404);
      assert.match(problemSchema.parse(await answer.json()).detail, /MOLSTEP_METRICS/);
      assert.equal((await post(off, { count: 1, steps: 1 })).status, 200);
    }, { metrics: false });
  }));

Deno.test("GET /metrics asks for a token of scope read, unless it is open", () =>
  withAnyApp(async (app) => {
    assert.equal((await app.request("/metrics")).status, 401);
    const headers = { Authorization: `Bearer ${TOKEN}` };
    assert.equal((await app.request("/metrics", { headers })).status, 200); // admin includes read
  }, { adminToken: TOKEN }));
