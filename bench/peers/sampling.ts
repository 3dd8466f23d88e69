/** Molecules a second from the first draw to the last: the peers' own samplers, and our service. */
import { dirname } from "node:path";
import type { ModelEntry } from "../../model/models/load.ts";
import type { RuntimeName } from "../../model/engines/runtimes.ts";
import { type ServiceProcess, startService } from "../service_process.ts";
import { type Candidate, median, pairedRatio, spread, takeTurns } from "../statistics.ts";
import type { SubjectProcess } from "../subject_process.ts";
import type { Result, Row } from "../table.ts";
import { message, type Rounds } from "../throughput.ts";
import { type Peer, PEERS, type PeerSubject, startPeer } from "./process.ts";

/** What to measure. */
interface SamplingBench extends Rounds {
  readonly python: string;
  /** Those measured, and how many steps they would take. The first is what ratios are to, at the first of its steps. */
  readonly peers: readonly (PeerSubject & { readonly each: readonly number[] })[];
  /** Molecules of a peer's batch, and how many of its steps are timed. */
  readonly peerBatch: number;
  readonly peerSteps: number;
  readonly entry: ModelEntry;
  readonly backends: readonly RuntimeName[];
  readonly steps: readonly number[];
  /** Of a request of ours. */
  readonly molecules: number;
}

/** Seconds that a peer's sampler took. */
interface Timed {
  /** For no step: the draw of noise, the call at z_0 and the decoder. */
  readonly rest: number;
  /** For `steps` steps and the rest. */
  readonly whole: number;
  readonly steps: number;
}

/**
 * Seconds that the sampler would take for so many steps, as all of its steps cost the same.
 *
 * @throws RangeError where the steps took no longer than none
 */
export function secondsFor(steps: number, { rest, whole, steps: timed }: Timed): number {
  if (!(whole > rest)) throw new RangeError(`${timed} steps took ${whole} s, and what surrounds them ${rest} s`);
  return rest + steps * (whole - rest) / timed;
}

/** A row's name, and its rates by round or why there are none. */
interface Line {
  readonly name: Row;
  rates: number[] | Error;
  readonly note: string;
}

/** A peer: one candidate, and a line each number of steps. */
function ofPeer(
  { peer, each }: SamplingBench["peers"][number],
  process: SubjectProcess,
  { peerBatch: batch, peerSteps }: SamplingBench,
): { candidate: Candidate; lines: Line[] } {
  const lines = each.map((steps): Line => ({
    name: { of: PEERS[peer], on: "PyTorch", steps },
    rates: [],
    note: `${peerSteps} steps timed, batch ${batch}`,
  }));
  const seconds = async (steps: number) => {
    const { seconds, calls } = await process.measure({ batch, what: `sample ${steps}`, seconds: 0 });
    return seconds / calls;
  };
  return {
    lines,
    candidate: {
      name: PEERS[peer],
      async round() {
        const timed = { rest: await seconds(0), whole: await seconds(peerSteps), steps: peerSteps };
        const rates = each.map((steps) => batch / secondsFor(steps, timed));
        lines.forEach((line, k) => (line.rates as number[]).push(rates[k]));
        return rates[0];
      },
    },
  };
}

/** Our service: a candidate and a line each number of steps. */
function ofService(backend: string, service: ServiceProcess, { steps, molecules }: SamplingBench) {
  return steps.map((steps) => {
    const line: Line = {
      name: { of: "Molstep", on: backend, steps },
      rates: [],
      note: `POST /generate of ${molecules}, with bonds and validation`,
    };
    let seed = 1;
    const candidate: Candidate = {
      name: `Molstep ${backend} ${steps}`,
      async round() {
        const started = performance.now();
        const { returned } = await service.generate({ count: molecules, steps, seed: seed++ });
        if (returned !== molecules) throw new Error(`${molecules} molecules asked, ${returned} came`);
        const rate = 1000 * returned / (performance.now() - started);
        (line.rates as number[]).push(rate);
        return rate;
      },
    };
    return { candidate, lines: [line] };
  });
}

/** A line's row: its ratio to the first line, and to AccGeoLDM at the same number of steps. */
function rowOf({ name, rates, note }: Line, all: readonly Line[], rounds: number): Row {
  const [base] = all, student = all.find((one) => one.name.of === PEERS.accgeoldm && one.name.steps === name.steps);
  const to = (line: Line | undefined) => {
    const other = line && complete(line.rates, rounds);
    return own && other ? pairedRatio(own, other) : null;
  };
  const own = complete(rates, rounds);
  return {
    ...name,
    "molecules/s": own ? median(own) : null,
    spread: own ? spread(own) : null,
    ratio: to(base),
    "to AccGeoLDM": to(student),
    note: rates instanceof Error ? message(rates) : name === base.name ? `${note}; ratios are to this row` : note,
  };
}

/** The rates, if they are of all rounds. */
const complete = (rates: Line["rates"], rounds: number) =>
  rates instanceof Error || rates.length < rounds ? undefined : rates;

/** Measures. What does not work here gets a row that says why. */
export async function benchSampling(options: SamplingBench): Promise<Result> {
  const { python, peers, entry, backends, steps, molecules, rounds, limit } = options;
  const found: { candidate: Candidate; lines: Line[] }[] = [], absent: Line[] = [], why: Record<string, string> = {};
  const open: { stop(): Promise<void> }[] = [];
  try {
    for (const { each, ...subject } of peers) {
      try {
        const process = await startPeer(python, subject, 2 * limit);
        open.push({ stop: () => process.close() });
        why[PEERS[subject.peer]] = process.why;
        const one = ofPeer({ ...subject, each }, process, options);
        await process.measure({ batch: options.peerBatch, what: "sample 0", seconds: 0 });
        found.push(one);
      } catch (rates) {
        absent.push({ name: { of: PEERS[subject.peer], on: "PyTorch", steps: null }, rates: rates as Error, note: "" });
      }
    }
    for (const backend of backends) {
      try {
        const service = await startService({ root: dirname(entry.folder), model: entry.name, backend });
        open.push(service);
        for (const one of steps) {
          const { backend: where } = await service.generate({ count: Math.min(64, molecules), steps: one, seed: 0 });
          why[backend] = where;
        }
        found.push(...ofService(backend, service, options));
      } catch (rates) {
        absent.push({ name: { of: "Molstep", on: backend, steps: null }, rates: rates as Error, note: "" });
      }
    }
    const measured = await takeTurns(found.map(({ candidate }) => candidate), rounds);
    const lines = found.flatMap(({ candidate, lines }) => {
      const rates = measured.get(candidate.name);
      return rates instanceof Error ? lines.map((line) => ({ ...line, rates })) : lines;
    });
    const all = [...lines, ...absent];
    return {
      bench: "peers: sampling",
      settings: { model: entry.name, weights: entry.card.version, rounds },
      why,
      rows: all.map((line) => rowOf(line, all, rounds)),
    };
  } finally {
    await Promise.all(open.map((one) => one.stop()));
  }
}

/** The steps that a peer takes: a student's of AccGeoLDM, 1000 of the others. */
export const stepsOf = (peer: Peer, distilled: readonly number[]): readonly number[] =>
  peer === "accgeoldm" ? distilled : [1000];
