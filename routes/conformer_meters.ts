/** What is measured of requests for conformers: a part of `meters.ts`. */
import { COUNTED } from "../chem/conformers/answer.ts";
import { UNANSWERED } from "../chem/conformers/graph.ts";
import { GENERATION_OUTCOMES } from "../model/service/generate.ts";
import type { ConformersEnd } from "../model/service/conformers.ts";
import type { Make } from "./campaign_meters.ts";

/** Bounds of buckets of a request's time, in seconds. */
const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];

/** What becomes of a molecule that has conformers. */
const ANSWERED = "answered";

/** Makes the metrics. */
export function conformerMeters(make: Pick<Make, "counter" | "histogram">): (end: ConformersEnd) => void {
  const requests = make.counter(
    "molstep_conformer_requests_total",
    "Requests for conformers that have ended, by outcome",
    "outcome",
  );
  const seconds = make.histogram(
    "molstep_conformer_request_duration_seconds",
    "Time of a request for conformers that is done, from its acceptance until its last molecule",
    SECONDS,
  );
  const molecules = make.counter(
    "molstep_conformer_molecules_total",
    "Molecules of these requests: answered with conformers, or without them by the reason",
    "outcome",
  );
  const conformers = make.counter(
    "molstep_conformers_total",
    "Conformers, by what became of them: drawn; of these left out for their stereo, as broken, or as duplicates; returned",
    "outcome",
  );
  for (const outcome of GENERATION_OUTCOMES) requests.inc({ outcome }, 0);
  for (const outcome of [ANSWERED, ...Object.keys(UNANSWERED)]) molecules.inc({ outcome }, 0);
  for (const outcome of COUNTED) conformers.inc({ outcome }, 0);
  return ({ outcome, ms, answered, unanswered, counts }) => {
    requests.inc({ outcome });
    if (outcome === "done") seconds.observe(ms / 1000);
    const without = Object.entries(unanswered);
    for (const [reason, count] of without) molecules.inc({ outcome: reason }, count);
    molecules.inc({ outcome: ANSWERED }, without.reduce((left, [, count]) => left - count, answered));
    for (const outcome of COUNTED) conformers.inc({ outcome }, counts[outcome]);
  };
}
