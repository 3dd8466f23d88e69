/** The models that a service offers: each is loaded once, when it is first asked for. */
import type { Model, ModelEntry } from "./load.ts";

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
  /** What is known without loading anything. */
  readonly entries: readonly ModelEntry[];
  /** @throws UnknownModelError */
  entry(name: string): ModelEntry;
  /** Loads the model, or waits for whoever is loading it. A load that failed is tried again at the next call. */
  model(name: string): Promise<Model>;
  /** The model where it is loaded already. */
  loaded(name: string): Model | undefined;
  dispose(): void;
}

/** @param load see `load.ts` */
export function createModelStore(
  entries: readonly ModelEntry[],
  load: (entry: ModelEntry) => Promise<Model>,
): ModelStore {
  const loading = new Map<string, Promise<Model>>(), ready = new Map<string, Model>();
  const entry = (name: string): ModelEntry => {
    const found = entries.find((one) => one.name === name);
    if (!found) throw new UnknownModelError(name, entries.map((one) => one.name));
    return found;
  };
  const start = async (name: string): Promise<Model> => {
    try {
      const model = await load(entry(name));
      ready.set(name, model);
      return model;
    } catch (error) {
      loading.delete(name);
      throw error;
    }
  };
  return {
    entries,
    entry,
    model(name) {
      let model = loading.get(name);
      if (!model) loading.set(name, model = start(name));
      return model;
    },
    loaded: (name) => ready.get(name),
    dispose() {
      for (const model of ready.values()) model.dispose();
      ready.clear();
      loading.clear();
    },
  };
}
