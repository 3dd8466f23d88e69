/** The parts of `deno task check:gpu`: what each runs, on a GPU and rehearsed on an adapter in software, and what it says. */
import { dirname } from "node:path";
import { findModel } from "../../main/models.ts";
import { decodings } from "../../model/models/settings.ts";
import { benchMolecules } from "../molecules.ts";
import type { EngineName } from "../engine_names.ts";
import { writeRandomModel } from "../random_model.ts";
import type { Result, Row } from "../table.ts";
import { throughput } from "../throughput.ts";
import { checkParity } from "./parity.ts";
import { checkRound } from "./round.ts";

/** Their names, in the order in which they run. */
export const PARTS = ["parity", "molecules", "round", "training"] as const;

/** One of {@link PARTS}. */
export type Part = typeof PARTS[number];

/** Most seconds of each part: less than eight minutes together. A rehearsal's compiler may take minutes. */
export const LIMITS: Readonly<Record<Part, number>> = { parity: 75, molecules: 75, round: 240, training: 75 };
export const REHEARSAL_LIMIT = 300;

/** What a part is told. */
export interface Asked {
  readonly part: Part;
  /** Whether sizes are such that an adapter in software gets through. */
  readonly rehearse: boolean;
  /** A model's name or folder. */
  readonly model: string;
}

/** What a part found. */
export interface Found {
  readonly results: readonly Result[];
  /** In a line. */
  readonly said: string;
  /** Whether something is wrong. */
  readonly wrong: boolean;
  /** GPU over CPU, of what was timed on both. */
  readonly ratio?: number;
}

/** The places that are compared; the GPU's last. */
const BESIDE: readonly EngineName[] = ["native engine", "webgpu engine"], GPU = BESIDE[1];

/** Sizes of a network that a software adapter computes in seconds. */
const SMALL = { width: 32, blocks: 2 };

async function parity({ rehearse, model }: Asked): Promise<Found> {
  const { folder, name } = await findModel(model);
  const result = await checkParity({
    patience: rehearse ? REHEARSAL_LIMIT : LIMITS.parity,
    cases: rehearse
      ? [
        { name, network: { folder }, batch: 2, computed: [{ nodes: 9 }, { nodes: 9, steps: 4 }] },
        { name: "EGNN", network: SMALL, batch: 4, computed: [{ nodes: 6 }, { nodes: 6, steps: 4 }] },
      ]
      : [
        { name, network: { folder }, batch: 128, computed: [{ nodes: 9 }, { nodes: 6 }, { nodes: 9, steps: 16 }] },
        {
          name: "EGNN",
          network: { width: 64, blocks: 3 },
          batch: 64,
          computed: [{ nodes: 18 }, { nodes: 18, steps: 16 }],
        },
      ],
  });
  const faults = result.rows.filter(({ note }) => note !== "");
  const said = faults.length === 0
    ? `all ${result.rows.length} comparisons agree`
    : faults.map(({ network, what, note }) => `${what} of ${network} ${note}`).join("; ");
  return { results: [result], said, wrong: faults.length > 0 };
}

/** What rates of the GPU and the CPU say. Wrong where the GPU has none, or its numbers are wrong. */
export function compareRates(result: Result, rate: string): Found {
  const of = (place: EngineName): Row =>
    result.rows.find(({ backend }) => backend === place) ?? { [rate]: null, note: "" };
  const [cpu, gpu] = BESIDE.map(of), [slow, fast] = [cpu[rate], gpu[rate]];
  if (typeof fast !== "number") return { results: [result], said: String(gpu.note), wrong: true };
  const note = String(gpu.note).startsWith("WRONG") ? `; ${gpu.note}` : "", wrong = note !== "";
  const own = `${GPU} ${fast.toPrecision(3)} ${rate}`;
  if (typeof slow !== "number") return { results: [result], said: `${own}; ${BESIDE[0]}: ${cpu.note}${note}`, wrong };
  const said = `${own}, ${BESIDE[0]} ${slow.toPrecision(3)}: ${(fast / slow).toPrecision(3)} times${note}`;
  return { results: [result], said, wrong, ratio: fast / slow };
}

/** Runs work with the model asked, or in a rehearsal with a small one of random weights. */
async function withModel<T>(
  { rehearse, model }: Asked,
  work: (entry: Awaited<ReturnType<typeof findModel>>) => Promise<T>,
): Promise<T> {
  if (!rehearse) return await work(await findModel(model));
  const root = await Deno.makeTempDir({ prefix: "molstep-check-" });
  try {
    const { folder } = await writeRandomModel(root, SMALL, { recommended: [{ steps: 4, sampler: "ddpm" }] });
    return await work(await findModel(folder));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const molecules = (asked: Asked): Promise<Found> =>
  withModel(asked, async ({ folder, name: model, card }) => {
    const result = await benchMolecules({
      ...{ folder, model, weights: card.version, places: BESIDE, steps: [16], decodings: decodings(card).slice(0, 1) },
      ...asked.rehearse ? { rounds: 1, seconds: 0, limit: REHEARSAL_LIMIT / 4 } : { rounds: 3, seconds: 0, limit: 15 },
    });
    const found = compareRates({ ...result, bench: "gpu molecules" }, "molecules/s");
    const alone = result.rows.map(({ backend, "sampling ms": ms }) =>
      `${backend} ${ms === null ? "-" : (1000 / Number(ms)).toPrecision(3)}`
    );
    return { ...found, said: `${found.said}; sampling alone: ${alone.join(", ")}` };
  });

/** Two minutes of training on a GPU. */
const ORDER = { from: 128, to: 64, minutes: 2, samples: 256 };
const SMALL_ORDER = { from: 8, to: 4, updates: 12, batch: 4, samples: 4, accept: 100 };

const round = (asked: Asked): Promise<Found> =>
  withModel(asked, async ({ folder, name: model }) => {
    const { rehearse } = asked, patience = rehearse ? REHEARSAL_LIMIT : LIMITS.round;
    const result = await checkRound({
      ...{ root: dirname(folder), model, backend: "webgpu", patience, onProgress: console.log },
      order: rehearse ? SMALL_ORDER : ORDER,
    });
    const [{ state, updates, "trained s": seconds, "updates/s": rate, note }] = result.rows;
    const told = `${updates} updates in ${Number(seconds).toFixed(0)} s, ${Number(rate).toPrecision(3)} a second`;
    return { results: [result], said: `${state}: ${told}; ${note}`, wrong: false };
  });

async function training({ rehearse }: Asked): Promise<Found> {
  const result = await throughput({
    ...rehearse ? { rounds: 1, seconds: 0.5, limit: REHEARSAL_LIMIT / 2 } : { rounds: 3, seconds: 4, limit: 30 },
    bench: "gpu training",
    subject: { type: "training", nodes: 9, ...rehearse ? SMALL : { width: 192, blocks: 6 }, software: rehearse },
    places: BESIDE,
    batches: [rehearse ? 8 : 128],
    reference: BESIDE[0],
    rate: { name: "updates/s", each: () => 1 },
  });
  return compareRates(result, "updates/s");
}

/** Runs a part. */
export const runPart = (asked: Asked): Promise<Found> => ({ parity, molecules, round, training })[asked.part](asked);
