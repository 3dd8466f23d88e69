/** `deno task bench [denoiser|service] [options]`: both where none is named. */
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { findModel } from "../main/models.ts";
import { RUNTIME_CHOICES, type RuntimeChoice, RUNTIMES } from "../model/runtimes.ts";
import { benchDenoiser } from "./denoiser.ts";
import { benchService } from "./service.ts";

const BENCHES = ["denoiser", "service"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string", default: "qm9" },
    backend: { type: "string", multiple: true },
    nodes: { type: "string", default: "9" },
    batch: { type: "string", default: "64" },
    seconds: { type: "string", default: "3" },
    count: { type: "string", default: "16" },
    steps: { type: "string", default: "16" },
    clients: { type: "string", default: "1,4,16" },
    requests: { type: "string", default: "4" },
  },
});
const unknown = positionals.find((name) => !BENCHES.includes(name));
if (unknown) throw new RangeError(`no benchmark ${unknown}; there are ${BENCHES.join(", ")}`);
const wrong = values.backend?.find((name) => !(RUNTIME_CHOICES as readonly string[]).includes(name));
if (wrong) throw new RangeError(`no backend ${wrong}; there are ${RUNTIME_CHOICES.join(", ")}`);
const asked = values.backend as RuntimeChoice[] | undefined;
const wanted = positionals.length > 0 ? positionals : BENCHES, { folder } = await findModel(values.model);

if (wanted.includes("denoiser")) {
  const backends = asked?.filter((name) => name !== "auto") ?? RUNTIMES.filter((name) => name !== "cpu");
  await benchDenoiser({
    folder,
    backends,
    nodes: Number(values.nodes),
    batch: Number(values.batch),
    seconds: Number(values.seconds),
  });
}
if (wanted.includes("service")) {
  await benchService({
    root: dirname(folder),
    backend: asked?.[0] ?? "auto",
    count: Number(values.count),
    steps: Number(values.steps),
    clients: values.clients.split(",").map(Number),
    requests: Number(values.requests),
  });
}
// Backends may keep workers or threads alive.
Deno.exit(0);
