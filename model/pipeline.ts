/** Draws, validates and filters molecules, window by window, in the order of their indices. */
import { type Judged, summarise, type Summary } from "../chem/metrics.ts";
import type { Molecule } from "../chem/molecule.ts";
import type { Validate, Validation } from "../chem/validator.ts";
import { breather, draw, type DrawOptions, type DrawRequest, leaseFor } from "./generate.ts";
import type { Model } from "./load.ts";
import type { Place } from "./queue.ts";

/** Which molecules are given back; all that are drawn count in the metrics. */
export const FILTERS = ["none", "valid", "stable", "unique"] as const;

/** A filter's name. `unique` keeps the first valid molecule of each EDM SMILES, as the metric of that name counts. */
export type Filter = typeof FILTERS[number];

/** What is said of each molecule beyond its validity. */
export interface Detail {
  readonly descriptors?: boolean;
  /** Default true; false saves a third of the time of validation. */
  readonly inchikey?: boolean;
}

/** A molecule with all that is known of it. */
export interface GeneratedMolecule {
  readonly index: number;
  readonly molecule: Molecule;
  readonly validation: Validation;
}

/** Milliseconds that a request spent. */
export interface Timings {
  queueMs: number;
  sampleMs: number;
  decodeMs: number;
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
  /** Over the molecules drawn so far. */
  summary(training?: Pick<ReadonlySet<string>, "has">): Summary;
  /** Lets go of the weights where `windows` is not read to its end. May be called at any time, and more than once. */
  close(): void;
}

/** How to generate. */
export interface GenerateOptions extends Omit<DrawOptions, "turn" | "lease"> {
  readonly validate: Validate;
  readonly place?: Place;
  readonly filter?: Filter;
  readonly detail?: Detail;
}

/**
 * Starts a generation: the weights are leased at once, as the request's settings are of the card as it is now; nothing is drawn
 * until `windows` is read. Ends and errors as {@link draw} does.
 */
export function generateMolecules(
  model: Model,
  request: DrawRequest,
  { validate, place, filter = "none", detail = {}, ...options }: GenerateOptions,
): Generation {
  const timings: Timings = { queueMs: 0, sampleMs: 0, decodeMs: 0, validateMs: 0 };
  const records: Judged[] = [], seen = new Set<string>();
  const { signal, window = 256 } = options;
  let drawn = 0, returned = 0;
  const lease = leaseFor(model, request.settings);

  const keep = (validation: Validation): boolean => {
    if (filter === "none") return true;
    if (filter === "stable") return validation.stable;
    if (!validation.valid || filter === "valid") return validation.valid;
    const fresh = !seen.has(validation.edmSmiles!);
    seen.add(validation.edmSmiles!);
    return fresh;
  };

  async function* windows(): AsyncGenerator<GeneratedMolecule[], void, void> {
    try {
      yield* read();
    } finally {
      lease.release();
    }
  }

  async function* read(): AsyncGenerator<GeneratedMolecule[], void, void> {
    const pause = breather();
    let pending: GeneratedMolecule[] = [];
    const turn = place && place.turn.bind(place);
    for await (const batch of draw(model, request, { ...options, turn, window, lease })) {
      timings.sampleMs += batch.sampleMs;
      timings.decodeMs += batch.decodeMs;
      if (place) timings.queueMs = place.waitedMs;
      for (const [k, molecule] of batch.molecules.entries()) {
        signal?.throwIfAborted();
        const started = performance.now();
        const validation = validate(molecule, detail);
        timings.validateMs += performance.now() - started;
        pending.push({ index: batch.indices[k], molecule, validation });
        await pause();
      }
      drawn += batch.molecules.length;
      if (drawn % window !== 0 && drawn !== request.count) continue;
      pending.sort((a, b) => a.index - b.index);
      for (const { validation: { valid, stable, stableAtoms, atoms, connected, edmSmiles } } of pending) {
        records.push({ valid, stable, stableAtoms, atoms, connected, edmSmiles });
      }
      const kept = pending.filter(({ validation }) => keep(validation));
      returned += kept.length;
      pending = [];
      yield kept;
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
    summary: (training) => summarise(records, { training }),
    close() {
      // After the piece of work that runs, if one does: the weights stay until then. One that never began has nothing to end.
      started.return().catch(() => {}).finally(lease.release);
    },
  };
}
