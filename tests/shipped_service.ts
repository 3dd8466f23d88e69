/** A service with the shipped weights on a port of its own, for tests of what talks to it over HTTP: the page, and clients in other languages. */
import { shippedModels } from "../main/models.ts";
import { listModels } from "../model/models/overlay.ts";
import { parseConfig } from "../routes/config.ts";
import { serve } from "../routes/serve.ts";
import { scripted } from "./model/service/jobs/scripted.ts";
import { withFolder, writeTinyModel } from "./model/tiny_model.ts";

/** The administrator's token. */
export const TOKEN = "a-token-of-a-test-1234";

/** The model of rounds, whose worker plays. */
export const PLAYED = "played";

/** Runs a test beside a service. @param variables of its own */
export const withShippedService = (
  variables: Readonly<Record<string, string>>,
  work: (service: {
    /** Without a slash at its end. */
    readonly url: string;
    /** The file of what the worker of a round does, and how to write it. */
    readonly script: string;
    readonly write: ReturnType<typeof scripted>["write"];
  }) => Promise<void>,
): Promise<void> =>
  withFolder(async (root) => {
    const config = parseConfig({
      PORT: "0",
      MOLSTEP_HOST: "127.0.0.1",
      MOLSTEP_BACKEND: "wasm",
      MOLSTEP_THREADS: "1",
      MOLSTEP_DRAIN_SECONDS: "0",
      MOLSTEP_DATA_DIR: `${root}/data`,
      MOLSTEP_ADMIN_TOKEN: TOKEN,
      ...variables,
    });
    await writeTinyModel(root, { name: PLAYED });
    const script = `${root}/script.json`, { trainer, write } = scripted(script);
    const service = serve(config, await listModels([shippedModels(), root]), () => {}, { trainer });
    try {
      await service.ready;
      await work({ url: `http://127.0.0.1:${service.port}`, script, write });
    } finally {
      await service.stop();
    }
  });
