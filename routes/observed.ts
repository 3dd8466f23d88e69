/** What a generation tells the log, the metrics and the request's trace, whatever route it is drawn for. */
import type { Context } from "hono";
import type { ServedDrawing, ServeOptions } from "../model/service/generate.ts";
import type { Deps, Env } from "./deps.ts";

/**
 * Begins a generation that is heard. The request's span lasts until the generation ends.
 *
 * @param begin with these hooks
 */
export async function observed(
  c: Context<Env>,
  { log, meters }: Pick<Deps, "log" | "meters">,
  model: string,
  begin: (hooks: Pick<ServeOptions, "onStage" | "onSteps" | "onEnd">) => Promise<ServedDrawing>,
): Promise<ServedDrawing> {
  const requestId = c.get("requestId"), trace = c.get("trace"), release = trace?.hold();
  try {
    return await begin({
      onStage(stage) {
        meters?.stage(stage);
        trace?.stage(stage);
      },
      onSteps: (done) => meters?.steps(model, done),
      onEnd(end) {
        log(end.outcome === "failed" ? "error" : "info", "generation", { requestId, traceId: trace?.traceId, ...end });
        meters?.generation(end);
        release?.();
      },
    });
  } catch (error) {
    release?.();
    throw error;
  }
}
