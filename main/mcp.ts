/** molstep mcp */
import process from "node:process";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { parseConfig } from "../routes/config.ts";
import { command } from "./command.ts";
import { askService, openLocal } from "./mcp_source.ts";
import { COUNT_MAX } from "../routes/generate_schema.ts";
import { createToolServer } from "./mcp_tool.ts";
import { findModels } from "./models.ts";
import { option, UsageError, whole } from "./options.ts";

const url = z.url({ protocol: /^https?$/, error: "must be an address such as http://localhost:8000" });

/** A server of the Model Context Protocol on stdin and stdout, until stdin ends. */
export const mcpCommand = command({
  summary:
    "Serves the tools generate_molecules and generate_conformers over stdio (Model Context Protocol), by models in this process, configured by the " +
    "environment as the service is (docs/configuration.md), or by a service.",
  options: {
    url: option("URL", "a service to ask, with the token in MOLSTEP_TOKEN where it asks for one", url.optional()),
    "max-count": option(
      "N",
      "most molecules of a call, or conformers of each (default 100)",
      whole(1, COUNT_MAX).default(100),
    ),
  },
  async run({ url, "max-count": maxCount }, { environment, error, signal }) {
    // stdout is the protocol's. What libraries say goes where logs go.
    console.log = console.info = console.debug = console.error;
    const note = (message: string) => error(`molstep mcp: ${message}\n`);
    let source;
    if (url) source = askService(url, environment.MOLSTEP_TOKEN);
    else {
      const config = parseConfig(environment), onFault = (error: Error) => note(error.message);
      const entries = await findModels(config.models, { data: config.dataDir, onFault });
      const missing = config.preload.find((name) => !entries.some((entry) => entry.name === name));
      if (missing) throw new UsageError(`MOLSTEP_PRELOAD: there is no model ${missing}`);
      source = openLocal(entries, { ...config, decoders: config.validators, note });
    }
    const ended = new Promise<void>((resolve) => {
      for (const event of ["end", "close", "error"]) process.stdin.once(event, () => resolve());
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const draws = source,
      server = serveStdio(() => createToolServer(draws, { maxCount, note }), {
        onerror: (error) => note(error.message),
      });
    await ended;
    await server.close();
    source.close();
    return 0;
  },
});
