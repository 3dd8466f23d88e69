/** The application on tiny models, the cpu backend and the real chemistry, for tests. */
import { createRdkit } from "../../chem/rdkit.ts";
import { createValidator, type Validate } from "../../chem/validator.ts";
import { listModels, loadModel, type LoadOptions } from "../../model/models/load.ts";
import { type Campaigns, type CampaignsOptions, openCampaigns } from "../../model/service/campaigns/campaigns.ts";
import { localRunner } from "../../model/service/jobs/local_runner.ts";
import { createPlanner, type PlannerOptions } from "../../model/service/jobs/plan.ts";
import { openJobStore } from "../../model/service/jobs/store.ts";
import { createSupervisor, type Supervisor } from "../../model/service/jobs/supervisor.ts";
import { createPublisher } from "../../model/service/publisher.ts";
import { createConformerPool } from "../../model/generation/conformer_pool.ts";
import { createQueue, type QueueOptions } from "../../model/generation/queue.ts";
import { createModelStore } from "../../model/models/store.ts";
import { recordDigests } from "../../model/models/weights.ts";
import { openSets, type SetQuota } from "../../model/service/sets.ts";
import type { ConformerLimits } from "../../model/service/conformers.ts";
import { createAccess } from "../../routes/access/access.ts";
import { openScopes, type Scope } from "../../routes/access/scopes.ts";
import type { TokenList } from "../../routes/access/token_list.ts";
import { createApp } from "../../routes/app.ts";
import { createMeters, type Meters } from "../../routes/meters.ts";
import type { Lifecycle } from "../../model/service/lifecycle.ts";
import type { Bindings, Deps } from "../../routes/deps.ts";
import { type Script, scripted } from "../model/service/jobs/scripted.ts";
import { type CardChanges, withFolder, writeTinyModel } from "../model/tiny_model.ts";

let validator: Promise<Validate> | undefined;

export interface FixtureOptions {
  readonly models?: readonly CardChanges[];
  readonly queue?: QueueOptions;
  readonly maxWork?: number;
  readonly maxBodyBytes?: number;
  readonly timeoutSeconds?: number;
  readonly trustedProxies?: readonly string[];
  readonly state?: Lifecycle["state"];
  readonly adminToken?: string;
  readonly tokens?: TokenList;
  /** As `MOLSTEP_OPEN_SCOPES`. */
  readonly openScopes?: readonly Scope[];
  readonly corsOrigins?: readonly string[];
  /** In place of the real chemistry on the main thread. */
  readonly validate?: Deps["validate"];
  /** Whether anything is measured. Default true. */
  readonly metrics?: boolean;
  /** What the worker of a round does. */
  readonly script?: Script;
  /** Bytes of memory that are free. */
  readonly available?: PlannerOptions["available"];
  /** Writes further models into the folder of all. */
  readonly write?: (root: string) => Promise<unknown>;
  /** Files of the models to remove, relative to their folder. */
  readonly damage?: readonly string[];
  /** Whether the cards have the digests of their files. */
  readonly digests?: boolean;
  /** What campaigns may take, and how long they wait. */
  readonly campaigns?: Partial<CampaignsOptions["quota"] & Pick<CampaignsOptions, "share" | "waitMs">>;
  /** What sets of molecules may take. */
  readonly sets?: Partial<SetQuota>;
  /** What requests for conformers may ask. */
  readonly conformers?: Partial<ConformerLimits>;
  /** In place of workers that draw conformers. */
  readonly conformerPool?: Deps["conformers"];
  /** Where the models run. Default: the cpu backend. */
  readonly place?: Pick<LoadOptions, "backend" | "precision" | "make">;
}

/** Runs a test with an application. `lines` are the log's, parsed. */
export async function withApp(
  work: (
    app: ReturnType<typeof createApp>,
    more: {
      lines: Record<string, unknown>[];
      abort: AbortController;
      queue: ReturnType<typeof createQueue>;
      supervisor: Supervisor;
      campaigns: Campaigns;
      meters: Meters;
      /** The data directory. */
      data: string;
      /** What the next worker does. */
      write: (script: Script) => Promise<void>;
    },
  ) => Promise<void>,
  options: FixtureOptions = {},
): Promise<void> {
  const { models = [{}], queue, maxWork = 1_000_000, maxBodyBytes = 65_536, state = "ready", damage = [] } = options;
  const { timeoutSeconds = 3600, trustedProxies = [], corsOrigins = [], adminToken, tokens } = options;
  const place: LoadOptions = { backend: "cpu", ...options.place };
  await withFolder(async (root) => {
    for (const changes of models) {
      const folder = await writeTinyModel(root, changes);
      if (options.digests) await recordDigests(folder);
    }
    await options.write?.(root);
    for (const file of damage) await Deno.remove(`${root}/${file}`);
    const load = (entry: Parameters<typeof loadModel>[0]) => loadModel(entry, { ...place, batch: 4 });
    const data = `${root}/data`, store = createModelStore(await listModels([root]), load);
    const lines: Record<string, unknown>[] = [], abort = new AbortController(), line = createQueue(queue);
    const publisher = createPublisher({ store, data, load, queue: line });
    const jobStore = openJobStore(`${data}/jobs.sqlite`), { trainer, write } = scripted(`${root}/script.json`);
    if (options.script) await write(options.script);
    const supervisor = createSupervisor({
      ...{ store: jobStore, data, publisher, runner: localRunner({ queue: line, trainer }) },
    });
    const sets = openSets({ data, quota: { sets: 2, bytes: 1 << 16, records: 100, days: 1, ...options.sets } });
    const plan = createPlanner({ store, queue: line, data, sets, available: options.available });
    const lifecycle: Lifecycle = { state, signal: abort.signal }, meters = createMeters();
    meters.watch({ store, queue: line, jobs: jobStore, lifecycle });
    const validate = options.validate ?? (() => validator ??= createRdkit().then(createValidator));
    const { share = 0.1, waitMs, ...quota } = options.campaigns ?? {};
    const campaigns = openCampaigns({
      ...{ data, store, validate, queue: line, share, waitMs },
      quota: { campaigns: 4, draws: 1_000_000, bytes: 2 ** 30, ...quota },
      readOnly: () => lifecycle.readOnly !== undefined,
    });
    meters.watch({ campaigns });
    campaigns.controller.observe(meters.shards);
    const conformers = options.conformerPool ?? createConformerPool({ workers: 1 });
    const limits = { molecules: 8, atoms: 60, count: 20, total: 100, seconds: 60, ...options.conformers };
    const app = createApp({
      ...{ store, validate, campaigns, conformers },
      sets,
      queue: line,
      config: { maxWork, maxBodyBytes, timeoutSeconds, trustedProxies, corsOrigins, conformers: limits },
      access: createAccess({ open: openScopes(options.openScopes, tokens), tokens, adminToken }),
      jobs: { store: jobStore, supervisor, plan },
      publisher,
      lifecycle,
      ...(options.metrics !== false && { meters }),
      log: (level, message, fields) => lines.push({ level, message, ...fields }),
    });
    try {
      await work(app, { lines, abort, meters, queue: line, supervisor, campaigns, data, write });
    } finally {
      conformers.close();
      await supervisor.stop();
      await campaigns.stop();
      await campaigns.close();
      await publisher.idle();
      jobStore.close();
      store.dispose();
    }
  });
}

/** POST /generate with a JSON body. */
export function post(
  app: ReturnType<typeof createApp>,
  body: unknown,
  headers: Record<string, string> = {},
  bindings?: Bindings,
): Promise<Response> {
  return Promise.resolve(app.request("/generate", {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
  }, bindings));
}
