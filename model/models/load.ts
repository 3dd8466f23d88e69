/** Models on disk, `<root>/<name>/card.json` and the files beside it, to models in memory. */
import { join } from "node:path";
import { someWorkers } from "../../chem/work_pool.ts";
import { type Card, readCard } from "./card.ts";
import { decorate } from "../diffusion/decorate.ts";
import { asStudent } from "./egnn_latest.ts";
import { createSharedGpu } from "../engines/webgpu/device.ts";
import { createLeases } from "./leases.ts";
import { makeAutoencoder, makeDenoiser, tensorsOn } from "./parts.ts";
import { type Placed, type Placement } from "../engines/placing.ts";
import { readWeights } from "./weights.ts";
import { studentPath, withoutFaulty } from "./overlay.ts";
import type { Precision, RuntimeChoice } from "../engines/runtimes.ts";
import type { ToldBeside } from "../networks/pair_attention/parameters.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import { NotDistilledError } from "./settings.ts";
import type { ModelEntry } from "./overlay.ts";
import type { Autoencoder, Schedule } from "../diffusion/types.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";

export { listModels, type ModelEntry } from "./overlay.ts";

/** The use of a denoiser for one generation: it stays whole until `release`, whatever goes into service meanwhile. */
export interface Lease {
  /** The version of the weights: the student's, else the card's. */
  readonly version: string;
  /** Rejects where the weights cannot be loaded. */
  readonly denoiser: Promise<Denoiser>;
  /** May be called more than once. */
  release(): void;
}

/** A model, ready to draw from. */
export interface Model {
  /** As it is now: students come and go. */
  readonly card: Card;
  /** What the denoiser runs on, and why. */
  readonly backend: Placement;
  readonly schedule: Schedule;
  readonly autoencoder: Autoencoder;
  /** Most molecules in a batch; fixed, as the rounding of a batch depends on its make-up on some backends. */
  readonly batch: number;
  /**
   * The undistilled denoiser, or the one distilled to `steps`, which is loaded at the first call. For whoever knows that
   * nothing is swapped meanwhile: others take a lease.
   *
   * @throws NotDistilledError where the card has none for these steps
   */
  denoiser(steps?: number): Promise<Denoiser>;
  /** A lease on that denoiser, as the card is at this moment; a model without this is never swapped. Throws as `denoiser` does. */
  lease?(steps?: number): Lease;
  dispose(): void;
}

/** A model whose students can be exchanged while it is drawn from. */
export interface ServedModel extends Model {
  lease(steps?: number): Lease;
  /** What is in service, without students that are known not to work. */
  readonly entry: ModelEntry;
  /** A lease on weights that are not in service, or not yet. @param path of their file */
  open(
    student: Pick<Card["distilled"][number], "steps" | "levels" | "guidance" | "version" | "sha256">,
    path: string,
  ): Lease;
  /**
   * Says that the weights of this file work, or why they do not. Students of those that do not are taken out of service, and
   * kept out of it, until the file is said to work.
   */
  judge(path: string, fault?: string): void;
  /**
   * Puts the students of this entry into service, all at once, and the others out of it.
   *
   * @returns resolves when the weights that are out of service now are out of memory too
   */
  serve(entry: ModelEntry): Promise<void>;
  /** Whether the weights of this file are in memory, or on their way there. */
  uses(path: string): boolean;
  /** Puts the whole model out of service; resolves when the last lease has ended and all is disposed of. */
  retire(): Promise<void>;
}

/** How to load. */
export interface LoadOptions {
  /** Default `auto`. */
  readonly backend?: RuntimeChoice;
  /** Most molecules in a batch. Default 64. */
  readonly batch?: number;
  /** Threads of the engine. Default: the machine's cores. */
  readonly threads?: number;
  /** Of products. Default `f32`; refused where the backend has no other. */
  readonly precision?: Precision;
  /** Most workers that decode, of a model that searches for graphs. Default {@link someWorkers}. 0: the caller's thread alone. */
  readonly decoders?: number;
  /** Hears of workers that decode and have failed; the others, or the caller's thread, go on. */
  readonly onFault?: (error: Error) => void;
  /** Makes denoisers of tensors. Default: `makeDenoiser` of `parts.ts`. */
  readonly make?: typeof makeDenoiser;
}

/**
 * Loads a model.
 *
 * @param place its folder, or what `listModels` says of it
 * @throws Deno.errors.NotFound where the card or a file that it names is missing; TypeError or SyntaxError where one is
 * unsound, naming it, weights that are not those of the card's digest or not finite among them; Error where the backend does not
 * work here
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const model = await loadModel("weights/qm9", { backend: "wasm" });
 * assert.equal(model.card.name, "qm9");
 * assert.equal(model.backend.name, "wasm");
 * model.dispose();
 * ```
 */
export async function loadModel(
  place: string | ModelEntry,
  { backend = "auto", batch = 64, threads, precision, make = makeDenoiser, decoders, onFault }: LoadOptions = {},
): Promise<ServedModel> {
  let given: ModelEntry = typeof place === "string" ? await entryOf(place) : place, entry = given;
  const { folder, card: { denoiser: main, autoencoder: part } } = entry, schedule = makeSchedule(entry.card.schedule);
  const openGpu = createSharedGpu({ software: backend === "webgpu" });
  const options = {
    ...{ choice: backend, threads, openTensors: tensorsOn(backend), openGpu, precision },
    decoders: { workers: decoders ?? someWorkers(), onFault },
  };

  /** What is to be known of a student's file before it is read. */
  const known = new Map<string, ToldBeside & Pick<Card["distilled"][number], "sha256">>();
  const networks = createLeases<Placed<Denoiser> & { dispose(): void }>(async (path) => {
    const { sha256, ...student } = known.get(path) ?? { sha256: main.sha256 };
    const placed = await make(entry.card, await readWeights(path, sha256), schedule, options, student);
    const part = path === teacherPath ? placed.part : asStudent(entry.card, schedule, placed.part);
    return { ...placed, part, dispose: () => part.dispose() };
  });
  const teacherPath = join(folder, main.file);
  const inService = () => [teacherPath, ...entry.card.distilled.map(({ steps }) => studentPath(entry, steps))];
  networks.keep(inService());

  const first = networks.take(teacherPath);
  const encoding = async () => {
    const tensors = "file" in part ? await readWeights(join(folder, part.file), part.sha256) : undefined;
    return await makeAutoencoder(entry.card, tensors, options);
  };
  const [teacher, autoencoder] = await Promise.all([first.value, encoding()]).catch((error) => {
    networks.dispose();
    throw error;
  });
  first.release();

  let leases = 0, ended = false;
  const retired = Promise.withResolvers<void>();
  const end = () => {
    if (ended) return;
    ended = true;
    networks.dispose();
    autoencoder.dispose();
    retired.resolve();
  };
  let retiring = false;
  const leaseOn = (path: string, version: string, bind: (network: Denoiser) => Denoiser): Lease => {
    if (ended) throw new Error(`model ${entry.name} has been disposed of`);
    const held = networks.take(path), denoiser = held.value.then(({ part }) => bind(part));
    denoiser.catch(() => {}); // whoever awaits it hears of it
    leases++;
    let mine = true;
    return {
      version,
      denoiser,
      release() {
        if (!mine) return;
        mine = false;
        held.release();
        if (--leases === 0 && retiring) end();
      },
    };
  };
  // A network that several step counts share, told of one of them: one a network and number of steps, as requests for the same share calls.
  const ofSteps = new WeakMap<Denoiser, Map<number, Denoiser>>();
  const toldOnce = (network: Denoiser, steps: number): Denoiser => {
    const made = ofSteps.get(network) ?? new Map<number, Denoiser>(),
      one = made.get(steps) ?? decorate(network, { condition: { steps } });
    ofSteps.set(network, made.set(steps, one));
    return one;
  };
  const open: ServedModel["open"] = ({ steps, levels, guidance, version, sha256 }, path) => {
    if (path !== teacherPath) known.set(path, { levels, guidance, sha256 });
    return leaseOn(path, version, (network) => levels > 0 ? toldOnce(network, steps) : network);
  };
  const lease = (steps?: number): Lease => {
    if (steps === undefined) return leaseOn(teacherPath, entry.card.version, (network) => network);
    const student = entry.card.distilled.find((one) => one.steps === steps);
    if (!student) throw new NotDistilledError(entry.name, steps, availableSteps(entry.card));
    return open(student, studentPath(entry, steps));
  };

  const faults = new Map<string, string>();
  const serve: ServedModel["serve"] = (next) => {
    given = next;
    entry = withoutFaulty(given, faults);
    return networks.keep(inService());
  };
  return {
    get card() {
      return entry.card;
    },
    get entry() {
      return entry;
    },
    backend: { name: teacher.backend.name, why: teacher.backend.why },
    schedule,
    autoencoder,
    batch,
    lease,
    open,
    // deno-lint-ignore require-await -- errors are to come as rejections
    async denoiser(steps) {
      const own = lease(steps);
      return own.denoiser.finally(own.release);
    },
    judge(path, fault) {
      if (fault === undefined ? !faults.delete(path) : faults.get(path) === fault) return;
      if (fault !== undefined) faults.set(path, fault);
      serve(given);
    },
    serve,
    uses: networks.has,
    retire() {
      retiring = true;
      if (leases === 0) end();
      return retired.promise;
    },
    dispose: end,
  };
}

/** The step counts that a card has students for, ascending. */
export const availableSteps = (card: Pick<Card, "distilled">): number[] =>
  card.distilled.map(({ steps }) => steps).sort((a, b) => a - b);

async function entryOf(folder: string): Promise<ModelEntry> {
  const card = await readCard(folder);
  return { name: card.name, folder, card };
}
