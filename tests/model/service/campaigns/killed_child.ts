/**
 * A process that runs a campaign of made shards until it is done, or kills itself (SIGKILL) at a point: `FOLDER [POINT [TIMES]]`, when it is there for
 * the so manieth time. Only for `killed_test.ts`.
 */
import { madeCampaign } from "../../campaigns/made_shards.ts";
import { openMade } from "./made_service.ts";

const [data, point, times = "1"] = Deno.args;
let left = Number(times);

/** Ends the process at once where this is the point. */
async function at(name: string): Promise<void> {
  if (name !== point || --left > 0) return;
  Deno.kill(Deno.pid, "SIGKILL");
  await new Promise(() => {}); // never goes on
}

/** As {@link at}, where nothing can be waited for. */
function atOnce(name: string): void {
  if (name !== point || --left > 0) return;
  Deno.kill(Deno.pid, "SIGKILL");
  for (;;);
}

const service = openMade(data, {
  files: (files) => ({
    ...files,
    async put(name, bytes) {
      await at("before a shard's file");
      await files.put(name, bytes);
      await at("after a shard's file");
    },
    async remove(name) {
      await at("before a collected file is removed");
      await files.remove(name);
    },
  }),
  collecting: (collecting) => ({
    ...collecting,
    async open(order) {
      const own = await collecting.open(order);
      return {
        ...own,
        async take(file, room) {
          const taken = await own.take(file, room);
          await at("between results and their commit");
          return taken;
        },
        async finish(parts) {
          await at("before the Parquet file");
          const bytes = await own.finish(parts);
          await at("after the Parquet file");
          return bytes;
        },
      };
    },
  }),
  store: (store) => ({
    ...store,
    commit(...values) {
      store.commit(...values);
      atOnce("after a commit");
    },
  }),
});
await service.controller.recover();
if (service.store.list(1, 0).length === 0) {
  const campaign = madeCampaign();
  service.store.add(campaign);
  service.controller.start(campaign);
}
const [{ id }] = service.store.list(1, 0);
await service.until(id, "done", "failed");
console.log(JSON.stringify(service.store.get(id)));
await service.close();
