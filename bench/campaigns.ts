/**
 * `deno task bench:campaigns`: how a campaign over NATS scales with its workers. Server, engine, controller and collector are the real ones; workers are simulated: each claims
 * shards, rests as long as recorded shards took (`bench/shard_seconds.json`, which `--record N` writes; scaled to `--seconds`), and files molecules of QM9's size that nobody drew. Workers are in processes of up to
 * 250, with a connection each.
 *
 * Rates of a wall clock are a busy machine's; processor time for each shard is not, and says what a core can do.
 */
import { cpuUsage } from "node:process";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import { helpText, list, option, positive, readOptions, whole } from "../main/options.ts";
import { findModel } from "../main/models.ts";
import type { CampaignEngine } from "../model/campaigns/engine.ts";
import { folderFiles } from "../model/campaigns/folder_files.ts";
import { natsEngine, openNatsEngine } from "../model/campaigns/nats.ts";
import { runShard } from "../model/campaigns/shard.ts";
import { openModel } from "../model/generation/open_model.ts";
import { acceptOrder } from "../model/generation/order.ts";
import { shardsFolder } from "../model/service/campaigns/folders.ts";
import { campaignOf, fakeWork, openCollection } from "../tests/model/campaigns/campaign.ts";
import { NATS_SERVER, startNats } from "../tests/nats_server.ts";
import { orderOf } from "../tests/model/campaigns/shards.ts";
import { conditions } from "./conditions.ts";
import { peakMemory } from "./memory.ts";
import { asksForHelp, keep, machineLine, resultsOption, resultsPath, runProgram } from "./program.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

const OPTIONS = {
  workers: option("N,N", "simulated workers (default 1,10,100,1000)", list(whole(1, 5000)).default([1, 10, 100, 1000])),
  shards: option("N", "shards of a campaign, of 256 molecules of which 64 pass (default 1000)", whole(1).default(1000)),
  seconds: option("N", "mean time of a shard (default 0.5)", positive().default(0.5)),
  server: option(
    "PATH",
    "the NATS server's program (default: of the PATH)",
    z.string().default(NATS_SERVER ?? "nats-server"),
  ),
  out: resultsOption("campaigns"),
};

/** Workers of a process. */
const EACH = 250;

/** What is said of a molecule of nine heavy atoms: as large as of a real one. */
const LINE = {
  ...{ valid: true, stable: true, connected: true, decoding: "valence", smiles: "CC1(O)C2CC2C1=O" },
  ...{ symbols: [..."CCCCCCCOOHHHHHHHHH"], values: {} },
  positions: Array.from(
    { length: 18 },
    (_, k) => [1.2345 + k, -0.9876 - k, 0.5432 * k].map((x) => Number(x.toFixed(4))),
  ),
  bonds: Array.from({ length: 18 }, (_, k) => ({ i: k, j: (k + 1) % 18, order: 1 })),
  sdf:
    `molstep\n\n\n${"    1.2345   -0.9876    0.5432 C   0  0  0  0  0  0\n".repeat(18)}${
      "  1  2  1  0\n".repeat(18)
    }M  END\n` +
    `${"> <value>\n0.1234567\n\n".repeat(14)}$$$$\n`,
};

/** Where times of recorded shards are. */
const SECONDS = new URL("shard_seconds.json", import.meta.url);

/** Times of recorded shards over their mean. */
const RECORDED: readonly number[] = await (async () => {
  const { seconds } = JSON.parse(await Deno.readTextFile(SECONDS));
  const mean = seconds.reduce((sum: number, one: number) => sum + one, 0) / seconds.length;
  return seconds.map((one: number) => one / mean);
})();

/** Draws shards of the shipped model, and keeps how long each took. */
async function record(count: number): Promise<void> {
  const { model, pool, close } = await openModel(await findModel("qm9"), {
    backend: "wasm",
    count: 256 * count,
    refine: "mmff94-qm9",
  });
  const seconds: number[] = [], { settings } = acceptOrder(model.card, { count: 1, steps: 4, seed: 1 });
  const lease = model.lease(4), { version } = lease;
  lease.release();
  const never = () => Promise.reject(new Error("not asked for"));
  for (let shard = 0; shard < count; shard++) {
    const started = performance.now();
    await runShard(
      {
        ...orderOf(crypto.randomUUID(), shard),
        settings: { ...settings, model: "qm9" },
        ...{ version, backend: model.backend.name, refine: "mmff94-qm9" },
      },
      {
        ...{ model: () => Promise.resolve(model), precision: "f32", validate: () => Promise.resolve(pool) },
        pack: (text) => Promise.resolve(gzipSync(text)),
        files: { put: () => Promise.resolve(), get: never, remove: never, removeAll: never },
      },
      new AbortController().signal,
    );
    seconds.push(Number(((performance.now() - started) / 1000).toFixed(3)));
    console.log(seconds.at(-1));
  }
  close();
  await Deno.writeTextFile(
    SECONDS,
    JSON.stringify({ command: `--record ${count}`, ...await conditions(), seconds }, null, 1) + "\n",
  );
}

/** Simulated workers, until the process is killed. */
async function work(servers: string, data: string, count: number, seconds: number): Promise<void> {
  const files = folderFiles(shardsFolder(data)), { signal } = new AbortController();
  const ms = () => 1000 * seconds * RECORDED[Math.floor(Math.random() * RECORDED.length)];
  const engines: CampaignEngine[] = [];
  while (engines.length < count) {
    const more = Array.from(
      { length: Math.min(25, count - engines.length) },
      () => openNatsEngine({ servers, wait: true }),
    );
    engines.push(...await Promise.all(more));
  }
  console.log("ready");
  await Promise.all(
    engines.map((engine, k) => fakeWork({ name: `${Deno.pid} ${k}`, engine, files, signal, ms, line: LINE })),
  );
}

/** Processes of workers, when all are connected. */
async function startWorkers(
  servers: string,
  data: string,
  count: number,
  seconds: number,
): Promise<Deno.ChildProcess[]> {
  const processes: Deno.ChildProcess[] = [];
  for (let left = count; left > 0; left -= EACH) {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        import.meta.filename!,
        "--work",
        servers,
        data,
        String(Math.min(EACH, left)),
        String(seconds),
      ],
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    const { done } = await reader.read();
    if (done) throw new Error("a process of workers ended before it was ready");
    reader.releaseLock();
    processes.push(child);
  }
  return processes;
}

/** Processor time of a process so far, seconds (proc(5)). */
async function processorSeconds(pid: number): Promise<number> {
  const fields = (await Deno.readTextFile(`/proc/${pid}/stat`)).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Messages that the server has taken and given, as its monitor has them. */
async function messages(monitor: number): Promise<number> {
  const { in_msgs, out_msgs } = await (await fetch(`http://127.0.0.1:${monitor}/varz`)).json();
  return in_msgs + out_msgs;
}

/** A campaign with so many workers. */
async function measure(workers: number, shards: number, seconds: number): Promise<Row> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }), monitor = listener.addr.port;
  listener.close();
  await using server = await startNats(["-m", String(monitor)]);
  const data = await Deno.makeTempDir({ prefix: "molstep-campaigns-" });
  const processes = await startWorkers(server.url, data, workers, seconds);
  try {
    const collection = openCollection({
      ...{ data, engine: () => natsEngine({ servers: server.url }), window: Math.max(16, 2 * workers) },
      campaign: campaignOf(crypto.randomUUID(), { want: 256 * shards, shards }),
    });
    const own = cpuUsage(),
      before = await processorSeconds(server.pid),
      asked = await messages(monitor),
      started = performance.now();
    const { progress } = await collection.done();
    const wall = (performance.now() - started) / 1000,
      { user, system } = cpuUsage(own),
      told = await messages(monitor) - asked;
    const row = {
      workers,
      "shards/s": shards / wall,
      "most shards/s": workers / seconds,
      "messages/shard": told / shards,
      "messages/s": told / wall,
      "server ms/shard": 1000 * (await processorSeconds(server.pid) - before) / shards,
      "collector ms/shard": (user + system) / 1000 / shards,
      "collector us/molecule": (user + system) / progress.passed,
      "server MiB": await peakMemory(server.pid),
      "collector MiB": await peakMemory(Deno.pid),
    };
    await collection.close();
    return row;
  } finally {
    for (const one of processes) {
      one.kill("SIGKILL");
      await one.status;
      await one.stdout.cancel();
    }
    await Deno.remove(data, { recursive: true });
  }
}

/** A campaign with so many workers, in a process of its own, whose memory is the collector's. */
async function measured(workers: number, shards: number, seconds: number, server: string): Promise<Row> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, "--one", String(workers), String(shards), String(seconds)],
    ...{ env: { MOLSTEP_NATS_SERVER: server }, stderr: "inherit" },
  }).output();
  if (!success) throw new Error(`${workers} workers: see above`);
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}

async function main(args: string[]): Promise<void> {
  if (args[0] === "--work") return await work(args[1], args[2], Number(args[3]), Number(args[4]));
  if (args[0] === "--record") return await record(Number(args[1]));
  if (args[0] === "--one") {
    const [workers, shards, seconds] = args.slice(1).map(Number);
    return console.log(JSON.stringify(await measure(workers, shards, seconds)));
  }
  if (asksForHelp(args)) {
    return console.log(
      helpText("deno task bench:campaigns", "Measures campaigns over NATS with simulated workers.", OPTIONS),
    );
  }
  const { workers, shards, seconds, server, out } = readOptions(args, OPTIONS);
  const version = new TextDecoder().decode((await new Deno.Command(server, { args: ["--version"] }).output()).stdout)
    .trim();
  const under = { command: toldCommand("bench:campaigns", args), ...await conditions() };
  console.log(`${machineLine(under)}, ${version}`);
  const rows: Row[] = [];
  for (const count of workers) {
    // No fewer than each worker has some of, no more than a few take in a minute.
    const some = Math.max(Math.min(shards, Math.ceil(60 * count / seconds)), Math.min(2 * count, 20_000));
    rows.push({ shards: some, ...await measured(count, some, seconds, server) });
  }
  const result = { bench: "campaigns", settings: { shards, "mean seconds": seconds, server: version }, rows };
  console.log(formatResult(result));
  const path = out ?? resultsPath(under, "campaigns");
  if (path !== "-") await keep(path, under, [result]);
}

if (import.meta.main) await runProgram(main);
