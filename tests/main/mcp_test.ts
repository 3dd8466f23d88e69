import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { askService, openLocal } from "../../main/mcp_source.ts";
import { toolInput } from "../../main/mcp_tool.ts";
import { shippedModels } from "../../main/models.ts";
import { listModels } from "../../model/models/load.ts";
import { parseConfig } from "../../routes/config.ts";
import { generateRequest } from "../../routes/generate_schema.ts";
import { openDoor } from "../../routes/door.ts";
import { readSdf } from "../../chem/sdf.ts";
import { TOLD } from "../model/told_model.ts";
import { withApp } from "../routes/app_fixture.ts";
import { ROOT } from "../sources.ts";

// deno-lint-ignore no-explicit-any -- results of several methods
type Message = Record<string, any>;

/** The tester's own, but for what the service would read. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(Deno.env.toObject()).filter(([name]) => name !== "PORT" && !name.startsWith("MOLSTEP_")),
);

/** `deno task mcp` as a client starts it, from elsewhere. What it writes must be messages, a line each. */
function start(args: readonly string[], env: Record<string, string> = {}) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "--cwd", ROOT, "mcp", ...args],
    cwd: "/",
    clearEnv: true,
    env: { ...ENVIRONMENT, MOLSTEP_THREADS: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter(), encoder = new TextEncoder(), stderr = new Response(child.stderr).text();
  const heard: Message[] = [], waiting = new Map<number, (message: Message) => void>();
  const reading = (async () => {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const message = JSON.parse(line);
        assert.equal(message.jsonrpc, "2.0", line);
        heard.push(message);
        waiting.get(message.id)?.(message);
      }
    }
    assert.equal(rest, "");
  })();
  let last = 0, ending = false;
  // Who waits for a server that has gone hears of it.
  const gone = child.status.then(async ({ code }) => {
    if (!ending) throw new Error(`the server has ended with ${code}: ${await stderr}`);
    return new Promise<never>(() => {});
  });
  gone.catch(() => {});
  const tell = (message: Message) =>
    writer.write(encoder.encode(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`));
  const begin = (method: string, params: Message = {}) => {
    const id = ++last, { promise, resolve } = Promise.withResolvers<Message>();
    waiting.set(id, resolve);
    return { id, answer: tell({ id, method, params }).then(() => Promise.race([promise, gone])) };
  };
  const ask = async (method: string, params?: Message) => (await begin(method, params).answer).result;
  return {
    heard,
    tell,
    ask,
    call: (given: Message) => ask("tools/call", { name: "generate_molecules", arguments: given }) as Promise<Message>,
    begin: (given: Message) => begin("tools/call", { name: "generate_molecules", arguments: given }),
    async initialize() {
      const told = await ask("initialize", {
        protocolVersion: "2025-06-18",
        capabilities: {},
        clientInfo: { name: "test", version: "1" },
      });
      await tell({ method: "notifications/initialized" });
      return told;
    },
    /** Ends stdin. @returns exit status and what it says on stderr; Deno may speak there of locks. */
    async end() {
      ending = true;
      await writer.close();
      const { code } = await child.status;
      await reading;
      return { code, said: (await stderr).split("\n").filter((line) => line.startsWith("molstep mcp:")) };
    },
  };
}

Deno.test("molstep mcp draws by the shipped weights, and tells of a bad argument in the service's words", async () => {
  const server = start([]);
  const { serverInfo, capabilities } = await server.initialize();
  assert.equal(serverInfo.name, "molstep");
  assert.ok(capabilities.tools);
  assert.deepEqual(await server.ask("ping"), {});

  const { tools: [tool, ...others] } = await server.ask("tools/list");
  assert.deepEqual([tool.name, ...others.map(({ name }: Message) => name)], [
    "generate_molecules",
    "generate_conformers",
  ]);
  assert.deepEqual(tool.inputSchema.required, ["steps"]);
  assert.equal(tool.inputSchema.properties.count.maximum, 100);

  const drawn = await server.call({ count: 3, steps: 4, seed: 1 }),
    { structuredContent, content: [told, text] } = drawn;
  assert.deepEqual([structuredContent.returned, structuredContent.seed, structuredContent.model], [3, 1, "qm9"]);
  assert.match(
    told.text,
    /^3 of 3 molecules drawn, \d of them valid: model qm9, version \S+, 4 steps, sampler \S+, seed 1$/,
  );
  const valid = structuredContent.molecules.filter(({ valid }: Message) => valid);
  assert.ok(valid.length > 0);
  assert.equal(text.text, valid.map(({ smiles, index }: Message) => `${smiles}\t${index}\n`).join(""));
  assert.ok(!("positions" in structuredContent.molecules[0]) && !("sdf" in structuredContent.molecules[0]));

  const sdf = await server.call({ count: 3, steps: 4, seed: 1, text: "sdf" });
  assert.deepEqual(sdf.structuredContent.molecules, structuredContent.molecules);
  assert.equal(readSdf(sdf.content[1].text).length, 3);

  const { structuredContent: kept } = await server.call({ count: 6, steps: 4, seed: 1, filter: "sound" });
  assert.deepEqual([kept.drawn, kept.returned], [6, kept.molecules.length]);
  assert.ok(kept.returned > 0 && kept.molecules.every(({ sound, faults }: Message) => sound && faults.length === 0));

  const wanted = await server.call({ want: 2, steps: 4, seed: 1, where: { logP: { max: 1 }, forbidden: ["F"] } });
  const { structuredContent: { passed, rejected, drawn: all, molecules, ended } } = wanted;
  assert.deepEqual([passed, molecules.length, ended], [2, 2, "want"]);
  assert.equal(all, 2 + Object.values(rejected as Record<string, number>).reduce((sum, n) => sum + n, 0));
  assert.ok(molecules.every(({ values }: Message) => values.logP <= 1));
  assert.match(wanted.content[0].text, /; rejected \{.*\}; ended by want$/);

  const faults: [Message, RegExp][] = [
    [{ want: 101, steps: 4 }, /^Invalid request: \/want: .*100/],
    [{ steps: 4 }, /count or want must be given, and not both/],
    [
      { count: 1, steps: 4, where: { required: ["C1CC"] } },
      /\/where\/required\/0: must be SMARTS; got "C1CC": unclosed ring/,
    ],
    [{ count: 101, steps: 4 }, /^Invalid request: \/count: .*100/],
    [{ count: 1, steps: 4, molecules: 3 }, /^Invalid request: unknown key molecules; allowed are count, steps, /],
    [{ count: 1, steps: 4, atoms: 3, heavyAtoms: 3 }, /\/heavyAtoms: atoms and heavyAtoms exclude each other/],
    [{ count: 1, steps: 4, model: "zinc" }, /^Unknown model: there is no model zinc; there (is|are) .*qm9/],
    [{ count: 1, steps: 4, heavyAtoms: [5, 12] }, /^Impossible request: .*12/],
    [{ count: 1, steps: 3, sampler: "distilled" }, /^No weights distilled to these steps: /],
  ];
  for (const [given, words] of faults) {
    const { isError, content } = await server.call(given);
    assert.equal(isError, true);
    assert.match(content[0].text, words);
  }

  const conformers = await server.ask("tools/call", {
    name: "generate_conformers",
    arguments: { molecules: ["F/C=C/F", "CC.O"], count: 2, seed: 1, text: "sdf" },
  });
  const [one, two] = conformers.structuredContent.molecules;
  assert.deepEqual([one.smiles, one.conformers[0].weight, two.error.reason], ["F/C=C/F", 1, "fragments"]);
  assert.ok(!("symbols" in one) && !("positions" in one.conformers[0]));
  assert.match(
    conformers.content[0].text,
    /^1 conformers of 1 of 2 molecules by openchemlib, seed 1; molecule 1: must be one fragment/,
  );
  assert.equal(readSdf(conformers.content[1].text)[0].data.smiles, "F/C=C/F");
  for (
    const [given, words] of [
      [{ molecules: "C", count: 101 }, /^Invalid request: \/count: .*100/],
      [{ molecules: Array(101).fill("C") }, /^Impossible request: molecules must be at most 100 here; got 101/],
    ] as const
  ) {
    const { isError, content } = await server.ask("tools/call", { name: "generate_conformers", arguments: given });
    assert.equal(isError, true);
    assert.match(content[0].text, words);
  }
  // A call that is going on ends with its client.
  const { answer } = server.begin({ count: 100, steps: 1000 });
  answer.catch(() => {});
  assert.deepEqual(await server.end(), { code: 0, said: [] });
});

Deno.test("molstep mcp --url asks a service, cancels there what is cancelled here, and says what the service says", () =>
  withApp(async (app, { lines, queue }) => {
    const tokens = new Set<string | null>(), limits = { maxConnections: 9, headMs: 9000, bodyMs: 9000, writeMs: 9000 };
    const door = openDoor((request, ...more) => {
      tokens.add(request.headers.get("authorization"));
      return app.fetch(request, ...more);
    }, { hostname: "127.0.0.1", port: 0, ...limits });
    const options = ["--url", `http://127.0.0.1:${door.port}/`, "--max-count", "60"];
    const server = start(options, { MOLSTEP_TOKEN: "of-a-test" });
    try {
      await server.initialize();
      assert.equal((await server.ask("tools/list")).tools[0].inputSchema.properties.count.maximum, 60);
      const { structuredContent } = await server.call({ count: 2, steps: 2, seed: 3 });
      assert.deepEqual([structuredContent.backend, structuredContent.drawn], ["cpu", 2]);
      const about = { model: "told", count: 2, steps: 2, seed: 3, condition: { gap: 11 }, guidance: 2 };
      const { structuredContent: asked, content: [{ text }] } = await server.call(about);
      const warning = "gap 11 lies outside of the training data, 4 to 10 eV";
      assert.deepEqual([asked.condition, asked.guidance, asked.warnings], [{ gap: 11 }, 2, [warning]]);
      assert.ok(text.endsWith(`; warnings: ${warning}`), text);
      const untold = await server.call({ ...about, model: "qm9" });
      assert.match(untold.content[0].text, /model qm9 is told no properties: condition must be absent/);
      const { isError, content } = await server.call({ count: 60, steps: 1000 });
      assert.deepEqual([isError, content[0].text], [
        true,
        "Too much work: count x steps may be at most 50000 here; given are 60 x 1000 = 60000",
      ]);

      const long = server.begin({ count: 50, steps: 1000 });
      while (queue.held === 0) await wait(5);
      await server.tell({ method: "notifications/cancelled", params: { requestId: long.id } });
      while (queue.held > 0) await wait(5);
      const { outcome, count, drawn } = lines.findLast(({ message }) => message === "generation")!;
      assert.deepEqual([outcome, count], ["cancelled", 50]);
      assert.ok(Number(drawn) < 50);
      assert.equal((await server.call({ count: 1, steps: 1 })).structuredContent.drawn, 1);
      assert.ok(!server.heard.some(({ id }) => id === long.id));
      assert.deepEqual([...tokens], ["Bearer of-a-test"]);
      await door.close();
      const gone = await server.call({ count: 1, steps: 1 });
      assert.equal(gone.isError, true);
      assert.match(gone.content[0].text, /^No answer: http:/);
    } finally {
      door.abort();
      assert.deepEqual(await server.end(), { code: 0, said: [] });
      await door.close();
    }
  }, { maxWork: 50_000, models: [{}, TOLD] }));

Deno.test("openLocal() ends a draw whose signal is aborted, and draws on", async () => {
  const config = parseConfig({ MOLSTEP_BACKEND: "wasm", MOLSTEP_THREADS: "1" }), notes: string[] = [];
  const note = (message: string) => void notes.push(message);
  const source = openLocal(await listModels([shippedModels()]), { ...config, note });
  try {
    const request = (count: number, steps: number) => generateRequest.parse({ count, steps, seed: 1 });
    await source.draw(request(1, 1), new AbortController().signal);
    const gone = new AbortController(), since = performance.now();
    const long = assert.rejects(source.draw(request(100, 1000), gone.signal), { message: "enough" });
    setTimeout(() => gone.abort(new Error("enough")), 100);
    await long;
    assert.ok(performance.now() - since < 5000); // 100,000 molecule-steps take a minute
    const { molecules } = await source.draw(request(2, 4), new AbortController().signal);
    assert.equal(molecules.length, 2);
  } finally {
    source.close();
  }
  assert.deepEqual(notes, []);
});

Deno.test("askService() passes over what a newer service says more, and says what it cannot understand", () =>
  withApp(async (app) => {
    const request = generateRequest.parse({ count: 2, steps: 2, seed: 1, include: ["bonds"] });
    const init = { method: "POST", body: JSON.stringify(request), headers: { "Content-Type": "application/json" } };
    const own = await (await app.request("/generate", init)).json();
    let told: { status?: number; json: unknown } = { json: {} };
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => Response.json(told.json, { status: told.status }),
    );
    const source = askService(`http://127.0.0.1:${server.addr.port}`);
    const draw = () => source.draw(request, new AbortController().signal);
    try {
      /** The same with a field more in each object. */
      const more = (json: unknown): unknown =>
        Array.isArray(json)
          ? json.map(more)
          : json && typeof json === "object"
          ? { ...Object.fromEntries(Object.entries(json).map(([key, value]) => [key, more(value)])), novel: { x: 1 } }
          : json;
      told = { json: more(own) };
      assert.deepEqual(await draw(), own);
      const problem = {
        title: "Invalid request",
        status: 422,
        detail: "so many",
        errors: [{ path: "", message: "no" }],
      };
      told = { status: 422, json: more(problem) };
      await assert.rejects(draw(), { name: "RefusedError", message: "Invalid request: so many" });
      const { seed: _, ...without } = own;
      for (const json of [without, "no object", null]) {
        told = { json };
        await assert.rejects(draw(), {
          name: "RefusedError",
          message: /^Not understood: http:.* must answer as Molstep/,
        });
      }
    } finally {
      await server.shutdown();
    }
  }));

Deno.test("toolInput() says of each key what POST /generate says, but for the counts, and asks for no other", () => {
  const ours = z.toJSONSchema(toolInput(7), { io: "input" }).properties!;
  const { $defs } = z.toJSONSchema(generateRequest, { io: "input" });
  const { include, timeoutMs, count, want, ...theirs } = $defs!.GenerateRequest.properties!;
  assert.ok(include && timeoutMs);
  const { text, count: fewer, want: fewerWanted, ...same } = ours;
  assert.ok(text);
  assert.deepEqual(same, theirs);
  assert.deepEqual(fewer, { ...count as object, maximum: 7 });
  assert.deepEqual(fewerWanted, { ...want as object, maximum: 7 });
});
