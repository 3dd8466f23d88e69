/** Clears a model's folder of the data directory of what nothing names. */
import { join } from "node:path";
import { readCard } from "./card.ts";
import { absent, PARTIAL } from "../diffusion/files.ts";
import { readOverlay } from "./overlay.ts";

/** Weights that publications write, named by their digest. */
const WEIGHTS = /^(?:steps(?:-\d+)+|denoiser|autoencoder)-[0-9a-f]{12}\.safetensors$/;

/** Files that publications write: weights, and any that a kill cut short. */
const isOurs = (name: string) => WEIGHTS.test(name) || name.endsWith(PARTIAL);

/**
 * Removes unfinished files, and weights that neither the overlay nor the card names and that are not in use. A folder
 * whose overlay or card is damaged is left as it is: what it names is not known.
 *
 * @param uses whether the weights of this path are in memory, or on their way there
 */
export async function sweep(folder: string, uses: (path: string) => boolean): Promise<void> {
  const files = await Array.fromAsync(Deno.readDir(folder)).catch(absent) ?? [];
  const [overlay, card] = [await readOverlay(folder), await readCard(folder).catch(absent)];
  const named = new Set([...overlay.entries, ...card?.distilled ?? []].map(({ file }) => file));
  for (const part of card ? [card.denoiser, card.autoencoder] : []) if ("file" in part) named.add(part.file);
  for (const { name, isFile } of files) {
    const path = join(folder, name);
    if (isFile && isOurs(name) && !named.has(name) && !uses(path)) await Deno.remove(path).catch(absent);
  }
}
