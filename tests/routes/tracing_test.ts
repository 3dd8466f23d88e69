import assert from "node:assert/strict";
import { trace } from "@opentelemetry/api";
import { parentOf, traceRequest } from "../../routes/tracing.ts";
import { post, withApp } from "./app_fixture.ts";
import { ask, TOKEN } from "./jobs_fixture.ts";
import { problemSchema } from "../../routes/problem.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c", SPAN = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

Deno.test("parentOf() takes over a traceparent, and a malformed one for none (W3C Trace Context, section 3.2.2)", () => {
  const taken = trace.getSpanContext(parentOf(TRACEPARENT, "vendor=1"));
  assert.deepEqual([taken?.traceId, taken?.spanId, taken?.traceFlags, taken?.isRemote], [TRACE, SPAN, 1, true]);
  assert.equal(taken!.traceState!.get("vendor"), "1");
  assert.equal(trace.getSpanContext(parentOf(`cc-${TRACE}-${SPAN}-03-more`))?.traceId, TRACE); // a version to come
  for (
    const malformed of [
      undefined,
      "",
      "hello",
      `ff-${TRACE}-${SPAN}-01`,
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE}-${SPAN}-01-more`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}`,
      `00-${TRACE}-${SPAN}-1`,
    ]
  ) assert.equal(trace.getSpanContext(parentOf(malformed)), undefined, `${malformed}`);
});

Deno.test("traceRequest() passes the client's trace on where nobody traces, and makes none up", () => {
  const given = traceRequest((name) => name === "traceparent" ? TRACEPARENT : undefined);
  assert.deepEqual([given.traceId, given.traceparent], [TRACE, TRACEPARENT]);
  const none = traceRequest(() => undefined);
  assert.deepEqual([none.traceId, none.traceparent], [undefined, undefined]);
});

Deno.test("a request's trace id is in its lines of the log and in its problem document", () =>
  withApp(async (app, { lines }) => {
    assert.equal((await post(app, { count: 1, steps: 1 }, { traceparent: TRACEPARENT })).status, 200);
    assert.deepEqual(lines.map(({ message, traceId }) => [message, traceId]), [["generation", TRACE], [
      "request",
      TRACE,
    ]]);
    const refused = await post(app, { count: 0, steps: 1 }, { traceparent: TRACEPARENT });
    assert.equal(problemSchema.parse(await refused.json()).traceId, TRACE);
    const plain = await post(app, { count: 0, steps: 1 });
    assert.equal("traceId" in problemSchema.parse(await plain.json()), false);
  }));

Deno.test("a round's worker is told the trace of the request that asked for it, and none where it has none", () =>
  withApp(async (app, { supervisor }) => {
    const deviceOf = async (headers: Record<string, string>) => {
      const { id } = await (await ask(app, "POST", "/distill", { from: 8, updates: 5 }, headers)).json();
      while (supervisor.current) await new Promise((resolve) => setTimeout(resolve, 20));
      return (await (await ask(app, "GET", `/jobs/${id}`)).json()).device;
    };
    const Authorization = `Bearer ${TOKEN}`;
    assert.equal(await deviceOf({ Authorization, traceparent: TRACEPARENT }), TRACEPARENT);
    assert.equal(await deviceOf({ Authorization }), "paper");
  }, { adminToken: TOKEN, script: { act: "fail" } }));
