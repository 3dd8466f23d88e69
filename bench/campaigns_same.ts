/**
 * `deno task bench:campaigns-same`: whether a campaign of the shipped model, or another, has the same results, byte by byte, drawn by the service itself and by
 * workers over NATS, and how long each took. All are processes as an operator starts them, with a worker's molecules in files of a shared folder.
 */
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type CampaignState, isActive } from "../model/campaigns/campaign.ts";
import { sha256Of } from "../model/models/weights.ts";
import { conditionOptions } from "../main/condition_option.ts";
import { helpText, list, option, readOptions, whole } from "../main/options.ts";
import { startNats } from "../tests/nats_server.ts";
import { partOf, PARTS } from "./fixed_parts.ts";
import { conditions } from "./conditions.ts";
import { asksForHelp, keep, machineLine, resultsOption, resultsPath, runProgram } from "./program.ts";
import { MAIN, startService } from "./service_process.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

/** The folder of the shipped model. */
const SHIPPED = fileURLToPath(new URL("../weights/qm9", import.meta.url));

const OPTIONS = {
  workers: option("N,N", "workers; 0: the service draws (default 0,1,2,5)", list(whole(0, 100)).default([0, 1, 2, 5])),
  want: option("N", "molecules to find (default 2500)", whole(1).default(2500)),
  steps: option("N", "steps of the sampler (default 4)", whole(1, 1000).default(4)),
  seed: option("N", "(default 11)", whole(0).default(11)),
  part: option(
    "NAME",
    `a fixed part (default none): ${Object.keys(PARTS).join(", ")}`,
    z.enum(Object.keys(PARTS)).optional(),
  ),
  model: option("FOLDER", "a model's (default weights/qm9)", z.string().default(SHIPPED)),
  ...conditionOptions,
  out: resultsOption("campaigns-same"),
};

const WHERE = { logP: { min: -1, max: 1.5 }, sound: true }, FORMATS = ["ndjson", "sdf", "parquet"] as const;

/** A worker of the service's data directory, as `deno task worker` runs but for its permissions. */
const startWorker = (nats: string, data: string, models: string) =>
  new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, "worker", "--data", data],
    ...{ env: { MOLSTEP_NATS: nats, MOLSTEP_MODELS: models }, stdout: "null", stderr: "null" },
  }).spawn();

/** Draws the campaign, and says its time and its files' digests. */
async function measured(workers: number, folder: string, order: Record<string, unknown>): Promise<Row> {
  const data = await Deno.makeTempDir({ prefix: "molstep-same-" }),
    server = workers > 0 ? await startNats() : undefined;
  const variables = server && { MOLSTEP_NATS: server.url };
  const root = dirname(folder), model = basename(folder);
  const service = await startService({ root, model, backend: "auto", data, variables });
  const drawing = Array.from({ length: workers }, () => startWorker(server!.url, data, root));
  let ended = 0;
  for (const { status } of drawing) status.then(() => ended++);
  try {
    const started = performance.now(), { id } = await service.admin("POST", "/campaigns", { model, ...order });
    let found: Record<string, unknown>;
    do {
      await new Promise((resolve) => setTimeout(resolve, 200));
      if (ended > 0) throw new Error("a worker ended");
      found = await service.admin("GET", `/campaigns/${id}`);
    } while (isActive(found.state as CampaignState));
    const seconds = (performance.now() - started) / 1000;
    if (found.state !== "done") throw new Error(`the campaign is ${found.state}: ${found.reason}`);
    const digests: Record<string, string> = {};
    for (const format of FORMATS) {
      const headers = { Authorization: `Bearer ${service.token}` };
      const answer = await fetch(`${service.url}/campaigns/${id}/results?format=${format}`, { headers });
      digests[format] = sha256Of(new Uint8Array(await answer.arrayBuffer())).slice(0, 16);
    }
    return { workers, seconds, ...digests };
  } finally {
    for (const one of drawing) {
      one.kill("SIGTERM");
      await one.status;
    }
    await service.stop();
    await server?.[Symbol.asyncDispose]();
    await Deno.remove(data, { recursive: true });
  }
}

if (import.meta.main) {
  await runProgram(async (args) => {
    const title = "deno task bench:campaigns-same";
    if (asksForHelp(args)) {
      return console.log(helpText(title, "Compares a campaign's results by who draws it.", OPTIONS));
    }
    const { workers, out, part, model, ...order } = readOptions(args, OPTIONS),
      under = { command: toldCommand("bench:campaigns-same", args), ...await conditions() };
    console.log(machineLine(under));
    const rows: Row[] = [], fixed = part && await partOf(part);
    for (const count of workers) {
      rows.push(
        await measured(count, resolve(model), { ...order, fixed, where: WHERE, shardSize: 256, formats: FORMATS }),
      );
      console.log(JSON.stringify(rows.at(-1)));
    }
    const condition = JSON.stringify(order.condition) ?? null, guidance = order.guidance ?? null;
    const settings = { ...order, condition, guidance, model: basename(model), part: part ?? null };
    const result = { bench: "campaigns-same", settings, rows };
    console.log(formatResult(result));
    if (out !== "-") await keep(out ?? resultsPath(under, "campaigns-same"), under, [result]);
    const differ = FORMATS.filter((format) => new Set(rows.map((row) => row[format])).size > 1);
    if (differ.length > 0) throw new Error(`not the same bytes of ${differ.join(", ")}`);
    console.log("the same bytes of all");
  });
}
