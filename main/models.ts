/** Where commands find models. */
import { listModels, type ListOptions } from "../model/models/overlay.ts";
import type { ModelEntry } from "../model/models/load.ts";
import { UnknownModelError } from "../model/models/store.ts";
import { dataFolder, shippedModels } from "./places.ts";

export { dataFolder, shippedModels };

/** The models in these folders, in the shipped one where none is named, and in the data directory where it is. */
export const findModels = (roots?: readonly string[], options?: ListOptions): Promise<ModelEntry[]> =>
  listModels(roots ?? [shippedModels()], options);

/**
 * A model by its name, or by the path of its folder.
 *
 * @param data the data directory, whose students are seen too; not looked at where absent
 * @throws UnknownModelError where it is neither; TypeError where what the data directory has is damaged
 */
export async function findModel(name: string, roots?: readonly string[], data?: string): Promise<ModelEntry> {
  if (name.includes("/")) {
    const { readCard } = await import("../model/models/card.ts");
    const card = await readCard(name);
    return { name: card.name, folder: name, card };
  }
  const models = await findModels(roots, { data }), found = models.find((model) => model.name === name);
  if (!found) throw new UnknownModelError(name, models.map((model) => model.name));
  return found;
}
