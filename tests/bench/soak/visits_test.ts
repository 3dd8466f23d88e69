/** That a soak sees it where a service does not do as it must. */
import assert from "node:assert/strict";
import { load } from "../../../bench/soak/clients.ts";
import { judgeCut, type Life } from "../../../bench/soak/keeper.ts";
import { again, type Reference, same } from "../../../bench/soak/references.ts";
import { createTally } from "../../../bench/soak/tally.ts";
import { allow, Broken, visit } from "../../../bench/soak/visits.ts";

/** Runs a test with a server of this handler, and what visits go by. */
async function withServer(
  handler: (request: Request) => Response | Promise<Response>,
  work: (
    stage: { scene: Parameters<typeof load>[0]; life: Life; tally: ReturnType<typeof createTally> },
  ) => Promise<void>,
): Promise<void> {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {}, onError: () => new Response() },
    handler,
  );
  const url = `http://127.0.0.1:${server.addr.port}`, tally = createTally(), over = new AbortController();
  const life = { number: 1, url, process: { token: "a-token" } } as Life;
  try {
    const keeper = { up: () => Promise.resolve(life) };
    const scene = { keeper, tally, model: "qm9", shutdownSeconds: 1, patienceSeconds: 1, over: over.signal };
    setTimeout(() => over.abort(), 200);
    await work({ scene, life, tally });
  } finally {
    over.abort();
    await server.shutdown();
  }
}

const REFERENCE: Reference = { form: "sdf", body: { count: 2, steps: 1, seed: 1 }, text: "ab\n" };

Deno.test("load() finds fault with each client of a service that answers everything alike", () =>
  withServer(() => new Response("ab\n", { status: 500 }), async ({ scene, tally }) => {
    await load(scene, [REFERENCE], 1, 0);
    const { requests, faults } = tally.totals;
    assert.ok(faults.count >= 13, `${faults.count} faults`);
    for (const kind of ["reader", "repeater", "slow reader", "nonsense", "greedy", "looker"]) {
      const own = Object.entries(requests).filter(([name]) => name.startsWith(kind));
      assert.ok(own.length > 0 && own.every(([, of]) => of.fault > 0 && of[500] === undefined), kind);
      assert.ok(faults.first.some((one) => one.includes(` s: ${kind}`)), kind);
    }
  }));

Deno.test("visit() takes a cut answer for a fault, unless the service was killed; then it counts what was lost", () =>
  withServer(() =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          controller.enqueue(new Uint8Array(10));
          await new Promise((resolve) => setTimeout(resolve, 20));
          controller.error(new Error("cut"));
        },
      }),
    ), async ({ scene, life, tally }) => {
    const read = () =>
      visit(scene, "reader", async ({ url, begin }) => {
        const response = await fetch(url);
        begin(5);
        await response.text();
        return 200;
      });
    assert.equal(await read(), "fault");
    assert.deepEqual(tally.totals.lost, { requests: 0, molecules: 0 });
    life.ending = { signal: "SIGKILL", at: performance.now() };
    assert.equal(await read(), "cut by a kill");
    assert.deepEqual([tally.totals.lost, tally.totals.faults.count], [{ requests: 1, molecules: 5 }, 1]);
    // Nothing excuses a wrong answer.
    const broken = () => Promise.reject(new Broken("a molecule is missing"));
    assert.equal(await visit(scene, "reader", broken), "fault");
    assert.deepEqual(tally.totals.requests.reader, { fault: 2, "cut by a kill": 1 });
  }));

Deno.test("again() and same() hold that the bytes are those of before", () =>
  withServer(
    ({ headers }) => new Response(headers.get("x-forwarded-for") === "1" ? "ab\n" : "aX\n"),
    async ({ scene }) => {
      const draw = (address: string) => visit(scene, "repeater", (one) => again(REFERENCE, one, address));
      assert.equal(await draw("1"), 200);
      assert.equal(await draw("2"), "fault");
      assert.match(scene.tally.totals.faults.first[0], /must be as before; byte 1 of 3 and 3: "ab\\n" and "aX\\n"/);
      same(REFERENCE, "ab\n");
      assert.throws(() => same(REFERENCE, "ab"), Broken);
    },
  ));

Deno.test("allow() refuses other statuses, and 429 and 503 that do not say when to come again", async () => {
  await allow(new Response("", { status: 200 }), 200, 503);
  await allow(new Response("", { status: 503, headers: { "Retry-After": "2" } }), 503);
  await assert.rejects(allow(new Response("why", { status: 507 }), 200, 503), /200 or 503; got 507: why/);
  for (const headers of [{}, { "Retry-After": "soon" }, { "Retry-After": "0" }]) {
    await assert.rejects(allow(new Response("", { status: 429, headers: headers as HeadersInit }), 429), Broken);
  }
});

Deno.test("judgeCut() excuses what a kill cut, and of a drain what came too late or took too long", () => {
  const term = { ending: { signal: "SIGTERM", at: 10_000 } } as const;
  const cut = (life: Parameters<typeof judgeCut>[0], asked: number, begun: boolean, now: number) =>
    judgeCut(life, { asked, begun, shutdownSeconds: 20, now });
  assert.equal(cut({}, 9000, false, 11_000), "fault");
  assert.equal(cut({ ending: { signal: "SIGKILL", at: 10_000 } }, 9000, true, 10_001), "cut by a kill");
  assert.equal(cut(term, 11_000, false, 11_500), "not taken any more");
  assert.equal(cut(term, 9000, false, 11_500), "not taken any more"); // it may not have been accepted when the signal came
  assert.equal(cut(term, 9000, true, 11_500), "fault");
  assert.equal(cut(term, 5000, false, 11_500), "fault");
  assert.equal(cut(term, 5000, true, 30_001), "cut by the end of a drain");
});
