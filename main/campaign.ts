/** molstep campaign */
import { z } from "zod";
import { campaignEvent, isActive } from "../model/campaigns/campaign.ts";
import { CAMPAIGN_UNIQUE, RESULT_FORMATS, type ResultFormat } from "../model/campaigns/order.ts";
import { absent, partialOf } from "../model/diffusion/files.ts";
import { parseKnown } from "../model/diffusion/strict.ts";
import { campaignList, campaignPlan, campaignSchema } from "../routes/campaigns/schema.ts";
import { command, type Terminal } from "./command.ts";
import { conditionOptions } from "./condition_option.ts";
import { fixedOptions, readFixed } from "./fixed_option.ts";
import { flag, given, object, option, UsageError, whole } from "./options.ts";
import { SERVICE_URL } from "./permissions.ts";
import { clock, createProgress } from "./progress.ts";
import { type AskService, serviceAt, ServiceError } from "./service_client.ts";

const ACTS = ["submit", "status", "watch", "cancel", "collect"] as const;

/** What the command does, and with which campaign. */
const words = z.string({ error: `must be one of ${ACTS.join(", ")}` }).transform((text) => text.split(",")).pipe(
  z.union([z.tuple([z.enum(ACTS)]), z.tuple([z.enum(ACTS), z.string().min(1)])], {
    error: `must be one of ${ACTS.join(", ")}, and the id of a campaign behind all but submit and status`,
  }),
);

type Campaign = z.infer<typeof campaignSchema>;

/** Reads an answer, whatever a newer service says more. @throws ServiceError where it is not understood */
async function read<T extends z.ZodType>(answer: Response, schema: T): Promise<z.infer<T>> {
  const { data, error } = parseKnown(schema, await answer.json());
  if (data) return data;
  throw new ServiceError(`${answer.url} is not understood: ${z.prettifyError(error!)}`);
}

const found = ({ kept, want, drawn, duplicates, flat }: {
  readonly kept: number;
  readonly want: number;
  readonly drawn: number;
  readonly duplicates: number;
  readonly flat?: number;
}) =>
  `${kept} of ${want} found in ${drawn} drawn, ${duplicates} of them repeats` +
  (flat === undefined ? "" : `; without stereo ${flat} differ`);

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toPrecision(3)} MiB`;

const percent = (share: number) => (100 * share).toPrecision(3);

/** What is known of a campaign's time and size before it is. */
function estimateText(
  { passRate, passRateInterval, moleculesPerSecond, draws, seconds, bytes, most, enough }: Campaign["estimate"],
): string {
  const rate = `${moleculesPerSecond} molecules/s, of which ${percent(passRate)} % (${
    passRateInterval.map(percent).join(" to ")
  }) count`;
  if (draws === null) {
    return `estimate: ${rate}; time and size are not known, as none counted; at most ${
      clock(most.seconds)
    } for all ${most.draws} draws, ${mebibytes(most.bytes)}`;
  }
  const little = enough ? "" : "; that is less than wanted";
  return `estimate: ${rate}; ${clock(seconds!)} for ${draws} draws, ${mebibytes(bytes!)}${little}`;
}

/** What is odd about an order, a line each. */
const warningsText = ({ warnings = [] }: Pick<Campaign, "warnings">) => warnings.map((one) => `${one}\n`).join("");

function statusText(campaign: Campaign): string {
  const { id, name, state, reason, want, progress, results } = campaign;
  const files = RESULT_FORMATS.filter((format) => results[format] !== null);
  return [
    `${id}  ${state}${name ? `  ${name}` : ""}`,
    `  ${found({ want, ...progress })}${progress.etaSeconds ? `; ${clock(progress.etaSeconds)} left` : ""}`,
    ...reason ? [`  ${reason}`] : [],
    ...Object.entries(progress.rejected).sort(([, a], [, b]) => b - a).map(([why, n]) => `  fell out: ${n} by ${why}`),
    `  results: ${files.map((format) => `${format} ${mebibytes(results[format]!)}`).join(", ")}`,
  ].join("\n") + "\n";
}

/** Lines of an answer, as they come. */
async function* linesOf(answer: Response): AsyncGenerator<string, void, void> {
  let text = "";
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split("\n");
    text = lines.pop()!;
    yield* lines;
  }
}

/** Milliseconds until a service that has gone away is asked again, and how often that is done. */
const AGAIN_MS = 2000, AGAIN_MOST = 150;

/** Follows a campaign until it has ended; goes on where the service went away. @returns as it is then; undefined where it was removed */
async function watched(ask: AskService, id: string, terminal: Terminal): Promise<Campaign | undefined> {
  const progress = createProgress(terminal), get = async () => read(await ask(`/campaigns/${id}`), campaignSchema);
  let campaign = await get(), last = 0, missed = 0;
  const { want, draws } = campaign;
  while (isActive(campaign.state)) {
    try {
      const answer = await ask(`/campaigns/${id}/events`, { headers: { "Last-Event-ID": String(last) } });
      for await (const line of answer.status === 204 ? [] : linesOf(answer)) {
        if (line.startsWith("id: ")) last = Number(line.slice(4));
        if (!line.startsWith("data: ")) continue;
        missed = 0;
        const event = parseKnown(campaignEvent, JSON.parse(line.slice(6))).data;
        if (event?.type === "removed") return progress.end(`campaign ${id} was removed`), undefined;
        if (event?.type === "state" && event.state === "paused") terminal.error(`\nwaiting: ${event.reason}\n`);
        if (event?.type !== "progress") continue;
        const { kept, drawn, seconds } = event;
        progress.update(Math.min(1, Math.max(kept / want, drawn / draws)), found({ want, ...event }), seconds);
      }
      campaign = await get();
    } catch (error) {
      terminal.signal.throwIfAborted();
      if ((error instanceof ServiceError && error.status !== undefined) || ++missed > AGAIN_MOST) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
  progress.end(
    `${campaign.state}: ${found({ want, ...campaign.progress })}${campaign.reason ? `; ${campaign.reason}` : ""}`,
  );
  return campaign;
}

/** Endings of files, and the form that each means. */
const ENDINGS: readonly (readonly [string, ResultFormat])[] = [
  [".ndjson", "ndjson"],
  [".sdf.gz", "sdf"],
  [".parquet", "parquet"],
];

function formatOf(out: string): ResultFormat {
  const known = ENDINGS.find(([ending]) => out.endsWith(ending));
  if (known) return known[1];
  throw new UsageError(`--out must end in ${ENDINGS.map(([ending]) => ending).join(", ")}; got ${out}`);
}

/** Bytes by which a file that was begun is known: at its end, where those of two campaigns differ. */
const KNOWN_BYTES = 4096;

/** Bytes of a file that was begun which are these results': all of them, or none, where it was begun with another campaign's. */
async function begunOf(
  file: Deno.FsFile,
  size: number,
  bytesOf: (range: string) => Promise<Response>,
): Promise<number> {
  if (size === 0) return 0;
  const from = Math.max(0, size - KNOWN_BYTES), own = new Uint8Array(size - from);
  await file.seek(from, Deno.SeekMode.Start);
  for (let at = 0, read; at < own.length && (read = await file.read(own.subarray(at))) !== null;) at += read;
  const theirs = await (await bytesOf(`bytes=${from}-${size - 1}`)).bytes();
  return theirs.length === own.length && theirs.every((byte, k) => byte === own[k]) ? size : 0;
}

/** Loads results into a file, from where an earlier try was stopped. */
async function collect(ask: AskService, id: string, out: string, terminal: Terminal): Promise<void> {
  const format = formatOf(out), partial = partialOf(out), progress = createProgress(terminal);
  const length = (await read(await ask(`/campaigns/${id}`), campaignSchema)).results[format];
  if (length === null) throw new ServiceError(`campaign ${id} has no results as ${format}`);
  const size = (await Deno.stat(partial).catch(absent))?.size ?? 0;
  {
    using file = await Deno.open(partial, { read: true, write: true, create: true });
    const path = `/campaigns/${id}/results?format=${format}`;
    const bytesOf = (range: string) => ask(path, { headers: { Range: range } });
    let at = size < length ? await begunOf(file, size, bytesOf) : 0;
    await file.truncate(at);
    await file.seek(at, Deno.SeekMode.Start);
    const answer = length > 0 ? await bytesOf(`bytes=${at}-`) : undefined;
    for await (const chunk of answer?.body ?? []) {
      for (let done = 0; done < chunk.length;) done += await file.write(chunk.subarray(done));
      at += chunk.length;
      progress.update(at / length, mebibytes(at));
    }
    if (at !== length) throw new ServiceError(`${partial} must have ${length} bytes; got ${at}: collect it again`);
    await file.sync();
  }
  await Deno.rename(partial, out);
  progress.end(`${out}: ${mebibytes(length)}`);
}

/** The text of an order: JSON itself, of a file, or of stdin. */
async function orderText(order: string): Promise<string> {
  if (order.startsWith("{")) return order;
  return order === "-" ? await new Response(Deno.stdin.readable).text() : await Deno.readTextFile(order);
}

/** An order as options have it. Those of their own stand before what the file says. */
async function orderOf(
  { order, where, ...own }: { readonly order?: string; readonly where?: object; readonly [name: string]: unknown },
): Promise<Record<string, unknown>> {
  const read = order === undefined ? undefined : object().safeParse(await orderText(order));
  if (read?.error) throw new UsageError(`--order: ${z.prettifyError(read.error)}`);
  return { ...read?.data, ...given({ where, ...own }) };
}

/** Campaigns of a service. */
export const campaignCommand = command({
  summary: "Begins, watches and collects campaigns of a service (docs/campaigns.md).\n" +
    "  campaign submit --want N --steps N [--where JSON] [--order FILE] [--dry-run] [--watch]   prints the campaign's id\n" +
    "  campaign status [ID]\n" +
    "  campaign watch ID\n" +
    "  campaign collect ID --out FILE    waits until it is done; goes on with a file that was begun\n" +
    "  campaign cancel ID                ends it, and removes it with its results",
  options: {
    act: option(ACTS.join("|"), "what to do, and the id of a campaign; stand first, without --act", words),
    url: option(
      "URL",
      `the service, with the token in MOLSTEP_TOKEN where it asks for one (default ${SERVICE_URL})`,
      z.url({ protocol: /^https?$/, error: "must be an address such as http://localhost:8000" }).default(SERVICE_URL),
    ),
    order: option(
      "FILE",
      "JSON of the order, as POST /campaigns takes it: a file, - for stdin, or itself",
      z.string().optional(),
    ),
    want: option("N", "molecules to find", whole(1).optional()),
    steps: option("N", "steps of the sampler", whole(1, 1000).optional()),
    where: option("JSON", "what molecules must be", object().optional()),
    ...fixedOptions,
    ...conditionOptions,
    model: option("NAME", "a model of the service (default qm9)", z.string().optional()),
    seed: option("N", "the seed (default: drawn)", whole(0, 0xffffffff).optional()),
    "max-draws": option("N", "most molecules to draw", whole(1).optional()),
    unique: option(
      "RULE",
      `which molecules count once: ${CAMPAIGN_UNIQUE.join(", ")} (default inchikey; flat leaves stereo aside)`,
      z.enum(CAMPAIGN_UNIQUE).optional(),
    ),
    name: option("NAME", "of the campaign, for people", z.string().optional()),
    "dry-run": flag("tell the estimate alone"),
    watch: flag("of submit: watch it then"),
    out: option("FILE", "of collect: .ndjson, .sdf.gz or .parquet", z.string().min(1).optional()),
  },
  words: "act",
  async run(
    {
      act: [act, id],
      url,
      out,
      watch,
      "dry-run": dryRun,
      "max-draws": maxDraws,
      fixed: part,
      "fixed-atoms": atoms,
      ...values
    },
    terminal,
  ) {
    const { attach, resample, ...asked } = values;
    const ask = serviceAt(url, terminal.environment.MOLSTEP_TOKEN, terminal.signal);
    const needed = (): string => {
      if (id === undefined) throw new UsageError(`${act} must have the id of a campaign behind it`);
      return id;
    };
    const follow = async (one: string) => (await watched(ask, one, terminal))?.state === "done" ? 0 : 1;
    switch (act) {
      case "submit": {
        const fixed = await readFixed({ fixed: part, "fixed-atoms": atoms, attach, resample });
        const body = { ...await orderOf({ ...asked, maxDraws, fixed }), ...(dryRun && { dryRun }) };
        const answer = await ask("/campaigns", { method: "POST", body });
        if (dryRun) {
          const plan = await read(answer, campaignPlan);
          terminal.error(warningsText(plan));
          terminal.out(`${estimateText(plan.estimate)}\n`);
          return 0;
        }
        const campaign = await read(answer, campaignSchema);
        terminal.error(`${warningsText(campaign)}${estimateText(campaign.estimate)}\n`);
        terminal.out(`${campaign.id}\n`);
        return watch ? await follow(campaign.id) : 0;
      }
      case "status": {
        const some = id === undefined
          ? (await read(await ask("/campaigns?limit=200"), campaignList)).campaigns
          : [await read(await ask(`/campaigns/${id}`), campaignSchema)];
        for (const campaign of some) terminal.out(statusText(campaign));
        return 0;
      }
      case "watch":
        return await follow(needed());
      case "cancel":
        await ask(`/campaigns/${needed()}`, { method: "DELETE" });
        terminal.error(`campaign ${id} is removed\n`);
        return 0;
      case "collect": {
        if (out === undefined) throw new UsageError("--out must be given to collect a campaign");
        formatOf(out);
        const status = await follow(needed());
        if (status === 0) await collect(ask, needed(), out, terminal);
        return status;
      }
    }
  },
});
