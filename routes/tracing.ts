/**
 * Traces, by OpenTelemetry's interface. Who implements it is Deno itself, where it is started with `OTEL_DENO=true`; else spans are nothing, and
 * what is left is the trace id that the client gave (W3C Trace Context).
 */
import {
  type Attributes,
  type Context,
  context,
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { Stage } from "../model/generation/stages.ts";
import { VERSION } from "../model/models/version.ts";

const tracer = () => trace.getTracer("molstep", VERSION);

/** Milliseconds of `performance.now()` as OpenTelemetry has times: since 1970. */
const since1970 = (ms: number) => performance.timeOrigin + ms;

/**
 * Where a trace goes on that somebody began: the `traceparent` and `tracestate` of W3C Trace Context. What is malformed counts as absent, as
 * the recommendation has it (section 3.2.2); of versions to come what version 00 has is read.
 */
export function parentOf(traceparent: string | undefined, tracestate?: string): Context {
  const [, version, traceId, spanId, flags, more] =
    /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(traceparent?.trim() ?? "") ?? [];
  const none = version === undefined || version === "ff" || /^0+$/.test(traceId) || /^0+$/.test(spanId);
  if (none || (version === "00" && more !== undefined)) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: parseInt(flags, 16) & 1,
    isRemote: true,
    ...(tracestate && { traceState: createTraceState(tracestate) }),
  });
}

/** `traceparent` of a span's context; undefined where there is no trace. */
function traceparentOf(within: Context): string | undefined {
  const span = trace.getSpanContext(within);
  if (!span || /^0*$/.test(span.traceId)) return undefined;
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, "0")}`;
}

/** A request's part of a trace: a span, and spans of what is done for it. */
export interface RequestTrace {
  /** Absent where the client gave none and nobody traces. */
  readonly traceId: string | undefined;
  /** For whoever works on it elsewhere. */
  readonly traceparent: string | undefined;
  /** Runs work as the request's, so that what is fetched or logged meanwhile belongs to it. */
  run<T>(work: () => T): T;
  /** A stage that is over. */
  readonly stage: (stage: Stage) => void;
  /** Something goes on after the answer has begun: the span ends when that does. @returns to be called at its end */
  hold(): () => void;
  /** Ends the span, or lets it end with what is held. */
  end(answer: { readonly method: string; readonly route: string | undefined; readonly status: number }): void;
}

/** Begins a request's part of a trace. */
export function traceRequest(header: (name: string) => string | undefined): RequestTrace {
  const parent = parentOf(header("traceparent"), header("tracestate"));
  const span = tracer().startSpan("request", { kind: SpanKind.SERVER }, parent), within = trace.setSpan(parent, span);
  const traceparent = traceparentOf(within);
  let held = 1;
  const release = () => {
    if (--held === 0) span.end();
  };
  return {
    traceId: traceparent?.split("-")[1],
    traceparent,
    run: (work) => context.with(within, work),
    stage({ name, from, to, molecules }) {
      const attributes = molecules > 0 ? { "molstep.molecules": molecules } : {};
      tracer().startSpan(name, { startTime: since1970(from), attributes }, within).end(since1970(to));
    },
    hold() {
      held++;
      let once = true;
      return () => {
        if (once) release();
        once = false;
      };
    },
    end({ method, route, status }) {
      span.updateName(route === undefined ? method : `${method} ${route}`);
      span.setAttributes({
        "http.request.method": method,
        "http.response.status_code": status,
        ...(route !== undefined && { "http.route": route }),
      });
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      release();
    },
  };
}

/** Begins a span of the trace that `traceparent` names, or of a new one. @returns ends it */
export function beginSpan(name: string, traceparent: string | undefined, attributes: Attributes): () => void {
  const span = tracer().startSpan(name, { attributes }, parentOf(traceparent));
  return () => span.end();
}
