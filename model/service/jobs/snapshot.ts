/** A model as a round finds it, in the job's own folder: what comes into service or goes out of it changes nothing there. */
import { basename, join } from "node:path";
import { placeOf } from "../../diffusion/files.ts";
import { type CardInput, writeCard } from "../../models/card.ts";
import { type ModelEntry, studentPath } from "../../models/overlay.ts";

/** The teacher's folder, in a job's. */
export const TEACHER = "teacher";

/**
 * Writes the model's card, its students of the data directory among it, and its weights: as links where the file system has
 * them, else copies, the denoiser under its own name, as students that are differences from it say it. Does nothing where a whole one is there.
 *
 * @returns the folder, `<folder>/teacher`
 */
export async function snapshot(entry: ModelEntry, folder: string): Promise<string> {
  const to = join(folder, TEACHER), { card } = entry, path = join(to, "card.json");
  if (await Deno.stat(path).then(() => true, () => false)) return to;
  await Deno.mkdir(to, { recursive: true });
  const names = new Map<string, string>();
  const place = async (from: string): Promise<string> => {
    if (!names.has(from)) {
      const own = basename(from),
        taken = [...names.values()].includes(own),
        name = taken ? `${names.size}-${own}` : own,
        place = await placeOf(from);
      await linkOrCopy(place, join(to, name + place.slice(from.length)));
      names.set(from, name);
    }
    return names.get(from)!;
  };
  const moved: CardInput = structuredClone(card);
  moved.denoiser.file = await place(join(entry.folder, card.denoiser.file));
  if ("file" in moved.autoencoder) moved.autoencoder.file = await place(join(entry.folder, moved.autoencoder.file));
  for (const student of moved.distilled ?? []) student.file = await place(studentPath(entry, student.steps));
  await writeCard(path, moved);
  return to;
}

/** The files of a folder, in another one, in the same way. Does nothing where a whole one is there. */
export async function snapshotFolder(from: string, to: string): Promise<void> {
  if (await Deno.stat(to).then(() => true, () => false)) return;
  const temporary = `${to}.partial`;
  await Deno.mkdir(temporary, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await linkOrCopy(join(from, name), join(temporary, name));
  await Deno.rename(temporary, to);
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await Deno.remove(to).catch(() => {});
  try {
    await Deno.link(from, to);
  } catch {
    await Deno.copyFile(from, to);
  }
}
