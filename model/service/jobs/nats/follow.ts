/** A worker's round while it runs: its events are told, its checkpoints kept, and what the service wants of it done. */
import { asleep } from "../../../../chem/breathe.ts";
import type { RoundEvent } from "../../../distillation/events.ts";
import type { RunningRound } from "../runner.ts";
import type { Holding } from "./holding.ts";
import type { Keeper } from "./kept_files.ts";
import type { RoundWorkOptions } from "./work_options.ts";

/** What there is of the round. */
interface FollowOptions extends RoundWorkOptions {
  readonly held: Holding;
  readonly keeper: Keeper;
  /** Where it is trained. */
  readonly folder: string;
  /** Gives it back. @param tries claims in vain, this one included or not */
  readonly release: (reason: string, tries: number) => Promise<boolean>;
}

/** Events that wait to be told, beyond which those of progress are left out. */
const MOST_WAITING = 100;

/** Milliseconds before a call is tried again that the exchange, or files, did not answer. */
const AGAIN_MS = 2000;

/** Events that end a round: the record tells them, so that one that is killed before it has kept all has not ended. */
const isLast = ({ type }: RoundEvent) => type === "finished" || type === "stopped" || type === "failed";

/** Reads events at once, so that the process never waits for the network; of progress one now and then. */
function waitingEvents(events: RunningRound["events"], progressMs: number) {
  const waiting: RoundEvent[] = [];
  let over = false, told = -Infinity, wake = () => {};
  const read = (async () => {
    for await (const event of events) {
      const progress = event.type === "progress";
      if (progress && (performance.now() - told < progressMs || waiting.length > MOST_WAITING)) continue;
      if (progress) told = performance.now();
      waiting.push(event);
      wake();
    }
  })().finally(() => {
    over = true;
    wake();
  });
  return {
    read,
    async *[Symbol.asyncIterator]() {
      while (true) {
        const next = waiting.shift();
        if (next) yield next;
        else if (over) return;
        else await new Promise<void>((resolve) => wake = resolve);
      }
    },
  };
}

/** Follows a round to its end, or until it is lost; then its process is killed. */
export async function follow(options: FollowOptions): Promise<void> {
  const { held, keeper, folder, runner, exchange, signal, release, name, onNote } = options;
  const { pollMs = 1000, progressMs = 2000 } = options, { order: { job, lease, ...order }, claim } = held.record;
  const { settings, limits, traceparent } = order, beatMs = 1000 * lease / 5;
  const run = runner.start({ id: job, settings, limits, heard: null, folder, traceparent });
  const onStop = () => run.stop(), onLost = () => run.kill();
  signal.addEventListener("abort", onStop, { once: true });
  held.lost.addEventListener("abort", onLost, { once: true });
  if (signal.aborted) onStop();
  let stopped = false, looks = false;
  const looking = setInterval(async () => {
    if (looks) return;
    looks = true;
    await held.look(beatMs).catch(() => {}); // the server is away: it is trained on
    looks = false;
    if (!held.record.stop || stopped) return;
    stopped = true;
    run.stop();
  }, pollMs);
  /** Does what has to be done before anything else is told, however long that takes. @throws what ended it where it can wait no longer */
  const surely = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    while (true) {
      try {
        held.lost.throwIfAborted();
        return await work();
      } catch (error) {
        if (held.lost.aborted || signal.aborted) throw error;
        onNote?.("warn", what, { job, error: String(error) });
        await asleep(AGAIN_MS, held.lost);
      }
    }
  };
  const keep = (more: Parameters<Holding["change"]>[0] = {}) =>
    surely("checkpoint", async () => {
      const before = held.record.files, files = await keeper.keep();
      if (!await held.change({ files, ...more })) return;
      const named = new Set(files.map(({ stored }) => stored));
      for (const { stored } of before) if (!named.has(stored)) await options.files.remove(stored).catch(() => {});
    });
  const events = waitingEvents(run.events, progressMs);
  let told = 0, last: RoundEvent | undefined;
  try {
    for await (const event of events) {
      if (isLast(event)) {
        last = event;
        continue;
      }
      if (event.type === "saved") {
        await keep(event.update > held.record.reached ? { reached: event.update, tries: 0 } : {});
      }
      await surely("event", () => exchange.tell(job, { claim, number: told + 1 }, event));
      told++;
    }
    const why = await run.ended;
    if (held.lost.aborted) return;
    const { tries } = held.record;
    if (!last) await release(`${name}: ${why}`, tries);
    else if (last.type === "stopped" && !held.record.stop) await release(`${name} was stopped`, Math.max(0, tries - 1));
    else await keep({ state: "ended", token: "", end: { event: last, why } });
    onNote?.("info", "round ended", { job, claim, last: last?.type ?? why });
  } catch (error) {
    onNote?.("warn", "round lost", { job, claim, error: String(error) });
  } finally {
    clearInterval(looking);
    signal.removeEventListener("abort", onStop);
    held.lost.removeEventListener("abort", onLost);
    run.kill();
    await run.ended;
    await events.read;
  }
}
