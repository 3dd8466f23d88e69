import assert from "node:assert/strict";
import { partOf } from "../../bench/fixed_parts.ts";
import { commands } from "../../main.ts";
import { run } from "../../main/run.ts";
import { TOLD } from "../model/told_model.ts";
import { withApp } from "../routes/app_fixture.ts";
import { TOKEN } from "../routes/jobs_fixture.ts";
import { withFolder } from "../model/tiny_model.ts";

/** Runs `molstep campaign`. */
async function campaign(url: string, ...args: string[]) {
  let out = "", error = "";
  const status = await run(commands, ["campaign", ...args, "--url", url], {
    out: (text) => void (out += text),
    error: (text) => void (error += text),
    interactive: false,
    environment: { MOLSTEP_TOKEN: TOKEN },
    signal: new AbortController().signal,
  });
  return { status, out, error };
}

const ORDER = '{"steps":2,"seed":1,"shardSize":256,"maxDraws":512,"where":{"logP":{"max":2}}}';

Deno.test("molstep campaign submits, watches, tells, collects and cancels over HTTP", () =>
  withFolder((folder) =>
    withApp(async (app, { campaigns, data }) => {
      await campaigns.recover();
      const server = Deno.serve({ port: 0, onListen() {} }, (request) => app.fetch(request));
      const ask = (...args: string[]) => campaign(`http://localhost:${server.addr.port}`, ...args);
      try {
        const dry = await ask("submit", "--order", ORDER, "--want", "5", "--dry-run");
        assert.deepEqual([dry.status, dry.error], [0, ""]);
        assert.match(
          dry.out,
          /^estimate: [\d.]+ molecules\/s, of which [\d.]+ % \([\d.]+ to [\d.]+\) count; \d+:\d\d for \d+ draws/,
        );
        const part = JSON.stringify(await partOf("carboxyl")), about = ["--fixed", part, "--dry-run"];
        const fixed = await ask("submit", "--order", ORDER, "--want", "5", ...about);
        assert.deepEqual([fixed.status, fixed.error], [0, ""]);
        const beyond = await ask("submit", "--order", ORDER, "--want", "5", ...about, "--fixed-atoms", "77");
        assert.match(beyond.error, /atoms must be indices from 0 to 7; got 77/);
        const asked = ["--model", "told", "--condition", '{"gap":11}', "--guidance", "2", "--dry-run"];
        const dryTold = await ask("submit", "--order", ORDER, "--want", "5", ...asked);
        assert.deepEqual([dryTold.status, dryTold.error], [
          0,
          "gap 11 lies outside of the training data, 4 to 10 eV\n",
        ]);
        const submitted = await ask("submit", "--order", ORDER, "--want", "5", "--watch");
        assert.deepEqual(
          [submitted.status, /done: 5 of 5 found in \d+ drawn/.test(submitted.error)],
          [0, true],
          submitted.error,
        );
        const id = submitted.out.trim(), out = `${folder}/found.ndjson`;
        const text = new TextDecoder().decode(
          await new Response(
            (await app.request(`/campaigns/${id}/results`, {
              headers: { Authorization: `Bearer ${TOKEN}` },
            })).body,
          ).bytes(),
        );
        await Deno.writeTextFile(`${out}.partial`, text.slice(0, 100)); // as of a try that was stopped
        const collected = await ask("collect", id, "--out", out);
        assert.deepEqual([collected.status, await Deno.readTextFile(out)], [0, text], collected.error);
        await Deno.writeTextFile(`${out}.partial`, text.slice(1, 100)); // as of another campaign's
        const anew = await ask("collect", id, "--out", out);
        assert.deepEqual([anew.status, await Deno.readTextFile(out)], [0, text], anew.error);
        await ask("collect", id, "--out", `${folder}/found.sdf.gz`);
        const sdf = await Deno.readFile(`${folder}/found.sdf.gz`);
        assert.deepEqual(sdf, await Deno.readFile(`${data}/campaigns/${id}/results.sdf.gz`));
        const told = await ask("status");
        assert.match(
          told.out,
          new RegExp(`^${id}  done\n  5 of 5 found in .*\n(  fell out: .*\n)+  results: ndjson .*, parquet`),
        );
        assert.equal((await ask("cancel", id)).status, 0);
        const gone = await ask("status", id);
        assert.deepEqual([gone.status, gone.error], [
          1,
          `molstep campaign: Unknown campaign: there is no campaign ${id}\n`,
        ]);
      } finally {
        await server.shutdown();
      }
    }, { adminToken: TOKEN, place: { backend: "wasm" }, models: [{}, TOLD] })
  ));

Deno.test("molstep campaign says what it must be given", async () => {
  const cases: [string[], RegExp][] = [
    [[], /--act must be given/],
    [["begin"], /must be one of submit, status, watch, cancel, collect/],
    [["watch"], /watch must have the id of a campaign behind it/],
    [["collect", "some"], /--out must be given to collect a campaign/],
    [["collect", "some", "--out", "found.csv"], /--out must end in .ndjson, .sdf.gz, .parquet; got found.csv/],
    [["submit", "--order", "{"], /--order: .*must be a JSON object/s],
    [["submit", "--condition", "{}"], /--condition.*must have at least one of alpha, gap/s],
    [["submit", "--guidance", "11"], /--guidance.*10/s],
    [["submit", "--attach", "1"], /--attach needs --fixed; got none/],
    [["submit", "--fixed", '{"molblock":""}'], /--fixed: .*molblock/s],
  ];
  for (const [args, words] of cases) {
    const { status, error } = await campaign("http://localhost:1", ...args);
    assert.deepEqual([status, words.test(error)], [2, true], `${args}: ${error}`);
  }
  const { status, error } = await campaign("http://localhost:1", "status");
  assert.deepEqual([status, /http:\/\/localhost:1 does not answer/.test(error)], [1, true], error);
});
