/** What a worker of rounds does: it claims rounds, one after the other, and has each trained by a process of this machine. */
import { join } from "node:path";
import { asleep } from "../../../../chem/breathe.ts";
import { digestIfThere } from "../../../../chem/data_sets.ts";
import { z } from "zod";
import { lockFolder } from "../../../diffusion/lock.ts";
import { VERSION } from "../../../models/version.ts";
import { MOST_RESTARTS } from "../supervisor.ts";
import { follow } from "./follow.ts";
import { holdingOf } from "./holding.ts";
import { fetchFiles, keeperOf } from "./kept_files.ts";
import { type KeptRecord, NO_DATA, type RoundRecord, roundRecord } from "./record.ts";
import type { RoundWorkOptions } from "./work_options.ts";

/** The folder of a claim, in that where a worker trains. */
const CLAIM = /^[0-9a-f-]{36}-\d+$/;

/** Within it, that of the round itself: its process locks it, as the worker does the one around it. */
const ROUND = "round";

/** Removes what workers left that were killed; not what is some process's. */
function sweep(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const { name } of Deno.readDirSync(folder)) {
    const home = join(folder, name);
    if (!CLAIM.test(name)) continue;
    try {
      for (const one of [home, join(home, ROUND)]) lockFolder(one).release();
      Deno.removeSync(home, { recursive: true });
    } catch { /* it is in use */ }
  }
}

/** Works until the signal is aborted. */
export async function workRounds(options: RoundWorkOptions): Promise<void> {
  const { folder, exchange, signal, pollMs = 1000, refuseMs = 30_000, digest = digestIfThere, onNote } = options;
  sweep(folder);
  const digests = new Map<string, Promise<string>>(), refused = new Map<string, number>();
  /** What there is of a data set; it is read once. */
  const dataOf = (name: string): Promise<string> => {
    if (!digests.has(name)) digests.set(name, digest(name).then((found) => found ?? NO_DATA));
    return digests.get(name)!;
  };
  /** Says why this worker leaves a round to others, and does, for a while. */
  const refuse = async (job: string, value: RoundRecord, revision: number, why: string): Promise<void> => {
    refused.set(job, performance.now() + refuseMs);
    const reason = `${options.name} cannot give it: ${why}`;
    onNote?.("warn", "round refused", { job, why });
    if (value.reason !== reason) await exchange.put(job, { ...value, reason }, revision);
  };
  /** Claims a round, where it is for this worker. */
  const claim = async (job: string): Promise<KeptRecord | undefined> => {
    const kept = await exchange.get(job);
    if (!kept || (refused.get(job) ?? 0) > performance.now()) return undefined;
    const read = roundRecord.safeParse(kept.value);
    if (!read.success) {
      // Of a service whose records have more to say, or less; its own fields stay as they are.
      const told = kept.value as RoundRecord;
      return void (told.state === "offered" &&
        await refuse(job, told, kept.revision, `the record cannot be read: ${z.prettifyError(read.error)}`));
    }
    const record = read.data;
    if (record.state !== "offered" || record.stop || record.tries >= MOST_RESTARTS) return undefined;
    const data = await dataOf(record.order.dataSet), fault = faultOf(record, data);
    if (fault) return void await refuse(job, record, kept.revision, fault);
    const mine: RoundRecord = {
      ...record,
      ...{ state: "claimed", claim: record.claim + 1, token: crypto.randomUUID(), worker: options.name },
      ...{ beat: 0, data, tries: record.tries + 1, reason: null },
    };
    const revision = await exchange.put(job, mine, kept.revision);
    return revision === undefined ? undefined : { record: mine, revision };
  };
  for (let fault = ""; !signal.aborted;) {
    try {
      for (const job of await exchange.jobs()) {
        const claimed = signal.aborted ? undefined : await claim(job);
        if (claimed && !await trained(claimed, options)) refused.set(job, performance.now() + refuseMs);
      }
      fault = "";
      await asleep(pollMs, signal);
    } catch (error) {
      const { message } = error as Error;
      if (message !== fault) onNote?.("warn", "rounds", { error: fault = message });
      await asleep(5 * pollMs, signal);
    }
  }
}

/** Why a worker with this data cannot give what is ordered; undefined where it can. */
function faultOf({ order, data: wanted }: RoundRecord, data: string): string | undefined {
  const { version, dataSet } = order;
  if (version !== VERSION) return `version must be ${version}; this worker is of ${VERSION}`;
  if (wanted === null || wanted === data) return undefined;
  const words = (digest: string) => digest === NO_DATA ? "not there" : `of SHA-256 ${digest}`;
  return `the data set ${dataSet} must be ${words(wanted)}; this worker's is ${words(data)}`;
}

/** Has a claimed round trained to its end, or until it is lost. @returns false where this worker could not begin */
async function trained(claimed: KeptRecord, options: RoundWorkOptions): Promise<boolean> {
  const { files, folder, name, onNote } = options, { record } = claimed, { order, claim } = record;
  const home = join(folder, `${order.job}-${claim}`),
    round = join(home, ROUND),
    held = holdingOf(options.exchange, claimed);
  onNote?.("info", "round claimed", { job: order.job, claim });
  /** Gives it back. @param tries claims in vain, this one included or not */
  const release = (reason: string, tries: number) =>
    held.change({ state: "offered", token: "", reason, tries }).catch(() => false); // the lease ends by itself
  let lock: ReturnType<typeof lockFolder> | undefined;
  try {
    lock = lockFolder(home);
    await Deno.mkdir(round, { recursive: true });
    await fetchFiles(files, round, record.files);
  } catch (error) {
    lock?.release();
    await Deno.remove(home, { recursive: true }).catch(() => {});
    await release(`${name} cannot begin it: ${(error as Error).message}`, record.tries - 1);
    onNote?.("warn", "round given back", { job: order.job, error: String(error) });
    return false;
  }
  try {
    const keeper = await keeperOf({ files, folder: round, begin: `${order.job}-${record.token}`, kept: record.files });
    await follow({ ...options, held, keeper, folder: round, release });
  } finally {
    lock.release();
    await Deno.remove(home, { recursive: true }).catch(() => {});
  }
  return true;
}
