import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { RefusedShardError } from "../../../../model/campaigns/shard.ts";
import { withFolder } from "../../tiny_model.ts";
import { madeCampaign, madeShard, runMade } from "../../campaigns/made_shards.ts";
import { type MadeOptions, openMade, resultsOf } from "./made_service.ts";

/** Runs a campaign to its end. */
async function ended(data: string, asked: Record<string, unknown> = {}, options: MadeOptions = {}) {
  const service = openMade(data, options), campaign = madeCampaign(asked);
  try {
    service.store.add(campaign);
    service.controller.start(campaign);
    const end = await service.until(campaign.id, "done", "failed");
    const events = service.store.events(campaign.id).map(({ event }) => event);
    return { end, events, results: end.state === "done" ? await resultsOf(data, campaign.id) : {} };
  } finally {
    await service.close();
  }
}

/** The molecules that a campaign has to find, by the rule in words: the first of each key in the order of indices, until there are enough. */
function expected({ want, draws, seed = 1, unique = "inchikey" }: {
  want: number;
  draws: number;
  seed?: number;
  unique?: "inchikey" | "flat" | "none";
}) {
  const { lines } = madeShard({ seed, first: 0, count: draws }), seen = new Set<string>();
  return lines.filter(({ inchikey, smiles }) => {
    const key = (unique === "flat" ? inchikey?.slice(0, 14) : inchikey) ?? smiles!;
    const fresh = unique === "none" || !seen.has(key);
    seen.add(key);
    return fresh;
  }).slice(0, want).map(({ index }) => index);
}

const indicesOf = (results: Record<string, Uint8Array>) =>
  new TextDecoder().decode(gunzipSync(results["results.ndjson.gz"])).trimEnd().split("\n")
    .map((line) => JSON.parse(line).index as number);

Deno.test("a campaign finds the first molecules of each InChIKey, as many as it wants, in the order of indices", () =>
  withFolder(async (data) => {
    const { end, results, events } = await ended(data);
    assert.deepEqual(indicesOf(results), expected({ want: 400, draws: 12_800 }));
    const { progress } = end;
    assert.equal(progress.kept, 400);
    assert.equal(progress.drawn, progress.passed + Object.values(progress.rejected).reduce((sum, n) => sum + n, 0));
    assert.ok(progress.duplicates > 50);
    assert.deepEqual(Object.keys(progress.rejected), ["invalid", "logP"]);
    assert.equal(end.reason, null);
    const sdf = new TextDecoder().decode(gunzipSync(results["results.sdf.gz"]));
    assert.deepEqual(
      [...sdf.matchAll(/^molecule (\d+)$/gm)].map(([, index]) => Number(index)),
      expected({ want: 400, draws: 12_800 }),
    );
    assert.deepEqual(progress.bytes, {
      ndjson: results["results.ndjson.gz"].length,
      sdf: results["results.sdf.gz"].length,
      parquet: results["results.parquet"].length,
    });
    assert.deepEqual(
      events.flatMap((event) => event.type === "state" ? event.state : []),
      ["running", "finishing", "done"],
    );
    const shards = await Array.fromAsync(Deno.readDir(`${data}/campaigns/shards`));
    assert.deepEqual(shards, []);
  }));

Deno.test("a campaign with unique: flat finds the first molecules of each first block of InChIKeys; either rule tells how many differ without stereo", () =>
  withFolder(async (data) => {
    const asked = { want: 300, draws: 12_800 };
    for (const unique of ["inchikey", "flat", "none"] as const) {
      const { end: { progress }, results, events } = await ended(data, { want: 300, unique });
      const found = indicesOf(results), { lines } = madeShard({ seed: 1, first: 0, count: asked.draws });
      assert.deepEqual(found, expected({ ...asked, unique }), unique);
      const blocks = new Set(
        lines.filter(({ index }) => found.includes(index)).map(({ inchikey, smiles }) =>
          inchikey?.slice(0, 14) ?? smiles
        ),
      );
      assert.deepEqual([progress.flat, progress.kept], [blocks.size, 300], unique);
      assert.equal(blocks.size === 300, unique === "flat", unique);
      // A thousand of them are kept, and a filter has as many reasons as rules.
      assert.ok(events.every((event) => !("rejected" in event)));
    }
  }));

Deno.test("a campaign gives the same bytes again, and when its shards are done in another order by other workers", () =>
  withFolder(async (data) => {
    const { results: first } = await ended(data);
    const again = await ended(data);
    assert.deepEqual(again.results, first);
    // The first of each six comes last.
    const late: MadeOptions["run"] = async (order, deps, signal) => {
      await new Promise((resolve) => setTimeout(resolve, 20 * (5 - order.shard % 6)));
      return await runMade(order, deps, signal);
    };
    const other = await ended(data, {}, { run: late, workers: 6, window: 6 });
    assert.deepEqual(other.results, first);
    const { results: seeded } = await ended(data, { seed: 2 });
    assert.notDeepEqual(seeded, first);
  }));

Deno.test("a campaign ends with less where all is drawn before, and says so; without `unique` equal molecules count", () =>
  withFolder(async (data) => {
    const few = await ended(data, { want: 10_000, maxDraws: 10_000 });
    assert.deepEqual(indicesOf(few.results), expected({ want: 10_000, draws: 10_000 }));
    assert.equal(few.end.reason, "all 10000 molecules were drawn before 10000 were found");
    assert.equal(few.end.progress.drawn, 10_000);
    const all = await ended(data, { want: 1000, maxDraws: 10_000, unique: "none" });
    assert.deepEqual(indicesOf(all.results), expected({ want: 1000, draws: 10_000, unique: "none" }));
    assert.equal(all.end.progress.duplicates, 0);
  }));

Deno.test("a shard that fails is drawn again; one that fails as often as it may fails the campaign, which can be resumed", () =>
  withFolder(async (data) => {
    const tries = new Map<number, number>();
    let broken = 3;
    const run: MadeOptions["run"] = async (order, deps, signal) => {
      const times = (tries.get(order.shard) ?? 0) + 1;
      tries.set(order.shard, times);
      if (times === 1 || order.shard === broken) throw new Error(`worker broke at ${order.shard}`);
      return await runMade(order, deps, signal);
    };
    const service = openMade(data, { run, maxDeliver: 3 }), campaign = madeCampaign();
    try {
      service.store.add(campaign);
      service.controller.start(campaign);
      const failed = await service.until(campaign.id, "failed");
      assert.equal(failed.reason, "shard 3 is dead, after 3 tries: worker broke at 3");
      assert.deepEqual((await service.engine.dead(campaign.id)).map(({ shard, deliveries }) => [shard, deliveries]), [
        [3, 3],
      ]);
      await assert.rejects(service.controller.resume(crypto.randomUUID()), { name: "UnknownCampaignError" });
      broken = -1;
      await service.controller.resume(campaign.id);
      await service.until(campaign.id, "done");
      assert.deepEqual(indicesOf(await resultsOf(data, campaign.id)), expected({ want: 400, draws: 12_800 }));
      await assert.rejects(service.controller.resume(campaign.id), { name: "CampaignStateError" });
    } finally {
      await service.close();
    }
  }));

Deno.test("a shard that its worker must refuse fails the campaign at once, with what is wanted and what there is", () =>
  withFolder(async (data) => {
    const run: MadeOptions["run"] = () => Promise.reject(new RefusedShardError("version", "6", "7"));
    const { end } = await ended(data, {}, { run });
    assert.match(
      end.reason!,
      /^shard \d+ is dead, after 1 tries: version must be 6 for this shard; this worker has 7$/,
    );
  }));

Deno.test("a campaign waits where the disk is full, with its reason, and goes on to the same results", () =>
  withFolder(async (data) => {
    const { results } = await ended(data);
    let room = 3;
    const full = () => Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
    const service = openMade(data, {
      files: (files) => ({
        ...files,
        put: (name, bytes) => room-- > 0 ? files.put(name, bytes) : Promise.reject(full()),
      }),
    });
    const campaign = madeCampaign();
    try {
      service.store.add(campaign);
      service.controller.start(campaign);
      const paused = await service.until(campaign.id, "paused");
      assert.match(paused.reason!, /^there is no room for the files of shards: No space left/);
      room = Infinity;
      await service.until(campaign.id, "done");
      assert.deepEqual(await resultsOf(data, campaign.id), results);
    } finally {
      await service.close();
    }
  }));

Deno.test("a campaign waits while results of all campaigns have more bytes than are allowed", () =>
  withFolder(async (data) => {
    const service = openMade(data, { mostBytes: 3000 }), campaign = madeCampaign();
    try {
      service.store.add(campaign);
      service.controller.start(campaign);
      const { reason, progress } = await service.until(campaign.id, "paused");
      assert.match(reason!, /^results of all campaigns have \d+ bytes; 3000 are allowed here$/);
      assert.ok(progress.shards > 0 && progress.kept < 400);
    } finally {
      await service.close();
    }
    const more = openMade(data);
    try {
      await more.controller.recover();
      await more.until(campaign.id, "done");
      assert.deepEqual(indicesOf(await resultsOf(data, campaign.id)), expected({ want: 400, draws: 12_800 }));
    } finally {
      await more.close();
    }
  }));

Deno.test("a campaign that is removed leaves nothing, and tells whoever watches; another goes on", () =>
  withFolder(async (data) => {
    const run: MadeOptions["run"] = async (order, deps, signal) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return await runMade(order, deps, signal);
    };
    const service = openMade(data, { run }), campaign = madeCampaign(), other = madeCampaign({ seed: 2 });
    try {
      for (const one of [campaign, other]) {
        service.store.add(one);
        service.controller.start(one);
      }
      const heard: string[] = [];
      for await (const { event } of service.controller.watch(campaign.id, 0, new AbortController().signal)) {
        heard.push(event.type);
        if (heard.length === 2) await service.controller.remove(campaign.id);
      }
      assert.deepEqual([heard.at(0), heard.at(-1)], ["state", "removed"]);
      assert.throws(() => service.store.get(campaign.id), { name: "UnknownCampaignError" });
      await service.until(other.id, "done");
      const left = (await Array.fromAsync(Deno.readDir(`${data}/campaigns`))).map(({ name }) => name).sort();
      assert.deepEqual(left, [other.id, "shards"].sort());
      assert.deepEqual(await service.engine.shards(campaign.id, { from: 0, to: 100 }), []);
    } finally {
      await service.close();
    }
  }));

Deno.test("a campaign that is removed while a worker writes a shard's file, or the Parquet file is made, waits for neither and leaves no file", () =>
  withFolder(async (data) => {
    const writing = Promise.withResolvers<void>(), go = Promise.withResolvers<void>(), campaign = madeCampaign();
    const service = openMade(data, {
      workers: 1,
      files: (files) => ({
        ...files,
        async put(name, bytes) {
          if (name.startsWith(campaign.id)) {
            writing.resolve();
            await go.promise;
          }
          await files.put(name, bytes);
        },
      }),
      collecting: (collecting) => ({
        ...collecting,
        open: async (order) => ({ ...await collecting.open(order), finish: () => new Promise(() => {}) }),
      }),
    });
    const other = madeCampaign({ seed: 2 });
    try {
      service.store.add(campaign);
      service.controller.start(campaign);
      await writing.promise;
      await service.controller.remove(campaign.id);
      go.resolve();
      service.store.add(other);
      service.controller.start(other);
      await service.until(other.id, "finishing"); // by the same worker, after the file of the other
      await service.controller.remove(other.id);
      assert.deepEqual([...Deno.readDirSync(`${data}/campaigns`)].map(({ name }) => name), ["shards"]);
      assert.deepEqual([...Deno.readDirSync(`${data}/campaigns/shards`)].map(({ name }) => name), []);
    } finally {
      await service.close();
    }
  }));

Deno.test("a campaign that failed by a damaged file of a shard draws that shard again when it is resumed", () =>
  withFolder(async (data) => {
    let damage = true;
    const service = openMade(data, {
      files: (files) => ({
        ...files,
        put: (name, bytes) => {
          const whole = !damage || !name.endsWith("-00000002.ndjson.gz");
          if (!whole) damage = false;
          return files.put(name, whole ? bytes : bytes.subarray(0, bytes.length / 2));
        },
      }),
    });
    const campaign = madeCampaign();
    try {
      service.store.add(campaign);
      service.controller.start(campaign);
      await service.until(campaign.id, "failed");
      await service.controller.resume(campaign.id);
      await service.until(campaign.id, "done", "failed");
      assert.deepEqual(indicesOf(await resultsOf(data, campaign.id)), expected({ want: 400, draws: 12_800 }));
    } finally {
      await service.close();
    }
  }));

Deno.test("recover() leaves folders alone that have no campaign's name, and starts where files of shards cannot be reached", () =>
  withFolder(async (data) => {
    const gone = crypto.randomUUID();
    for (const name of [gone, "lost+found"]) await Deno.mkdir(`${data}/campaigns/${name}`, { recursive: true });
    await Deno.writeTextFile(`${data}/campaigns/${gone}/removed`, "");
    const away = () => Promise.reject(new Error("the bucket is away"));
    const service = openMade(data, { files: (files) => ({ ...files, removeAll: away }) });
    try {
      await service.controller.recover();
      const left = [...Deno.readDirSync(`${data}/campaigns`)].map(({ name }) => name).sort();
      assert.deepEqual(left, [gone, "lost+found"].sort());
    } finally {
      await service.close();
    }
  }));

Deno.test("recover() removes the folder of a campaign that was being removed when the service was killed, and no other that the database does not know", () =>
  withFolder(async (data) => {
    const gone = crypto.randomUUID(), lost = crypto.randomUUID();
    for (const name of [gone, lost]) await Deno.mkdir(`${data}/campaigns/${name}`, { recursive: true });
    await Deno.writeTextFile(`${data}/campaigns/${gone}/removed`, "");
    await Deno.writeTextFile(`${data}/campaigns/${lost}/results.ndjson.gz`, "of a database that was lost");
    await Deno.mkdir(`${data}/campaigns/shards`);
    await Deno.writeTextFile(`${data}/campaigns/shards/${gone}-00000001.ndjson.gz`, "");
    const service = openMade(data);
    try {
      await service.controller.recover();
      const names = async (path: string) => (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
      assert.deepEqual((await names(`${data}/campaigns`)).sort(), [lost, "shards"].sort());
      assert.deepEqual(await names(`${data}/campaigns/${lost}`), ["results.ndjson.gz"]);
      assert.deepEqual(await names(`${data}/campaigns/shards`), []);
    } finally {
      await service.close();
    }
  }));

Deno.test("campaigns that have ended beyond the number that is kept are removed with their results: those that ended first, and at the start, too", () =>
  withFolder(async (data) => {
    const all = openMade(data), ids: string[] = [];
    const run = async ({ store, controller, until }: typeof all, asked: Record<string, unknown>) => {
      const campaign = madeCampaign({ want: 5, ...asked });
      store.add(campaign);
      controller.start(campaign);
      ids.push((await until(campaign.id, "done")).id);
    };
    const folders = () => [...Deno.readDirSync(`${data}/campaigns`)].map(({ name }) => name).sort();
    try {
      for (const seed of [1, 2, 3]) await run(all, { seed });
      // The oldest was resumed, say, and ended last.
      all.store.change(ids[0], { ended: Date.now() + 60_000 });
    } finally {
      await all.close();
    }
    const two = openMade(data, { keep: 2 });
    try {
      await two.controller.recover();
      while (two.store.count > 2) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.throws(() => two.store.get(ids[1]), { name: "UnknownCampaignError" });
      // One that goes on counts for none of them.
      two.store.add(madeCampaign({ want: 5, seed: 4 }));
      await run(two, { seed: 5 });
      while (two.store.count > 3) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.deepEqual(two.store.ended(0, 10), [ids[0], ids[3]]);
    } finally {
      await two.close();
    }
    assert.deepEqual(folders(), [ids[0], ids[3], "shards"].sort());
  }));

Deno.test("a campaign is removed once by two who ask at once, is not resumed meanwhile, and goes on where its engine is away", () =>
  withFolder(async (data) => {
    let away = true;
    const service = openMade(data, {
      engine: (engine) => ({
        ...engine,
        cancel: (id) => away ? Promise.reject(new Error("the engine is away")) : engine.cancel(id),
      }),
    });
    const campaign = madeCampaign({ want: 12_000 });
    try {
      service.store.add(campaign);
      service.controller.start(campaign);
      await assert.rejects(service.controller.remove(campaign.id), /the engine is away/);
      const { shards } = service.store.get(campaign.id).progress;
      while (service.store.get(campaign.id).progress.shards <= shards) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      away = false;
      service.store.change(campaign.id, { state: "failed" });
      const removals = [service.controller.remove(campaign.id), service.controller.remove(campaign.id)];
      await assert.rejects(service.controller.resume(campaign.id), { name: "UnknownCampaignError" });
      await Promise.all(removals);
      await assert.rejects(service.controller.remove(campaign.id), { name: "UnknownCampaignError" });
      assert.equal(service.store.count, 0);
    } finally {
      await service.close();
    }
  }));

Deno.test("watch() tells of a campaign that is not there that it was removed, whoever removed it and however long ago", () =>
  withFolder(async (data) => {
    const service = openMade(data);
    try {
      const events = await Array.fromAsync(
        service.controller.watch(crypto.randomUUID(), 7, new AbortController().signal),
      );
      assert.deepEqual(events.map(({ id, event }) => [id, event]), [[8, { type: "removed" }]]);
    } finally {
      await service.close();
    }
  }));
