/** What is kept of campaigns that have ended, and of those that were being removed when the process ended. */
import { join } from "node:path";
import { type ShardFiles, shardOrder } from "../../campaigns/shard.ts";
import type { CampaignStore } from "../../campaigns/store.ts";
import { absent } from "../../diffusion/files.ts";

/** Tells an operator what happens. */
export type OnNote = (level: "info" | "warn", message: string, fields: Record<string, unknown>) => void;

/** In the folder of a campaign that is being removed: without it, results that the database does not know are left alone. */
const REMOVED = "removed";

/** Says in a campaign's folder that it is being removed. */
export async function markRemoved(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, REMOVED), "");
}

/** Removes all campaigns that have ended but the `keep` which ended last, one after the other. */
export async function clearCampaigns(
  store: Pick<CampaignStore, "ended">,
  { keep, remove, stopping }: {
    readonly keep: number;
    readonly remove: (id: string) => Promise<void>;
    readonly stopping: () => boolean;
  },
): Promise<void> {
  // One of them may be resumed, or removed, meanwhile: it is looked again before each.
  for (let id; !stopping() && (id = store.ended(keep, 1)[0]) !== undefined;) await remove(id);
}

/** Removes folders of campaigns that were being removed, and tells of those that the database does not know for another reason. */
export async function sweepFolders({ store, files, folder, onNote }: {
  readonly store: Pick<CampaignStore, "list">;
  readonly files: Pick<ShardFiles, "removeAll">;
  readonly folder: string;
  readonly onNote: OnNote;
}): Promise<void> {
  const known = new Set<string>();
  for (let offset = 0, some; (some = store.list(200, offset)).length > 0; offset += some.length) {
    for (const { id } of some) known.add(id);
  }
  try {
    for await (const { name } of Deno.readDir(folder)) {
      // What has no campaign's name is another's, as the shards' folder or a file system's `lost+found`.
      if (!shardOrder.shape.campaign.safeParse(name).success || known.has(name)) continue;
      try {
        if (await Deno.stat(join(folder, name, REMOVED)).catch(absent) === undefined) {
          const error = `the database does not know it, as when an older copy was put back; its results stay in ${
            join(folder, name)
          }`;
          onNote("warn", "campaign", { campaign: name, error });
          continue;
        }
        await files.removeAll(name);
        await Deno.remove(join(folder, name), { recursive: true });
      } catch (error) {
        // The next start tries again; a bucket that is away is no reason not to start.
        onNote("warn", "campaign", { campaign: name, error: String(error) });
      }
    }
  } catch (error) {
    absent(error);
  }
}
