import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { partOf } from "../../bench/fixed_parts.ts";
import { readMolblock, readSdf } from "../../chem/sdf.ts";
import { AwayError } from "../../model/campaigns/engine.ts";
import { problemSchema } from "../../routes/problem.ts";
import type { createApp } from "../../routes/app.ts";
import { page as pageOf } from "../../model/service/campaigns/results.ts";
import { rangeOf } from "../../routes/campaigns/results.ts";
import { TOLD } from "../model/told_model.ts";
import { type FixtureOptions, withApp } from "./app_fixture.ts";
import { ask, TOKEN } from "./jobs_fixture.ts";

type App = ReturnType<typeof createApp>;

const ORDER = { want: 12, steps: 2, seed: 1, shardSize: 256, maxDraws: 1024, where: { logP: { max: 2 } } };

const OPTIONS: FixtureOptions = { adminToken: TOKEN, place: { backend: "wasm" }, campaigns: { waitMs: 20 } };

/** What events a campaign has told when it has ended. */
async function told(app: App, id: string, after?: number): Promise<{ type: string; state?: string; kept?: number }[]> {
  const headers: Record<string, string> = after === undefined ? {} : { "Last-Event-ID": String(after) };
  const text = await (await ask(app, "GET", `/campaigns/${id}/events`, undefined, headers)).text();
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data));
}

/** A campaign that is done. */
async function done(app: App, order: unknown = ORDER) {
  const answer = await ask(app, "POST", "/campaigns", order), campaign = await answer.json();
  assert.equal(answer.status, 202, JSON.stringify(campaign));
  const events = await told(app, campaign.id);
  return { answer, events, campaign: await (await ask(app, "GET", `/campaigns/${campaign.id}`)).json() };
}

const results = (app: App, id: string, query = "", headers: Record<string, string> = {}) =>
  ask(app, "GET", `/campaigns/${id}/results${query}`, undefined, headers);

Deno.test("POST /campaigns finds as many as are wanted, told by events, and GET gives them by pages, ranges and forms", () =>
  withApp(async (app, { campaigns }) => {
    await campaigns.recover();
    const { answer, events, campaign } = await done(app), { id, progress } = campaign;
    assert.equal(answer.headers.get("location"), `/campaigns/${id}`);
    assert.equal(events.at(-1)!.state, "done", JSON.stringify(events.at(-1)));
    assert.equal(events.findLast(({ type }) => type === "progress")!.kept, 12);
    assert.deepEqual([campaign.state, progress.kept, progress.etaSeconds, progress.fraction], ["done", 12, 0, 1]);
    assert.deepEqual([campaign.version, campaign.backend, campaign.precision, campaign.refine], [
      ...["test", "wasm", "f32", "none"],
    ]);
    assert.ok(campaign.estimate.moleculesPerSecond > 0 && campaign.estimate.trial.drawn >= 16);

    const whole = await results(app, id), text = await whole.text();
    const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.equal(lines.length, 12);
    assert.ok(lines.every(({ values: { logP } }) => logP <= 2));
    assert.equal(new Set(lines.map(({ inchikey }) => inchikey)).size, 12);
    assert.deepEqual([...lines].sort((a, b) => a.index - b.index), lines);
    assert.equal(campaign.results.ndjson, text.length);

    const page = await (await results(app, id, "?offset=3&limit=4")).text();
    assert.deepEqual(
      page.trimEnd().split("\n").map((line) => JSON.parse(line).index),
      lines.slice(3, 7).map((one) => one.index),
    );
    assert.equal(await (await results(app, id, "?offset=12&limit=4")).text(), "");

    const half = Math.floor(text.length / 2), tag = whole.headers.get("etag")!;
    const rest = await results(app, id, "", { Range: `bytes=${half}-`, "If-Range": tag });
    assert.deepEqual([rest.status, rest.headers.get("content-range")], [
      206,
      `bytes ${half}-${text.length - 1}/${text.length}`,
    ]);
    assert.equal(text.slice(0, half) + await rest.text(), text);
    const other = await results(app, id, "", {
      Range: `bytes=${half}-`,
      "If-Range": '"other"',
      "Accept-Encoding": "gzip",
    });
    assert.deepEqual([other.status, other.headers.get("content-encoding"), await other.text()], [200, null, text]);
    assert.equal((await results(app, id, "", { Range: `bytes=${text.length}-` })).status, 416);

    const head = await ask(app, "HEAD", `/campaigns/${id}/results`, undefined, { Range: "bytes=0-3" });
    assert.deepEqual([head.status, head.headers.get("content-length")], [200, String(text.length)]);
    // One that failed may be resumed, and grow: what has another end then has no tag before.
    campaigns.store.change(id, { state: "failed" });
    const failed = await results(app, id, "", { Range: "bytes=0-3" });
    assert.deepEqual([failed.headers.get("etag"), failed.headers.get("content-range"), await failed.text()], [
      null,
      "bytes 0-3/*",
      text.slice(0, 4),
    ]);
    campaigns.store.change(id, { state: "done" });

    const zipped = new Uint8Array(await (await results(app, id, "?format=sdf")).arrayBuffer());
    const sdf = readSdf(new TextDecoder().decode(gunzipSync(zipped)));
    assert.deepEqual(
      sdf.map(({ data }) => [Number(data.index), Number(data.logP)]),
      lines.map(({ index, values }) => [index, values.logP]),
    );
    const tail = await results(app, id, "?format=sdf", { Range: "bytes=-10" });
    assert.deepEqual(new Uint8Array(await tail.arrayBuffer()), zipped.slice(-10));
    const parquet = new Uint8Array(await (await results(app, id, "?format=parquet")).arrayBuffer());
    assert.equal(new TextDecoder().decode(parquet.slice(0, 4)), "PAR1");

    const again = await done(app);
    assert.equal(await (await results(app, again.campaign.id)).text(), text);
    const list = await (await ask(app, "GET", "/campaigns?limit=1")).json();
    assert.deepEqual([list.total, list.campaigns[0].id], [2, again.campaign.id]);
    const begun = pageOf(campaigns.results, id, { offset: 0, limit: 20 });
    assert.equal((await ask(app, "DELETE", `/campaigns/${id}`)).status, 204);
    // No end that looks like that of all.
    await assert.rejects(Array.fromAsync(begun), { name: "UnknownCampaignError" });
    for (const path of ["", "/events", "/results"]) {
      assert.equal((await ask(app, "GET", `/campaigns/${id}${path}`)).status, 404, path);
    }
  }, OPTIONS));

/** Holds that POST /generate draws, of the molecules of a campaign's results, those that are within the request, and some are. */
async function drawsTheSame(
  app: Parameters<typeof ask>[0],
  request: object,
  lines: readonly { readonly index: number; readonly positions: number[][]; readonly smiles: string }[],
): Promise<void> {
  const drawn = await (await ask(app, "POST", "/generate", request)).json();
  const known = new Map(drawn.molecules.map((one: { index: number }) => [one.index, one]));
  for (const { index, positions, smiles } of lines) {
    const one = known.get(index) as { positions: number[][]; smiles: string } | undefined;
    if (one) assert.deepEqual([positions, smiles], [one.positions, one.smiles]);
  }
  assert.ok(lines.some(({ index }) => known.has(index)));
}

Deno.test("POST /campaigns with `fixed` finds molecules about the part, as POST /generate draws them, and keeps it in its order", () =>
  withApp(async (app, { campaigns }) => {
    await campaigns.recover();
    const fixed = { ...await partOf("carboxyl"), resample: { times: 2, back: 1 } };
    const { campaign } = await done(app, { ...ORDER, want: 6, where: {}, fixed, name: "acids" });
    assert.deepEqual([campaign.state, campaign.order.fixed], ["done", fixed]);
    const text = await (await results(app, campaign.id)).text();
    const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    const { positions } = readMolblock(fixed.molblock).molecule;
    for (const { symbols, positions: there, sdf } of lines) {
      assert.deepEqual(symbols.slice(0, 3), ["C", "O", "O"]);
      there.slice(0, 3).flat().forEach((value: number, k: number) =>
        assert.ok(Math.abs(value - positions[3 + k]) < 1e-3)
      );
      assert.equal(sdf, undefined);
    }
    const zipped = new Uint8Array(await (await results(app, campaign.id, "?format=sdf")).arrayBuffer());
    const records = readSdf(new TextDecoder().decode(gunzipSync(zipped)));
    assert.ok(records.every(({ data }) => data.fixedAtoms === "3"));
    // The same molecules as a request of the same seed.
    const { steps, seed } = ORDER, request = { count: 64, steps, seed, fixed, filter: "valid" };
    await drawsTheSame(app, request, lines);
    // Another part, other results; without, others again.
    const other = await done(app, { ...ORDER, want: 6, where: {}, fixed: { ...fixed, resample: undefined } });
    assert.notEqual(await (await results(app, other.campaign.id)).text(), text);
    const again = await done(app, { ...ORDER, want: 6, where: {}, fixed });
    assert.equal(await (await results(app, again.campaign.id)).text(), text);
  }, OPTIONS));

Deno.test("POST /campaigns with `condition` finds molecules as POST /generate draws them, keeps what was asked, and warns as that does", () =>
  withApp(async (app, { campaigns }) => {
    await campaigns.recover();
    const asked = { model: "told", condition: { gap: 11 }, guidance: 2 };
    const { campaign } = await done(app, { ...ORDER, want: 6, where: {}, ...asked });
    const { state, order: { condition, guidance }, warnings } = campaign;
    assert.deepEqual([state, condition, guidance], ["done", asked.condition, 2]);
    assert.deepEqual(warnings, ["gap 11 lies outside of the training data, 4 to 10 eV"]);
    const textOf = async (id: string) => await (await results(app, id)).text(), text = await textOf(campaign.id);
    const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    // The same molecules as a request of the same seed; another campaign's, too.
    const { steps, seed } = ORDER, request = { count: 64, steps, seed, ...asked, filter: "valid" };
    await drawsTheSame(app, request, lines);
    const others = [{}, { guidance: undefined }, { condition: { gap: 8 } }, {
      condition: undefined,
      guidance: undefined,
    }];
    const texts: string[] = [];
    for (const other of others) {
      const { campaign } = await done(app, { ...ORDER, want: 6, where: {}, ...asked, ...other });
      assert.equal("warnings" in campaign, other.condition === undefined && !("condition" in other));
      texts.push(await textOf(campaign.id));
    }
    assert.equal(texts[0], text);
    assert.equal(new Set(texts).size, 4);
    const plan = await (await ask(app, "POST", "/campaigns", { ...ORDER, ...asked, dryRun: true })).json();
    assert.deepEqual([plan.warnings, plan.order.condition], [warnings, asked.condition]);
    const refuses = async (more: object, path: string, message: RegExp) => {
      const answer = await ask(app, "POST", "/campaigns", { ...ORDER, ...asked, ...more });
      const { errors } = problemSchema.parse(await answer.json());
      assert.deepEqual([answer.status, errors![0].path], [422, path]);
      assert.match(errors![0].message, message);
    };
    await refuses({ model: "qm9" }, "/condition", /^model qm9 is told no properties: condition must be absent/);
    await refuses({ condition: { mu: 2 } }, "/condition/mu", /^mu must be absent: model told is told gap/);
    await refuses({ condition: { gap: 40 } }, "/condition/gap", /^gap must be -14 to 28 eV; got 40/);
    await refuses({ condition: undefined }, "/guidance", /must come with condition/);
    await refuses({ guidance: 11 }, "/guidance", /10/);
  }, { ...OPTIONS, models: [{}, TOLD] }));

Deno.test("POST /campaigns with dryRun gives the estimate alone", () =>
  withApp(async (app) => {
    const answer = await ask(app, "POST", "/campaigns", { ...ORDER, dryRun: true }), plan = await answer.json();
    assert.equal(answer.status, 200);
    const { trial, passRate, draws, most, moleculesPerSecond, enough } = plan.estimate;
    assert.equal(passRate, Number(((trial.passed - trial.duplicates) / trial.drawn).toPrecision(4)));
    assert.equal(draws, Math.min(1024, Math.ceil(12 * trial.drawn / (trial.passed - trial.duplicates))));
    assert.ok(Math.abs(most.seconds - 1024 / moleculesPerSecond) < 0.01 * most.seconds);
    assert.deepEqual([most.draws, enough, plan.shards, plan.seed], [1024, true, 4, 1]);
    assert.equal((await (await ask(app, "GET", "/campaigns")).json()).total, 0);
  }, OPTIONS));

Deno.test("POST /campaigns refuses what it cannot do, and says what is wrong", () =>
  withApp(async (app) => {
    const refused = async (change: Record<string, unknown>) => {
      const answer = await ask(app, "POST", "/campaigns", { ...ORDER, ...change });
      return problemSchema.parse(await answer.json());
    };
    const part = await partOf("carboxyl");
    const faults: [Record<string, unknown>, number, RegExp][] = [
      [{ wnat: 1 }, 422, /unknown key wnat; allowed are .*want/],
      [{ want: 0 }, 422, /want/],
      [{ want: 2000 }, 422, /\/maxDraws: must be at least want/],
      [{ shardSize: 1000 }, 422, /shardSize/],
      [{ name: "\x1b[2J" }, 422, /\/name: must be without control characters; got "\\u001b\[2J"/],
      [{ model: "none" }, 404, /there is no model none/],
      [{ heavyAtoms: 30 }, 422, /heavyAtoms|has no molecules/],
      [{ fixed: { molblock: "" } }, 422, /\/fixed\/molblock/],
      [{ fixed: { ...part, atoms: [9] } }, 422, /atoms must be indices from 0 to 7; got 9/],
      [
        { fixed: { ...part, resample: { times: 2, back: 5 } } },
        422,
        /back must be 1 to 1 at 2 steps; got 5/,
      ],
      [{ sampler: "distilled" }, 422, /no weights distilled/],
      [{ sampler: "ddim", options: { eta: "much" } }, 422, /options of the sampler/],
      [{ where: { logQ: { max: 1 } } }, 422, /unknown key logQ; allowed are .*logP/],
      [{ where: { required: ["C1CC"] } }, 422, /\/where\/required\/0: must be SMARTS; got "C1CC"/],
      [{ maxDraws: 2_000_000 }, 422, /a campaign may draw at most 1000000 molecules here; asked are 2000000/],
      [
        { want: 500_000, maxDraws: 900_000 },
        422,
        /results of all campaigns may have 100000 bytes here, and 0 are there/,
      ],
      [
        { want: 100, maxDraws: 1000, where: { logP: { min: 1000 } } },
        422,
        /this one's are not known, as none of \d+ molecules passed, and may be 150000/,
      ],
    ];
    for (const [change, status, words] of faults) {
      const problem = await refused(change);
      assert.equal(problem.status, status, JSON.stringify(problem));
      assert.match(problem.detail, words);
    }
    assert.ok((await refused({ want: 500_000, maxDraws: 900_000 })).estimate);
  }, { ...OPTIONS, campaigns: { bytes: 100_000 } }));

Deno.test("POST /campaigns refuses more campaigns than may go on, until one has ended or is removed; so does resume", () =>
  withApp(async (app, { campaigns }) => {
    const first = await (await ask(app, "POST", "/campaigns", ORDER)).json(); // nobody draws it
    const refused = problemSchema.parse(await (await ask(app, "POST", "/campaigns", ORDER)).json());
    assert.deepEqual([refused.status, refused.type], [409, "urn:molstep:problem:campaign-quota"]);
    assert.match(refused.detail, /at most 1 campaigns may go on at once here; 1 do/);
    assert.equal((await ask(app, "POST", `/campaigns/${first.id}/resume`)).status, 409);
    assert.equal((await results(app, first.id, "?format=parquet")).status, 404);
    assert.equal(await (await results(app, first.id)).text(), "");
    assert.equal((await ask(app, "DELETE", `/campaigns/${first.id}`)).status, 204);
    const next = await ask(app, "POST", "/campaigns", ORDER);
    const failed = await next.json();
    assert.equal(next.status, 202);
    campaigns.store.change(failed.id, { state: "failed" });
    assert.equal((await ask(app, "POST", "/campaigns", ORDER)).status, 202);
    const resumed = problemSchema.parse(await (await ask(app, "POST", `/campaigns/${failed.id}/resume`)).json());
    assert.deepEqual([resumed.status, resumed.type], [409, "urn:molstep:problem:campaign-quota"]);
  }, { ...OPTIONS, campaigns: { campaigns: 1 } }));

Deno.test("GET /campaigns/{id}/events goes on after Last-Event-ID, tells of a removal, and 204 of an end that is known", () =>
  withApp(async (app, { campaigns }) => {
    const { id } = await (await ask(app, "POST", "/campaigns", ORDER)).json(); // nobody draws it
    const watching = told(app, id);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await ask(app, "DELETE", `/campaigns/${id}`);
    assert.deepEqual((await watching).map(({ type }) => type), ["state", "removed"]);
    await campaigns.recover();
    const { campaign, events } = await done(app), last = campaigns.store.events(campaign.id).at(-1)!.id;
    assert.deepEqual(await told(app, campaign.id, last - 2), events.slice(-2));
    const over = await ask(app, "GET", `/campaigns/${campaign.id}/events`, undefined, {
      "Last-Event-ID": String(last),
    });
    assert.equal(over.status, 204);
  }, OPTIONS));

Deno.test("GET and DELETE /campaigns/{id} are answered 503 where the engine of shards does not answer; the list is there", () =>
  withApp(async (app, { campaigns }) => {
    const { id } = await (await ask(app, "POST", "/campaigns", ORDER)).json(); // nobody draws it
    const { engine } = campaigns, { dead, cancel } = engine;
    const away = () => Promise.reject(new AwayError("NATS does not answer"));
    Object.assign(engine, { dead: away, cancel: away });
    for (const method of ["GET", "DELETE"]) {
      const answer = await ask(app, method, `/campaigns/${id}`), problem = problemSchema.parse(await answer.json());
      assert.deepEqual(
        [answer.status, problem.type, problem.detail, answer.headers.get("retry-after")],
        [503, "urn:molstep:problem:shards-away", "NATS does not answer", "30"],
      );
    }
    assert.equal((await (await ask(app, "GET", "/campaigns")).json()).total, 1);
    Object.assign(engine, { dead, cancel });
    assert.equal((await ask(app, "DELETE", `/campaigns/${id}`)).status, 204);
  }, OPTIONS));

Deno.test("campaigns ask for their own scope, and GET takes `read`, too", () =>
  withApp(async (app) => {
    const bare = (method: string, path: string) => app.request(path, { method });
    assert.equal((await bare("GET", "/campaigns")).status, 200);
    assert.equal((await bare("DELETE", "/campaigns/none")).status, 401);
    assert.equal((await app.request("/campaigns", { method: "POST", body: "{}" })).status, 401);
  }, { ...OPTIONS, openScopes: ["read"] }));

Deno.test("rangeOf() reads one range of bytes, and ignores what is none", () => {
  const cases: [string | undefined, ReturnType<typeof rangeOf>][] = [
    [undefined, undefined],
    ["bytes=0-", { from: 0, to: 100 }],
    ["bytes=10-19", { from: 10, to: 20 }],
    ["bytes=90-500", { from: 90, to: 100 }],
    ["bytes=-7", { from: 93, to: 100 }],
    ["bytes=-500", { from: 0, to: 100 }],
    ["bytes=200-", { from: 200, to: 100 }],
    ["bytes=-", undefined],
    ["bytes=9-3", undefined],
    ["bytes=0-1,4-5", undefined],
    ["lines=0-1", undefined],
  ];
  for (const [header, range] of cases) assert.deepEqual(rangeOf(header, 100), range, `${header}`);
});
