/**
 * Draws, refines, validates and filters molecules, window by window, in the order of their indices. Where there are workers to
 * validate, they judge a window's first batches while the next are drawn.
 */
import { breathe, breather } from "../../chem/breathe.ts";
import { isSound } from "../../chem/judge/sound.ts";
import { identity, type Unique } from "../../chem/identity.ts";
import { type Judged, summarise, type Summary } from "../../chem/metrics.ts";
import type { Molecule } from "../../chem/molecule.ts";
import type { Refine } from "../../chem/refinement/refine.ts";
import { withRefinement } from "../../chem/refinement/refining.ts";
import { SMALLEST, type Validate, type Validation } from "../../chem/validator.ts";
import type { BatchValidator, JudgedBatch, JudgeOptions } from "../../chem/validator_pool.ts";
import { PatternError } from "../../chem/where/filter.ts";
import type { Where } from "../../chem/where/where.ts";
import { draw, type DrawnBatch, type DrawOptions, type DrawRequest, leaseFor } from "./generate.ts";
import { type Decoding, repairs } from "../diffusion/decodings.ts";
import type { Effort } from "../diffusion/samplers/parallel.ts";
import type { Lease, Model } from "../models/load.ts";
import type { Slot } from "./queue.ts";
import { openRefiner } from "./refiner.ts";

/** Which molecules are given back; all that are drawn count in the metrics. */
export const FILTERS = ["none", "valid", "stable", "sound", "unique"] as const;

/**
 * A filter's name. `sound` keeps what {@link isSound} passes, where it is refined, as it is then: the validator is asked to judge. `unique` keeps the first
 * valid molecule of each EDM SMILES, as the metric of that name counts.
 */
export type Filter = typeof FILTERS[number];

/** Why a molecule falls out by each filter; undefined where it is let through. Of `unique`: from what it is chosen. */
const FALLS: Readonly<Record<Filter, (validation: Validation) => string | undefined>> = {
  none: () => undefined,
  valid: ({ valid }) => valid ? undefined : "invalid",
  stable: ({ stable }) => stable ? undefined : "unstable",
  sound: (validation) => isSound(validation) ? undefined : validation.valid ? "unsound" : "invalid",
  unique: ({ valid }) => valid ? undefined : "invalid",
};

/** What is said of each molecule beyond its validity. */
export interface Detail {
  readonly descriptors?: boolean;
  /** Geometry and composition (`findings`). Default: whether the filter is `sound`. */
  readonly judge?: boolean;
  /** Default true; false saves a third of the time of validation. */
  readonly inchikey?: boolean;
}

/** A molecule with all that is known of it. */
export interface GeneratedMolecule {
  readonly index: number;
  /** Where it was refined, as it is then. */
  readonly molecule: Molecule;
  /** How it was decoded: as asked, or by `argmax` where no graph was found for it. */
  readonly decoding: Decoding;
  /** Repaired by `valence`: its likeliest graph broke a valence, or distances by `argmax` mean other bonds. Absent where `valence` was not asked for. */
  readonly repaired?: boolean;
  /** What it took, where several of its steps were called for at once. */
  readonly effort?: Effort;
  readonly validation: Validation;
}

/** Milliseconds that a request spent. */
export interface Timings {
  queueMs: number;
  sampleMs: number;
  decodeMs: number;
  /** Added up over the threads that validate; beside the sampling where those are workers. */
  validateMs: number;
}

/** A run of {@link generateMolecules}; its numbers are final when the windows are at their end. */
export interface Generation {
  /** Molecules that pass the filter, in the order of their indices, a window at a time. */
  readonly windows: AsyncGenerator<GeneratedMolecule[], void, void>;
  readonly timings: Readonly<Timings>;
  /** Of the weights that draw. */
  readonly version: string;
  /** Molecules drawn so far. */
  readonly drawn: number;
  /** Molecules given back so far. */
  readonly returned: number;
  /** Of those drawn so far: decoded by `argmax`, as `valence` was asked for and found no graph. */
  readonly fallbacks: number;
  /** Of those drawn so far: what they took together, where several steps of a molecule were called for at once. */
  readonly effort: Effort;
  /** Of those drawn so far, how many fell out, by reason: of the filter (`invalid`, `unstable`, `unsound`), of `where` (its verdict's), or as a `duplicate`. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Over the molecules drawn so far, or the first of them. */
  summary(training?: Pick<ReadonlySet<string>, "has">, first?: number): Summary;
  /** Lets go of the weights where `windows` is not read to its end. May be called at any time, and more than once. */
  close(): void;
}

/** How to generate. */
export interface GenerateOptions extends Omit<DrawOptions, "turn" | "calls" | "lease" | "onWaited" | "background"> {
  /** One molecule at a time between batches, or batches, beside the drawing. The verdicts are the same. */
  readonly validate: Validate | BatchValidator;
  readonly slot?: Slot;
  readonly filter?: Filter;
  /** Keeps the first of the same valid molecules, of those that pass the filter. Default: whether the filter is `unique`. */
  readonly unique?: Unique;
  /** What molecules must be, beside what the filter lets through. The validator judges by it. */
  readonly where?: Where;
  /**
   * Ends when so many are given back. Then those behind the last of them count as not drawn, whatever batches they came in: so the numbers depend on the
   * request alone. Default: when all are drawn.
   */
  readonly want?: number;
  readonly detail?: Detail;
  /** How molecules are refined before they are judged. Default `none`: they are the model's own. */
  readonly refine?: Refine;
  /** What `unique` takes for seen already, by {@link identity}; added to. Empty where absent. */
  readonly seen?: Set<string>;
  /** Told of each molecule drawn, in the order of indices, before it is filtered. Then `summary` remembers none: memory does not grow with their number. */
  readonly tally?: (drawn: GeneratedMolecule) => void;
}

/**
 * Starts a generation: the weights are leased at once, as the request's settings are of the card as it is now; nothing is drawn
 * until `windows` is read. Ends and errors as {@link draw} does.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * import { createRdkit } from "../../chem/rdkit.ts";
 * import { createValidator } from "../../chem/validator.ts";
 * import { loadModel } from "../models/load.ts";
 * import { acceptOrder } from "./order.ts";
 *
 * const model = await loadModel("weights/qm9", { backend: "wasm" });
 * const request = acceptOrder(model.card, { count: 2, steps: 4, seed: 1 });
 * const generation = generateMolecules(model, request, { validate: createValidator(await createRdkit()) });
 * const molecules = (await Array.fromAsync(generation.windows)).flat();
 * assert.equal(molecules.length, 2);
 * assert.ok(molecules.every(({ validation }) => validation.valid && validation.smiles));
 * assert.equal(generation.summary().validity.value, 1);
 * model.dispose();
 * ```
 */
export function generateMolecules(
  model: Model,
  request: DrawRequest,
  {
    validate,
    slot,
    filter = "none",
    unique = filter === "unique",
    where,
    want,
    detail: asked = {},
    refine = "none",
    seen = new Set(),
    tally,
    ...options
  }: GenerateOptions,
): Generation {
  const timings: Timings = { queueMs: 0, sampleMs: 0, decodeMs: 0, validateMs: 0 };
  const records: Judged[] = [];
  const { signal, onStage = () => {} } = options,
    detail: Detail = {
      ...asked,
      ...(typeof unique === "string" && { inchikey: true }),
      ...(filter === "sound" && { judge: true }),
    };
  let drawn = 0, returned = 0, fallbacks = 0;
  const rejected: Record<string, number> = {}, effort = { rounds: 0, calls: 0 };
  const over = new AbortController();
  signal?.addEventListener("abort", () => over.abort(signal.reason), { once: true, signal: over.signal });
  const lease = leaseFor(model, request.settings);

  /** Why a molecule falls out; undefined where it is kept. */
  const fallsBy = (validation: Validation): string | undefined => {
    const { valid, verdict } = validation, reason = FALLS[filter](validation);
    if (verdict?.fault) throw new PatternError(verdict.fault);
    if (reason) return reason;
    if (where && !verdict!.passes) return verdict!.reason;
    if (!unique) return undefined;
    if (!valid) return "invalid";
    const own = identity(validation, unique), fresh = !seen.has(own);
    seen.add(own);
    return fresh ? undefined : "duplicate";
  };
  const remember = (one: GeneratedMolecule) => {
    const { valid, stable, stableAtoms, atoms, connected, edmSmiles } = one.validation;
    if (tally) tally(one);
    else records.push({ valid, stable, stableAtoms, atoms, connected, edmSmiles });
  };
  const fellBack = (decodings: readonly Decoding[]) =>
    decodings.filter((decoding) => decoding !== request.settings.decoding).length;
  /** What is kept of a window, in the order of indices. */
  const sift = (window: readonly GeneratedMolecule[]): GeneratedMolecule[] => {
    const kept: GeneratedMolecule[] = [];
    for (const one of window) {
      if (returned + kept.length === want) break;
      if (want !== undefined) {
        drawn++;
        fallbacks += fellBack([one.decoding]);
      }
      remember(one);
      effort.rounds += one.effort?.rounds ?? 0, effort.calls += one.effort?.calls ?? 0;
      const reason = fallsBy(one.validation);
      if (reason === undefined) kept.push(one);
      else rejected[reason] = (rejected[reason] ?? 0) + 1;
    }
    returned += kept.length;
    return kept;
  };

  async function* windows(): AsyncGenerator<GeneratedMolecule[], void, void> {
    try {
      yield* read();
    } finally {
      over.abort(new DOMException("nobody waits for the verdicts", "AbortError"));
      lease.release();
    }
  }

  async function* read(): AsyncGenerator<GeneratedMolecule[], void, void> {
    const background = slot?.background, turn = slot && slot.turn.bind(slot), judge = judgeBy(validate);
    let judging: { batch: DrawnBatch; judged: Promise<JudgedBatch> }[] = [], fault: { error: unknown } | undefined;
    let waitedMs = 0, queued = true;
    const onWaited = (ms: number) => void (waitedMs = ms), calls = slot?.calls, begun = performance.now();
    const window = options.window ?? (want === undefined ? undefined : await windowFor(want, lease));
    for await (const batch of draw(model, request, { ...options, background, window, turn, calls, lease, onWaited })) {
      timings.sampleMs += batch.sampleMs;
      timings.decodeMs += batch.decodeMs;
      if (slot) timings.queueMs = slot.waitedMs + waitedMs;
      // Batches before `first`, which are drawn for company alone, come with no molecules.
      if (queued) onStage({ name: "queue", from: begun, to: begun + timings.queueMs, molecules: 0 });
      queued = false;
      if (want === undefined) {
        drawn += batch.molecules.length;
        fallbacks += fellBack(batch.decodings);
      }
      const { last } = batch;
      const told = {
        ...detail,
        chemistry: model.card.chemistry,
        ...(refine !== "none" && { refine }),
        ...(where && { where }),
      };
      const judged = judge(batch.molecules, told, {
        signal: over.signal,
        last,
        alone: slot?.alone ?? true,
        background,
      });
      const from = performance.now(), { length } = batch.molecules;
      judged.then(() => {
        if (length > 0) onStage({ name: "validate", from, to: performance.now(), molecules: length });
      }).catch((error) => fault ??= { error });
      judging.push({ batch, judged });
      if (typeof validate === "function") await judged;
      if (fault) throw fault.error;
      if (!last) continue;
      const pending: GeneratedMolecule[] = [];
      for (const { batch: { indices, molecules, decodings, repaired, efforts }, judged } of judging) {
        const { validations, ms } = await judged;
        timings.validateMs += ms;
        molecules.forEach((drawn, k) => {
          const molecule = refinedOf(drawn, validations[k]), validation = validations[k];
          pending.push({
            ...{ index: indices[k], molecule, decoding: decodings[k], validation },
            ...(repairs(request.settings.decoding) && { repaired: repaired[k] }),
            ...(efforts && { effort: efforts[k] }),
          });
        });
      }
      judging = [];
      pending.sort((a, b) => a.index - b.index);
      yield sift(pending);
      if (returned === want) return;
    }
  }

  const started = windows();
  return {
    windows: started,
    timings,
    version: lease.version,
    get drawn() {
      return drawn;
    },
    get returned() {
      return returned;
    },
    get fallbacks() {
      return fallbacks;
    },
    effort,
    rejected,
    summary: (training, first) => summarise(first === undefined ? records : records.slice(0, first), { training }),
    close() {
      // After the piece of work that runs, if one does: the weights stay until then. One that never began has nothing to end.
      started.return().catch(() => {}).finally(lease.release);
    },
  };
}

/** Molecules of a window where few are wanted: the fewer, the sooner the first are there, and the fewer are drawn in vain. */
const FEW = 64;

/** The window where so many are wanted; undefined, the usual one, where they are many, or where company changes a molecule's rounding. */
async function windowFor(want: number, { denoiser }: Lease): Promise<number | undefined> {
  return want <= FEW && (await denoiser).can.independent ? FEW : undefined;
}

/** The molecule that a validation speaks of. */
export const refinedOf = (drawn: Molecule, { refinement }: Pick<Validation, "refinement">): Molecule =>
  refinement?.refined ? { ...drawn, positions: refinement.positions } : drawn;

/** Judges batches, with workers or without. */
const judgeBy = (validate: Validate | BatchValidator): BatchValidator["judge"] =>
  typeof validate === "function" ? inline(validate) : validate.judge;

/** Checks the patterns of a filter where molecules are judged. @throws PatternError for the first that RDKit refuses */
export async function checkWhere(
  validate: Validate | BatchValidator,
  { required = [], forbidden = [] }: Where,
  signal?: AbortSignal,
): Promise<void> {
  if (required.length + forbidden.length === 0) return;
  const options = { where: { required, forbidden }, inchikey: false };
  const { validations: [{ verdict }] } = await judgeBy(validate)([SMALLEST], options, { signal, last: true });
  if (verdict?.fault) throw new PatternError(verdict.fault);
}

/** A batch, a molecule after the other, here and now. */
function inline(validator: Validate): BatchValidator["judge"] {
  const validate = withRefinement(validator, { open: openRefiner, pause: breathe });
  return async (molecules, detail, { signal }: JudgeOptions = {}) => {
    const pause = breather(), validations: Validation[] = [];
    let ms = 0;
    for (const molecule of molecules) {
      signal?.throwIfAborted();
      const started = performance.now();
      validations.push(await validate(molecule, detail));
      ms += performance.now() - started;
      await pause();
    }
    return { validations, ms };
  };
}
