/**
 * A process that tests kill: `worker URL DATA NAME MS` works until then, `collector URL DATA CAMPAIGN WANT SHARDS` collects, tells of each shard, and ends when the campaign is
 * done.
 */
import { folderFiles } from "../../../model/campaigns/folder_files.ts";
import { natsEngine, openNatsEngine } from "../../../model/campaigns/nats.ts";
import { shardsFolder } from "../../../model/service/campaigns/folders.ts";
import { campaignOf, fakeWork, openCollection } from "./campaign.ts";

const [role, servers, data, ...rest] = Deno.args;
if (role === "worker") {
  const [name, ms] = rest, engine = await openNatsEngine({ servers, ackWait: 1, wait: true, rest: 50 });
  console.log("working");
  const files = folderFiles(shardsFolder(data)), { signal } = new AbortController();
  await fakeWork({ name, engine, files, signal, ms: Number(ms), beatMs: 100 });
} else {
  const [id, want, shards] = rest, campaign = campaignOf(id, { want: Number(want), shards: Number(shards) });
  const engine = () => natsEngine({ servers, ackWait: 1, patience: 2 });
  const onProgress = ({ progress }: typeof campaign) => console.log(progress.shards);
  const collection = openCollection({ data, engine, window: 12, campaign, onProgress });
  await collection.done();
  await collection.close();
  console.log("done");
}
