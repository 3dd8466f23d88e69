/** The worker of `scripted.ts`. */
import type { RoundEvent } from "../../../../model/distillation/events.ts";
import type { RoundOutcome } from "../../../../model/distillation/result.ts";
import type { Script } from "./scripted.ts";

const option = (name: string) => Deno.args[Deno.args.indexOf(`--${name}`) + 1];
const folder = option("folder"), script: Script = JSON.parse(await Deno.readTextFile(option("script")));
const settings = JSON.parse(option("settings")), checkpoint = `${folder}/checkpoint.txt`;
const tell = (event: RoundEvent) => console.log(JSON.stringify(event));

const stopped = Promise.withResolvers<void>();
Deno.addSignalListener("SIGTERM", () => script.act !== "deaf" && stopped.resolve());
const [done = "0", chain = "7"] = (await Deno.readTextFile(checkpoint).catch(() => "0")).split(" ");
const before = Number(done), update = before + 1;
const at = { update, seconds: update, fraction: 0.5, loss: 1 / update, updatesPerSecond: 1, eta: 10 };
tell({
  type: "started",
  backend: "script",
  why: "a test",
  device: Deno.env.get("TRACEPARENT") || "paper",
  update: before,
  memoryMiB: 50,
  passedOver: script.passedOver,
});
if (script.act !== "train") {
  tell({ type: "progress", ...at, parts: {} });
  await Deno.writeTextFile(checkpoint, String(update));
  tell({ type: "saved", update });
}

const rate = (value: number) => ({ value, low: value, high: value, n: 10 });
const drawn = (steps: number, value: number) => ({
  steps,
  moleculeStability: rate(value),
  atomStability: rate(value),
  validity: rate(value),
  validUnique: rate(value),
});

/** Reads stdin to its end, which is the service's; tells of each pause. */
async function listen() {
  let text = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end; (end = text.indexOf("\n")) >= 0; text = text.slice(end + 1)) {
      tell({ type: "progress", ...at, parts: { paused: text.slice(0, end) === "pause" ? 1 : 0 } });
    }
  }
  if (script.act !== "deaf") stopped.resolve();
}

/** Updates, each a function of the one before; then the student is one of the last. @returns its seed; undefined where it is told to stop */
async function train(): Promise<number | undefined> {
  let seed = Number(chain), over = false;
  listen();
  stopped.promise.then(() => over = true);
  for (let k = before; k < script.updates!; k++) {
    await new Promise((resolve) => setTimeout(resolve, script.ms));
    if (over) return void tell({ type: "stopped", update: k, seconds: k });
    seed = (Math.imul(seed, 1664525) + k) >>> 0;
    await Deno.writeTextFile(`${checkpoint}.partial`, `${k + 1} ${seed}`);
    await Deno.rename(`${checkpoint}.partial`, checkpoint);
    tell({ type: "saved", update: k + 1 });
  }
  return seed;
}

const trained = script.act === "train" ? await train() : undefined;
if (script.act === "train" && trained === undefined) Deno.exit(130);
switch (script.act) {
  case "crash":
    console.error("out of ideas");
    Deno.exit(3);
    break;
  case "fail":
    tell({ type: "failed", reason: "the loss is NaN at update 2" });
    Deno.exit(1);
    break;
  case "hold":
  case "deaf":
    listen();
    await stopped.promise;
    tell({ type: "stopped", update, seconds: update });
    Deno.exit(130);
    break;
  case "train":
  case "finish": {
    const { heavyAtomSpace } = await import("../../../../model/networks/heavy_atom/space.ts");
    const { initialise } = await import("../../../../model/networks/pair_attention/initialise.ts");
    const { writeSafetensors } = await import("../../../../model/diffusion/safetensors.ts");
    const { accepted = true, seed = trained ?? 7 } = script,
      why = accepted ? "as good as its teacher" : "40 points worse";
    const weights = initialise(heavyAtomSpace(), { width: 16, blocks: 1 }, seed);
    await Deno.writeFile(`${folder}/student.safetensors`, writeSafetensors(weights));
    const judged = { student: drawn(settings.to, 0.8), teacher: drawn(settings.from, 0.82) };
    tell({ type: "validated", update, seconds: update, heldOut: 2, drawn: judged.student });
    const entry = {
      steps: settings.to,
      levels: 0,
      variant: settings.variant,
      teacher: "qm9 test",
      version: `made-${seed}`,
      grid: settings.grid,
      options: settings.options,
      clamp: settings.clamp,
    };
    const outcome: RoundOutcome = { method: settings.method, accepted, why, entry, also: [], judged };
    await Deno.writeTextFile(`${folder}/result.json`, JSON.stringify(outcome));
    tell({ type: "judged", ...judged, accepted, why });
    tell({ type: "finished", update, seconds: update, accepted });
    Deno.exit(0);
  }
}
