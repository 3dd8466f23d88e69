/** A round that a worker has: its record, for as long as nobody else has it. */
import type { RoundExchange } from "./exchange.ts";
import { type KeptRecord, type RoundRecord, roundRecord } from "./record.ts";

/** See above. */
export interface Holding {
  readonly record: RoundRecord;
  /** Aborted when the round is another's, or forgotten. */
  readonly lost: AbortSignal;
  /** Changes the record. @returns whether it still was this worker's */
  change(values: Partial<RoundRecord>): Promise<boolean>;
  /** Looks what the service wants; a heartbeat, too, where none has been told for that long. */
  look(beatMs: number): Promise<void>;
}

/** Holds a round by the record that claimed it. Its calls throw what the exchange's do. */
export function holdingOf(exchange: Pick<RoundExchange, "get" | "put">, claimed: KeptRecord): Holding {
  const { order: { job }, token } = claimed.record, over = new AbortController();
  let { record, revision } = claimed, beaten = performance.now(), last: Promise<unknown> = Promise.resolve();
  /** One call after the other: each sees the revision of the one before. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next.catch(() => {});
    return next;
  };
  /** Reads the record anew. @returns whether it is this worker's */
  const read = async (): Promise<boolean> => {
    const kept = over.signal.aborted ? undefined : await exchange.get(job), found = roundRecord.safeParse(kept?.value);
    if (kept && found.success && found.data.token === token && found.data.state === "claimed") {
      ({ record, revision } = { record: found.data, revision: kept.revision });
      return true;
    }
    over.abort(new DOMException("the round is another's, or over", "AbortError"));
    return false;
  };
  const put = async (values: Partial<RoundRecord>): Promise<boolean> => {
    // Where it is not replaced the service has said something meanwhile.
    for (let mine = true; mine; mine = await read()) {
      const fresh = { ...record, ...values }, next = await exchange.put(job, fresh, revision);
      if (next === undefined) continue;
      ({ record, revision } = { record: fresh, revision: next });
      beaten = performance.now();
      return true;
    }
    return false;
  };
  return {
    get record() {
      return record;
    },
    lost: over.signal,
    change: (values) => inTurn(() => over.signal.aborted ? Promise.resolve(false) : put(values)),
    look: (beatMs) =>
      inTurn(async () => {
        if (await read() && performance.now() - beaten > beatMs) await put({ beat: record.beat + 1 });
      }),
  };
}
