/** The command line. */
import { type Commands, run } from "./main/run.ts";

/** Every command. */
export const commands: Commands = {
  serve: {
    summary: "serve POST /generate over HTTP",
    load: async () => (await import("./main/serve.ts")).serveCommand,
  },
  generate: {
    summary: "draw molecules into a file",
    load: async () => (await import("./main/generate.ts")).generateCommand,
  },
  conformers: {
    summary: "draw conformers of the molecules of a file",
    load: async () => (await import("./main/conformers.ts")).conformersCommand,
  },
  worker: {
    summary: "draw shards of campaigns for a service",
    load: async () => (await import("./main/worker.ts")).workerCommand,
  },
  campaign: {
    summary: "begin, watch and collect campaigns of a service",
    load: async () => (await import("./main/campaign.ts")).campaignCommand,
  },
  mcp: {
    summary: "serve a tool to language models over stdio",
    load: async () => (await import("./main/mcp.ts")).mcpCommand,
  },
  evaluate: {
    summary: "measure a model",
    load: async () => (await import("./main/evaluate.ts")).evaluateCommand,
  },
  tune: {
    summary: "compare samplers and grids for a model",
    load: async () => (await import("./main/tune.ts")).tuneCommand,
  },
  reproduce: {
    summary: "measure what the papers' tables have",
    load: async () => (await import("./main/reproduce.ts")).reproduceCommand,
  },
  train: { summary: "train a model on QM9", load: async () => (await import("./main/train.ts")).trainCommand },
  distill: {
    summary: "halve the number of steps of a model",
    load: async () => (await import("./main/distill.ts")).distillCommand,
  },
  export: {
    summary: "make a model of a training run",
    load: async () => (await import("./main/export.ts")).exportCommand,
  },
  import: {
    summary: "make a model of a released GeoLDM or EDM checkpoint",
    load: async () => (await import("./main/import.ts")).importCommand,
  },
  digest: {
    summary: "enter the digests of a model's weights in its card",
    load: async () => (await import("./main/digest.ts")).digestCommand,
  },
  tokens: {
    summary: "make, list and take back the tokens that the service asks for",
    load: async () => (await import("./main/tokens.ts")).tokensCommand,
  },
  data: { summary: "prepare QM9", load: async () => (await import("./main/data.ts")).dataCommand },
  readme: {
    summary: "write the generated tables of README.md and docs/",
    load: async () => (await import("./main/readme.ts")).readmeCommand,
  },
};

if (import.meta.main) {
  const interrupt = new AbortController(), encoder = new TextEncoder();
  const [name] = Deno.args;
  // The service minds its own signals; the other commands are aborted.
  if (name !== "serve") {
    Deno.addSignalListener("SIGINT", () => {
      if (interrupt.signal.aborted) Deno.exit(130);
      interrupt.abort(new DOMException("interrupted", "AbortError"));
    });
  }
  const status = await run(commands, Deno.args, {
    out: (text) => void Deno.stdout.writeSync(encoder.encode(text)),
    error: (text) => void Deno.stderr.writeSync(encoder.encode(text)),
    interactive: Deno.stderr.isTerminal(),
    environment: Deno.env.toObject(),
    signal: interrupt.signal,
  });
  Deno.exit(status);
}
