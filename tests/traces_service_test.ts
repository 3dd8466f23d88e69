/** The service as an operator runs it with traces: one start, what it exports over OTLP, and what it measures of the process. */
import assert from "node:assert/strict";
import { startService } from "../bench/service_process.ts";
import { STAGES } from "../model/generation/stages.ts";
import { withFolder, writeTinyModel } from "./model/tiny_model.ts";
import { readMetrics } from "./routes/metrics_text.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c", SPAN = "b7ad6b7169203331";

/** A span, as far as it is looked at. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
}

/** A receiver of OTLP over HTTP, in JSON, on a free port of the loopback. */
function receive() {
  const spans: Span[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.json();
    for (const { scopeSpans } of body.resourceSpans ?? []) {
      for (const scope of scopeSpans) if (scope.scope.name === "molstep") spans.push(...scope.spans);
    }
    return Response.json({});
  });
  return { spans, server, endpoint: `http://127.0.0.1:${server.addr.port}` };
}

Deno.test("a service started with OTEL_DENO, with the permissions of deno task start, exports a request's span and its stages, in the client's trace; and watches its own loop", () =>
  withFolder(async (root) => {
    await writeTinyModel(root);
    const { spans, server, endpoint } = receive();
    const lines: string[] = [];
    const service = await startService({
      ...{ root, model: "qm9", backend: "cpu", launched: true },
      variables: {
        MOLSTEP_OPEN_SCOPES: "generate,read",
        OTEL_DENO: "true",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_METRICS_EXPORTER: "none",
        OTEL_BSP_SCHEDULE_DELAY: "100",
      },
      onLine: (line) => lines.push(line),
    });
    try {
      const response = await fetch(`${service.url}/generate`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          Accept: "application/x-ndjson",
          traceparent: `00-${TRACE}-${SPAN}-01`,
        },
        body: JSON.stringify({ count: 3, steps: 2, seed: 1 }),
      });
      assert.equal((await response.text()).trim().split("\n").length, 3);

      const metrics = readMetrics(await (await fetch(`${service.url}/metrics`)).text());
      assert.ok(metrics.value("molstep_connections")! >= 1);
      assert.ok(metrics.value("molstep_event_loop_lag_seconds_count")! > 5);
      assert.ok(metrics.value("molstep_event_loop_lag_max_seconds")! > 0);
      assert.ok(metrics.value("process_resident_memory_bytes")! > 5e7);
      assert.equal(metrics.value("molstep_molecule_steps_total", { model: "qm9" }), 6);

      await service.stop();
      assert.equal((await service.ended).code, 0);
      const own = spans.filter(({ traceId }) => traceId === TRACE);
      const [request] = own.filter(({ name }) => name === "POST /generate");
      assert.equal(request?.parentSpanId, SPAN, JSON.stringify(spans.map(({ name }) => name)));
      assert.equal(request.kind, 2); // of a server
      const told = Object.fromEntries(request.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
      assert.deepEqual([told["http.route"], Number(told["http.response.status_code"])], ["/generate", 200]);
      for (const stage of STAGES) {
        const found = own.filter(({ name }) => name === stage);
        assert.ok(found.length > 0, stage);
        for (const { parentSpanId, startTimeUnixNano: from, endTimeUnixNano: to } of found) {
          assert.equal(parentSpanId, request.spanId);
          // Within the request's own time, to the accuracy of the clocks.
          assert.ok(BigInt(from) >= BigInt(request.startTimeUnixNano) - 5_000_000n, stage);
          assert.ok(BigInt(from) <= BigInt(to) && BigInt(to) <= BigInt(request.endTimeUnixNano) + 5_000_000n, stage);
        }
      }
      assert.ok(lines.some((line) => line.includes('"generation"') && line.includes(TRACE)));
      // Whoever brings no trace begins one.
      assert.ok(spans.some(({ name, parentSpanId }) => name === "GET /metrics" && parentSpanId === ""));
    } finally {
      await service.stop("SIGKILL");
      await server.shutdown();
    }
  }));
