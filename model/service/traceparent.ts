/** The variable that tells a worker the trace that it belongs to (W3C Trace Context, as `traceparent`). */
export const TRACEPARENT = "TRACEPARENT";
