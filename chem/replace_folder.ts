/** Folders that are written beside their place, and moved there when they are whole. */

/**
 * Lets `work` fill a fresh folder, and puts it in the place of `to`, which holds a whole set or what it held before. A README.md that was there goes.
 *
 * @param names files of such a folder: one that holds anything else is not replaced
 * @param work the folder's path; what it throws leaves all as it was
 * @throws {Error} where `to` holds what is no part of such a folder
 */
export async function replaceFolder<T>(
  to: string,
  names: readonly string[],
  work: (temporary: string) => Promise<T>,
): Promise<T> {
  const target = to.replace(/\/+$/, ""), parent = target.includes("/") ? target.replace(/\/[^/]*$/, "") || "/" : ".";
  await Deno.mkdir(parent, { recursive: true });
  const temporary = await Deno.makeTempDir({ dir: parent, prefix: ".set-" });
  try {
    const result = await work(temporary);
    await replace(temporary, target, names);
    return result;
  } finally {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
  }
}

/** Puts a folder in another's place. Refuses to remove a folder that holds anything but a data set. */
async function replace(temporary: string, target: string, names: readonly string[]): Promise<void> {
  const present = await Array.fromAsync(Deno.readDir(target)).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  await Deno.chmod(temporary, 0o755).catch(() => {});
  if (present === undefined) return await Deno.rename(temporary, target);
  const foreign = present.find((entry) => !names.includes(entry.name) && entry.name !== "README.md");
  if (foreign) {
    throw new Error(`${target} holds ${foreign.name}, which is no part of the data set; give another folder`);
  }
  const old = `${temporary}-old`;
  await Deno.rename(target, old);
  try {
    await Deno.rename(temporary, target);
  } catch (error) {
    await Deno.rename(old, target);
    throw error;
  }
  await Deno.remove(old, { recursive: true });
}
