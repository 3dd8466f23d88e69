/** Files of shards in a folder of this machine, or one that several share. */
import { join } from "node:path";
import { absent, writeAtomically } from "../diffusion/files.ts";
import type { ShardFiles } from "./shard.ts";

/** @param folder made where it is not there */
export function folderFiles(folder: string): ShardFiles {
  return {
    async put(name, bytes) {
      await Deno.mkdir(folder, { recursive: true });
      await writeAtomically(join(folder, name), bytes);
    },
    get: (name) => Deno.readFile(join(folder, name)),
    remove: async (name) => void await Deno.remove(join(folder, name)).catch(absent),
    async removeAll(campaign) {
      const names: string[] = [];
      try {
        for await (const { name } of Deno.readDir(folder)) names.push(name);
      } catch (error) {
        absent(error);
      }
      for (const name of names) {
        if (name.startsWith(`${campaign}-`)) await Deno.remove(join(folder, name)).catch(absent);
      }
    },
  };
}
