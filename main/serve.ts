/** molstep serve */
import { z } from "zod";
import { PRECISIONS, precisionsInWords, RUNTIME_CHOICES } from "../model/engines/runtimes.ts";
import { parseConfig } from "../routes/config.ts";
import { createLog } from "../routes/log.ts";
import { serve } from "../routes/serve.ts";
import { command } from "./command.ts";
import { findModels } from "./models.ts";
import { option, whole } from "./options.ts";

/** The service; options take the place of environment variables. */
export const serveCommand = command({
  summary: "Serves POST /generate over HTTP. Configured by the environment (docs/configuration.md) and these options.",
  options: {
    port: option("PORT", "port to listen on, 0 for a free one (PORT; default 8000)", whole(0, 65535).optional()),
    host: option("ADDRESS", "address to listen on (MOLSTEP_HOST; default: all of the machine)", z.string().optional()),
    backend: option(
      "NAME",
      `${RUNTIME_CHOICES.join(", ")} (MOLSTEP_BACKEND; default auto)`,
      z.enum(RUNTIME_CHOICES).optional(),
    ),
    precision: option(
      "NAME",
      `number format of products: ${precisionsInWords()} (MOLSTEP_PRECISION; default f32)`,
      z.enum(PRECISIONS).optional(),
    ),
    models: option("FOLDERS", "folders of models, set apart by colons (MOLSTEP_MODELS)", z.string().optional()),
    preload: option("NAMES", "models to load at the start (MOLSTEP_PRELOAD; default qm9)", z.string().optional()),
  },
  async run({ port, host, backend, precision, models, preload }, { environment, error }) {
    const config = parseConfig({
      ...environment,
      ...(port !== undefined && { PORT: String(port) }),
      ...(host !== undefined && { MOLSTEP_HOST: host }),
      ...(backend !== undefined && { MOLSTEP_BACKEND: backend }),
      ...(precision !== undefined && { MOLSTEP_PRECISION: precision }),
      ...(models !== undefined && { MOLSTEP_MODELS: models }),
      ...(preload !== undefined && { MOLSTEP_PRELOAD: preload }),
    });
    const log = createLog({ level: config.logLevel, write: (line) => error(line + "\n") });
    const entries = await findModels(config.models, {
      data: config.dataDir,
      onFault: (error) => log("warn", "data directory", { error: String(error) }),
    });
    const service = serve(config, entries, log);
    let interrupted = false;
    Deno.addSignalListener("SIGTERM", () => {
      log("info", "stopping", { signal: "SIGTERM" });
      service.stop();
    });
    // By hand nobody waits for a load balancer; who interrupts twice does not wait for requests either.
    Deno.addSignalListener("SIGINT", () => {
      if (interrupted) Deno.exit(130);
      interrupted = true;
      log("info", "stopping", { signal: "SIGINT" });
      service.stop(0);
    });
    // Without its models the service is of no use: it stops, so that whoever runs it hears of it.
    const failed = await service.ready.then(() => false, () => true);
    if (failed) await service.stop(0);
    await service.finished;
    await service.stop();
    return failed ? 1 : 0;
  },
});
