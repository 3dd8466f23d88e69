/** Where commands find models. */
import { fileURLToPath } from "node:url";
import { listModels, type ModelEntry } from "../model/load.ts";
import { UnknownModelError } from "../model/store.ts";

/** The folder of the models shipped. */
export const shippedModels = (): string => fileURLToPath(new URL("../weights", import.meta.url));

/** The models in these folders; in the shipped one where none is named. */
export const findModels = (roots?: readonly string[]): Promise<ModelEntry[]> => listModels(roots ?? [shippedModels()]);

/**
 * A model by its name, or by the path of its folder.
 *
 * @throws UnknownModelError where it is neither
 */
export async function findModel(name: string, roots?: readonly string[]): Promise<ModelEntry> {
  if (name.includes("/")) {
    const { readCard } = await import("../model/card.ts");
    const card = await readCard(name);
    return { name: card.name, folder: name, card };
  }
  const models = await findModels(roots), found = models.find((model) => model.name === name);
  if (!found) throw new UnknownModelError(name, models.map((model) => model.name));
  return found;
}
