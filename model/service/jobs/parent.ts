/** A worker's side of its talk with the service that started it; the service's is `worker.ts`. */
import type { RoundEvent } from "../../distillation/events.ts";
import type { RoundOptions } from "../../distillation/round.ts";
import { readLines } from "./lines.ts";

/** How a worker hears and speaks. */
export interface ParentOptions {
  /** What the service says: `pause` and `resume`, a line each. Its end ends the round. */
  readonly input: ReadableStream<Uint8Array>;
  /** Takes text for the service. */
  readonly output: (text: string) => void;
  /** Stops the round, as the end of the input does. */
  readonly signal: AbortSignal;
}

/** Tells a round's events as JSON lines, and lets it wait and stop as the service says. */
export function talkToParent(
  { input, output, signal }: ParentOptions,
): Required<Pick<RoundOptions, "onEvent" | "gate" | "signal">> {
  const stop = new AbortController();
  let waiting: PromiseWithResolvers<void> | undefined;
  const goOn = () => {
    waiting?.resolve();
    waiting = undefined;
  };
  const leave = () => {
    stop.abort();
    goOn();
  };
  signal.addEventListener("abort", leave);
  (async () => {
    for await (const line of readLines(input)) {
      if (line === "pause") waiting ??= Promise.withResolvers<void>();
      else if (line === "resume") goOn();
    }
    leave(); // whoever started the round is gone
  })();
  return {
    onEvent: (event: RoundEvent) => output(JSON.stringify(event) + "\n"),
    gate: () => waiting?.promise,
    signal: stop.signal,
  };
}
