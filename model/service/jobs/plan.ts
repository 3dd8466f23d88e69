/** From a request for a round to a job: settings whole, an estimate, and the teacher's weights put aside. */
import { join } from "node:path";
import { modelsFolder } from "../../models/overlay.ts";
import type { Queue } from "../../generation/queue.ts";
import { readWeights } from "../../models/weights.ts";
import type { ModelStore } from "../../models/store.ts";
import { turnsOf } from "../../generation/trial.ts";
import type { RoundSettings } from "../../distillation/settings.ts";
import { type Estimate, estimateRound, timeForward } from "./estimate.ts";
import { availableMemory } from "./memory.ts";
import { classesFault, OWN_DATA } from "../../distillation/tuning.ts";
import type { NodeClass } from "../../../chem/data_set.ts";
import { keptSetFolder, SetError, type Sets } from "../sets.ts";
import { acceptRound, ImpossibleRoundError, type Limits, type RoundOrder } from "../../distillation/order.ts";
import { snapshot, snapshotFolder } from "./snapshot.ts";

/** A job that may begin. */
export interface JobPlan {
  readonly settings: RoundSettings;
  readonly limits: Limits;
  readonly estimate: Estimate;
  /** Puts what the round needs into the job's folder. */
  prepare(folder: string): Promise<void>;
}

/** What a planner works with. */
export interface PlannerOptions {
  readonly store: ModelStore;
  readonly queue: Queue;
  /** The data directory. */
  readonly data: string;
  /** The sets that clients gave; absent where rounds run on other machines. */
  readonly sets?: Pick<Sets, "get">;
  /** Bytes of memory that are free; see `memory.ts`. */
  readonly available?: () => number | undefined;
}

/** A function that plans a round. @throws UnknownModelError, ImpossibleRoundError, TooLargeRoundError */
export function createPlanner(
  { store, queue, data, sets, available = availableMemory }: PlannerOptions,
): (order: RoundOrder) => Promise<JobPlan> {
  const turn = turnsOf(queue), timed = new Map<string, number>();
  const setOf = async (id: string) => {
    if (!sets) {
      throw new ImpossibleRoundError(
        "data",
        "data is for services that run their rounds themselves: other machines have no sets of clients",
      );
    }
    const found = await sets.get(id).catch((error) => {
      if (!(error instanceof SetError)) throw error;
    });
    if (found) return found;
    throw new ImpossibleRoundError(
      "data",
      `data must be the id of a set that GET /data lists; got ${JSON.stringify(id.slice(0, 64))}`,
    );
  };
  return async (order) => {
    const entry = store.entry(order.model), { card } = entry;
    // A model of the data directory can be made anew; those that were shipped cannot.
    const taken = store.entries.filter(({ name, folder }) => folder !== join(modelsFolder(data), name));
    const { settings, limits } = acceptRound(card, order, taken.map(({ name }) => name));
    const set = settings.data === undefined ? undefined : await setOf(settings.data);
    const fault = set && classesFault(card, set.classes as readonly NodeClass[]);
    if (fault) throw new ImpossibleRoundError(fault.field, fault.message);
    const model = await store.model(order.model), { batch } = settings;
    const nodes = Math.max(...Object.keys(card.sizes).map(Number)), key = `${card.name} ${card.version} ${batch}`;
    let forwardSeconds = timed.get(key);
    if (forwardSeconds === undefined) {
      const lease = model.lease();
      try {
        const denoiser = await lease.denoiser;
        forwardSeconds = await turn(() => timeForward(denoiser, { batch, nodes }));
      } finally {
        lease.release();
      }
      timed.set(key, forwardSeconds);
    }
    const bytes = available();
    const estimate = estimateRound(settings, limits, {
      card,
      parameters: await countParameters(join(entry.base?.folder ?? entry.folder, card.denoiser.file)),
      forwardSeconds,
      backend: model.backend.name,
      availableMiB: bytes === undefined ? undefined : bytes / 2 ** 20,
    });
    return {
      settings,
      limits,
      estimate,
      prepare: async (folder) => {
        await snapshot(entry, folder);
        if (set) await snapshotFolder(keptSetFolder(data, set.id), join(folder, OWN_DATA));
      },
    };
  };
}

async function countParameters(path: string): Promise<number> {
  const tensors = await readWeights(path);
  return [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
}
