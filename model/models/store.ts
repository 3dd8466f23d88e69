/** The models that a service offers: each is loaded once, when it is first asked for; students and models come and go. */
import type { ModelEntry, ServedModel } from "./load.ts";

/** No model of this name; `available` lists those there are. */
export class UnknownModelError extends RangeError {
  override readonly name = "UnknownModelError";
  constructor(readonly model: string, readonly available: readonly string[]) {
    super(
      `there is no model ${model}; there ${available.length === 1 ? "is" : "are"} ${available.join(", ") || "none"}`,
    );
  }
}

/** Models by name. */
export interface ModelStore {
  /** What is known without loading anything, by name; of a model that is loaded, without the students that do not work. */
  readonly entries: readonly ModelEntry[];
  /** @throws UnknownModelError */
  entry(name: string): ModelEntry;
  /** Loads the model, or waits for whoever is loading it. A load that failed is tried again at the next call. */
  model(name: string): Promise<ServedModel>;
  /** The model where it is loaded already: always once `model` has resolved. */
  loaded(name: string): ServedModel | undefined;
  /**
   * Exchanges the students of a model for those of this entry.
   *
   * @returns resolves when the weights that are out of service now are out of use
   * @throws UnknownModelError
   */
  update(entry: ModelEntry): Promise<void>;
  /**
   * Adds a whole model, or puts it in the place of the one of its name.
   *
   * @param model loaded from the entry
   * @returns resolves when the model before it is out of use
   */
  replace(entry: ModelEntry, model: ServedModel): Promise<void>;
  dispose(): void;
}

/** @param load see `load.ts` */
export function createModelStore(
  entries: readonly ModelEntry[],
  load: (entry: ModelEntry) => Promise<ServedModel>,
): ModelStore {
  const known = new Map(entries.map((entry) => [entry.name, entry]));
  const loading = new Map<string, Promise<ServedModel>>(), ready = new Map<string, ServedModel>();
  const sorted = () => [...known.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  const entry = (name: string): ModelEntry => {
    const found = known.get(name);
    if (!found) throw new UnknownModelError(name, sorted().map((one) => one.name));
    return found;
  };
  const start = (name: string): Promise<ServedModel> => {
    const work = async (): Promise<ServedModel> => {
      await Promise.resolve(); // so that `mine` is set
      try {
        const asked = entry(name), model = await load(asked);
        const now = loading.get(name);
        if (now !== mine) { // another took its place meanwhile, or the store was disposed of
          model.dispose();
          return now ?? model;
        }
        if (entry(name) !== asked) model.serve(entry(name));
        known.set(name, model.entry);
        ready.set(name, model);
        return model;
      } catch (error) {
        if (loading.get(name) === mine) loading.delete(name);
        throw error;
      }
    };
    const mine = work();
    loading.set(name, mine);
    return mine;
  };
  return {
    get entries() {
      return sorted();
    },
    entry,
    model: (name) => loading.get(name) ?? start(name),
    loaded: (name) => ready.get(name),
    // deno-lint-ignore require-await -- errors are to come as rejections
    async update(next) {
      entry(next.name);
      const model = ready.get(next.name), gone = model?.serve(next);
      known.set(next.name, model?.entry ?? next);
      return gone;
    },
    // deno-lint-ignore require-await
    async replace(next, model) {
      const before = ready.get(next.name);
      known.set(next.name, next);
      loading.set(next.name, Promise.resolve(model));
      ready.set(next.name, model);
      return before?.retire();
    },
    dispose() {
      for (const model of ready.values()) model.dispose();
      ready.clear();
      loading.clear();
    },
  };
}
