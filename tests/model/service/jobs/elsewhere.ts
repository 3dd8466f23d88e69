/** Rounds over NATS for tests: the service's side, and workers whose rounds a script runs. */
import { writeRandomModel } from "../../../../bench/random_model.ts";
import { folderFiles } from "../../../../model/campaigns/folder_files.ts";
import { roundSettings } from "../../../../model/distillation/settings.ts";
import { localRunner } from "../../../../model/service/jobs/local_runner.ts";
import { natsExchange } from "../../../../model/service/jobs/nats/exchange.ts";
import { workRounds } from "../../../../model/service/jobs/nats/work.ts";
import type { RoundWorkOptions } from "../../../../model/service/jobs/nats/work_options.ts";
import { natsRunner, type NatsRunnerOptions } from "../../../../model/service/jobs/nats_runner.ts";
import type { JobPlan } from "../../../../model/service/jobs/plan.ts";
import { TEACHER } from "../../../../model/service/jobs/snapshot.ts";
import { openJobStore } from "../../../../model/service/jobs/store.ts";
import { createSupervisor } from "../../../../model/service/jobs/supervisor.ts";
import { NATS_SERVER, type NatsServer, startNats, WITHOUT_SERVER } from "../../../nats_server.ts";
import { withFolder } from "../../tiny_model.ts";
import { scripted } from "./scripted.ts";

/** A test with a folder and a server; skipped where there is no program of one. */
export const testElsewhere = (name: string, fn: (root: string, server: NatsServer) => Promise<void>) =>
  Deno.test({
    name: name + WITHOUT_SERVER,
    ignore: !NATS_SERVER,
    fn: () =>
      withFolder(async (root) => {
        await using server = await startNats();
        await fn(root, server);
      }),
  });

/** A round of the scripted trainer, with a teacher in its folder. */
export const plan: JobPlan = {
  settings: roundSettings.parse({ model: "qm9", from: 8, to: 4 }),
  limits: { updates: 5 },
  estimate: {
    ...{ secondsPerUpdate: 1, updates: 5, trainingSeconds: 5, judgingSeconds: 1, memoryMiB: 1, availableMiB: null },
    backend: "cpu",
  },
  prepare: async (folder) => {
    await writeRandomModel(folder, { width: 16, blocks: 1 }, { name: TEACHER, version: "test", sizes: { "3": 1 } });
  },
};

/** Where the files of rounds are, in a test's folder. */
export const filesIn = (root: string) => folderFiles(`${root}/files`);

/** A service's life in a folder; `published` is what it put into service. */
export function service(root: string, servers: string, more: Partial<NatsRunnerOptions> = {}) {
  const store = openJobStore(`${root}/jobs.sqlite`), published: string[] = [];
  const exchange = natsExchange({ servers, patience: 2 });
  const supervisor = createSupervisor({
    ...{ store, data: root },
    runner: natsRunner({
      ...{ exchange, files: filesIn(root), lease: 2, pollMs: 30, digest: () => Promise.resolve("data"), ...more },
    }),
    publisher: {
      publishStudent: async (model, _, weights) => {
        published.push(model);
        await Deno.writeTextFile(`${root}/published`, `${weights}\n`, { append: true });
      },
      publishModel: () => Promise.resolve(),
    },
  });
  const end = async () => {
    await supervisor.stop();
    store.close();
    await exchange.close();
  };
  return { store, supervisor, published, exchange, end };
}

/** A worker; its script is the file `script` of the folder. */
export function worker(root: string, servers: string, more: Partial<RoundWorkOptions> & { name: string }) {
  const exchange = natsExchange({ servers, patience: 2 }), stop = new AbortController();
  const { trainer, write } = scripted(`${root}/script`);
  const working = workRounds({
    ...{ exchange, files: filesIn(root), folder: `${root}/${more.name}`, signal: stop.signal },
    runner: localRunner({ trainer, queue: { held: 0 } }),
    ...{ pollMs: 30, progressMs: 0, refuseMs: 100, digest: () => Promise.resolve("data") },
    ...more,
  });
  const end = async () => {
    stop.abort();
    await working;
    await exchange.close();
  };
  return { write, end };
}
