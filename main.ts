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
  train: { summary: "train a model on QM9", load: async () => (await import("./main/train.ts")).trainCommand },
  data: { summary: "prepare QM9", load: async () => (await import("./main/data.ts")).dataCommand },
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
