/** Sets of molecules over HTTP: given, read, told of, removed, and refused. */
import assert from "node:assert/strict";
import { gzipSync } from "fflate";
import { openDataSet } from "../../chem/data_sets.ts";
import { molblock, sdfRecord } from "../../chem/sdf.ts";
import { OWN_DATA } from "../../model/distillation/tuning.ts";
import { keptSetFolder, openSets } from "../../model/service/sets.ts";
import { problemSchema } from "../../routes/problem.ts";
import { DRUGLIKE_SDF } from "../chem/druglike.ts";
import { withFolder } from "../model/tiny_model.ts";
import { type FixtureOptions, withApp } from "./app_fixture.ts";
import { follow } from "./jobs_fixture.ts";

const TOKEN = "a-token-of-a-test-1234", SDF = await Deno.readTextFile(DRUGLIKE_SDF);
const OPTIONS: FixtureOptions = { adminToken: TOKEN };
type App = Parameters<Parameters<typeof withApp>[0]>[0];

const ask = async (app: App, method: string, path: string, body?: BodyInit, headers: Record<string, string> = {}) =>
  await app.request(path, {
    method,
    body,
    headers: {
      Authorization: `Bearer ${TOKEN}`,
      ...(body !== undefined && { "Content-Type": "chemical/x-mdl-sdfile" }),
      ...headers,
    },
  });

const problemOf = async (answer: Response) => problemSchema.parse(await answer.json());

Deno.test("POST /data takes a file, compressed or not, and says what was refused; GET tells of the sets, DELETE removes one", () =>
  withApp(async (app, { data }) => {
    const bad = SDF.slice(0, SDF.indexOf("$$$$")).replace(" N  ", " Xx ") + "$$$$\n";
    const given = await ask(
      app,
      "POST",
      "/data?description=six%20and%20one",
      gzipSync(new TextEncoder().encode(SDF + bad)),
    );
    assert.equal(given.status, 201);
    const set = await given.json();
    assert.equal(given.headers.get("Location"), `/data/${set.id}`);
    assert.deepEqual([set.molecules, set.refusedRecords, set.description], [6, 1, "six and one"]);
    assert.deepEqual(set.refused.map(({ record, reason }: { record: number; reason: string }) => [record, reason]), [[
      7,
      "element",
    ]]);
    assert.ok(set.classes.some((kind: number[]) => kind.join() === "7,0,1"));
    assert.ok(set.expiresAt > set.createdAt);
    assert.equal((await openDataSet(keptSetFolder(data, set.id))).atomCounts.length, 6);

    const plain = await (await ask(app, "POST", "/data", SDF)).json();
    assert.deepEqual([plain.molecules, plain.refused], [6, []]);
    const { sets, most } = await (await ask(app, "GET", "/data")).json();
    assert.deepEqual([new Set(sets.map(({ id }: { id: string }) => id)), most], [new Set([plain.id, set.id]), 2]);
    const detail = await (await ask(app, "GET", `/data/${set.id}`)).json();
    assert.deepEqual([detail.refused, detail.summary.elements.Br, detail.summary.refused], [set.refused, 1, {
      element: 1,
    }]);
    assert.deepEqual((await (await ask(app, "GET", `/data/${set.id}?offset=1`)).json()).refused, []);

    const over = await ask(app, "POST", "/data", SDF);
    assert.deepEqual([over.status, (await problemOf(over)).detail], [
      409,
      "sets must be at most 2; there are 2: remove one",
    ]);
    assert.equal((await ask(app, "DELETE", `/data/${set.id}`)).status, 204);
    for (const method of ["GET", "DELETE"]) assert.equal((await ask(app, method, `/data/${set.id}`)).status, 404);
    assert.equal((await ask(app, "GET", "/data/..%2f..")).status, 404);
    assert.deepEqual([...Deno.readDirSync(`${data}/sets`)].map(({ name }) => name), [plain.id]);
  }, OPTIONS));

Deno.test("POST /data refuses without a token, what is no SDF, too long, too many records, or no molecule, and leaves nothing", () =>
  withApp(async (app, { data }) => {
    assert.equal((await app.request("/data", { method: "POST", body: SDF })).status, 401);
    const refused = async (body: BodyInit, status: number, message: RegExp, headers = {}) => {
      const answer = await ask(app, "POST", "/data", body, headers);
      assert.equal(answer.status, status);
      assert.match((await problemOf(answer)).detail, message);
    };
    await refused(SDF, 415, /Content-Type must be .*; got application\/json/, { "Content-Type": "application/json" });
    await refused(SDF, 415, /Content-Encoding must be gzip/, { "Content-Encoding": "br" });
    await refused("x".repeat(30_000), 413, /at most 20000 bytes/);
    await refused(ReadableStream.from([new Uint8Array(15_000), new Uint8Array(15_000)]), 413, /at most 20000 bytes/);
    await refused(SDF, 422, /records must be at most 3/);
    await refused(
      "nothing\n$$$$\n",
      422,
      /at least one molecule is needed; 1 records have none; of record 1: there is no M {2}END/,
    );
    await refused(gzipSync(new Uint8Array(1_000_000).fill(10)), 422, /at most 320000 bytes, uncompressed/);
    await refused(gzipSync(new TextEncoder().encode(SDF)).subarray(0, 800), 422, /not a whole gzip file/);
    assert.deepEqual([...Deno.readDirSync(`${data}/sets`)], []);
  }, { ...OPTIONS, sets: { bytes: 20_000, records: 3 } }));

Deno.test("sets go by themselves when their days are over, and what a killed service left half done goes when it starts", () =>
  withFolder(async (data) => {
    let now = Date.now();
    const sets = openSets({ data, quota: { sets: 1, bytes: 1 << 20, records: 10, days: 2 }, now: () => now });
    const add = () => sets.add(new Blob([SDF]).stream(), { signal: new AbortController().signal });
    const { id } = await add();
    await Deno.writeTextFile(`${data}/sets/.left.sdf`, "");
    await sets.sweep();
    assert.deepEqual([...Deno.readDirSync(`${data}/sets`)].map(({ name }) => name), [id]);
    now += 3 * 24 * 3600 * 1000;
    assert.deepEqual(await sets.list(), []);
    await assert.rejects(sets.get(id), { name: "SetError", fault: "unknown" });
    await sets.sweep();
    assert.deepEqual([...Deno.readDirSync(`${data}/sets`)], []);
    await assert.rejects(sets.add(new Blob([SDF]).stream(), { signal: AbortSignal.abort(new Error("gone")) }), /gone/);
    assert.deepEqual([...Deno.readDirSync(`${data}/sets`)], []);
  }));

Deno.test("POST /distill fine-tunes on a set by its id, from a copy of its own, and names the heavy atoms that the model does not know", () =>
  withApp(async (app, { data }) => {
    const molecule = {
      atomicNumbers: Uint8Array.of(1, 6, 7),
      positions: Float32Array.of(-1.06, 0, 0, 0, 0, 0, 1.15, 0.1, 0),
    };
    const cyanide = sdfRecord(molblock(molecule, [{ i: 0, j: 1, order: 1 }, { i: 1, j: 2, order: 3 }]));
    const given = async (text: string): Promise<string> => (await (await ask(app, "POST", "/data", text)).json()).id;
    const [known, strange] = [await given(cyanide), await given(SDF)];
    const distill = (more: Record<string, unknown>) =>
      ask(app, "POST", "/distill", JSON.stringify({ method: "finetune", updates: 5, ...more }), {
        "Content-Type": "application/json",
      });
    const refused = async (more: Record<string, unknown>, message: RegExp) => {
      const answer = await distill(more), { errors, detail } = await problemOf(answer);
      assert.deepEqual([answer.status, errors?.[0].path], [422, "/data"]);
      assert.match(detail, message);
    };
    await refused({ data: strange }, /heavy atoms that qm9 does not know: .*S\+0H/);
    await refused({ data: "nothing" }, /data must be the id of a set that GET \/data lists; got "nothing"/);
    await refused({}, /data must name the set that finetune learns from; got none/);
    await refused({ data: known, method: "rollout", from: 8 }, /data is for finetune/);
    const answer = await distill({ data: known, to: 4 }), job = await answer.json();
    assert.deepEqual([answer.status, job.settings.from, job.settings.to, job.settings.data], [202, 4, 4, known]);
    await follow(app, job.id);
    assert.equal((await ask(app, "DELETE", `/data/${known}`)).status, 204);
    assert.equal((await openDataSet(`${data}/jobs/${job.id}/${OWN_DATA}`)).atomCounts.length, 1);
  }, { ...OPTIONS, script: { act: "finish" } }));
