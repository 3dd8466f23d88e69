/** molstep serve */
import { watchLauncher } from "../model/service/launcher.ts";
import { createLog } from "../routes/log.ts";
import { serve } from "../routes/serve.ts";
import { command } from "./command.ts";
import { findModels } from "./models.ts";
import { serveConfig, serveOptions } from "./serve_options.ts";

/** The service; options take the place of environment variables. */
export const serveCommand = command({
  summary: "Serves POST /generate over HTTP. Configured by the environment (docs/configuration.md) and these options.",
  options: serveOptions,
  async run(options, { environment, error }) {
    const config = serveConfig(options, environment);
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
    // Whoever would stop the service knows the launcher alone.
    const unwatch = watchLauncher(environment, () => {
      log("warn", "stopping", { reason: "the launcher has ended" });
      service.stop();
    });
    // Without its models the service is of no use: it stops, so that whoever runs it hears of it.
    const failed = await service.ready.then(() => false, () => true);
    if (failed) await service.stop(0);
    await service.finished;
    await service.stop();
    unwatch();
    return failed ? 1 : 0;
  },
});
