/** The service's configuration: environment variables, parsed once. */
import { z } from "zod";
import "../chem/issues.ts";
import { type Refine, REFINES } from "../chem/refinement/refine.ts";
import { BUCKET_VARIABLES, type BucketEnvironment, bucketPlace, isBucket } from "../model/campaigns/bucket_place.ts";
import { hostsOf } from "../model/campaigns/nats/address.ts";
import { THREADS_MAX } from "../model/engines/c/constants.ts";
import { MACHINE } from "../model/engines/hardware.ts";
import type { CampaignQuota } from "../model/service/campaigns/plan.ts";
import type { ConformerLimits } from "../model/service/conformers.ts";
import type { SetQuota } from "../model/service/sets.ts";
import { ROUND_PLACES } from "../model/service/jobs/runner.ts";
import { LAUNCHER } from "../model/service/launcher.ts";
import {
  lackingPrecision,
  type Precision,
  PRECISIONS,
  precisionsInWords,
  RUNTIME_CHOICES,
} from "../model/engines/runtimes.ts";
import { OPENABLE, openScopes, type Scope } from "./access/scopes.ts";
import { isOrigin, parseNetwork } from "./clients.ts";

/** Levels of the log, least first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

const whole = (min: number, max: number) =>
  z.string().regex(/^\d+$/, "must be a whole number").transform(Number).pipe(z.int().min(min).max(max));

const fraction = z.string().regex(/^(0|1|[01]?\.\d+)$/, "must be a number from 0 to 1").transform(Number)
  .pipe(z.number().min(0).max(1));

const list = (text: string, mark: string) => text.split(mark).map((part) => part.trim()).filter(Boolean);

/** What refuses text that a function throws of, with its words. */
const holding = (
  read: (text: string) => unknown,
): [(text: string) => boolean, { error: (issue: { input?: unknown }) => string }] => {
  const fault = (text: string) => {
    try {
      read(text);
    } catch (error) {
      return (error as Error).message;
    }
  };
  return [(text) => fault(text) === undefined, { error: ({ input }) => fault(String(input)) ?? "" }];
};

/** Every variable that the service reads, with its default. */
export const serviceEnvironment = z.strictObject({
  PORT: whole(0, 65535).default(8000).describe("Port to listen on; 0 takes a free one"),
  MOLSTEP_HOST: z.string().min(1).optional().describe(
    "Address to listen on; where absent all of the machine's, of IPv6 and IPv4 (`::`, or `0.0.0.0` where there is no IPv6)",
  ),
  MOLSTEP_MAX_CONNECTIONS: whole(1, 65_535).default(512).describe(
    "Connections at once. When all are taken, the one that has waited longest without a whole request makes room",
  ),
  MOLSTEP_HEAD_SECONDS: whole(1, 3600).default(10).describe(
    "Longest wait for the whole head of a request, on a new connection and on one that is kept alive",
  ),
  MOLSTEP_BODY_SECONDS: whole(1, 3600).default(10).describe("Longest wait for the whole body of a request"),
  MOLSTEP_WRITE_SECONDS: whole(1, 3600).default(30).describe(
    "Longest that a client may take nothing of its answer; then its connection is closed and its request ended",
  ),
  MOLSTEP_TRUSTED_PROXIES: z.string().transform((text) => list(text, ",")).default([]).superRefine((names, context) => {
    const wrong = names.filter((name) => !parseNetwork(name));
    if (wrong.length > 0) context.addIssue(`must be addresses or networks such as 10.0.0.0/8; got ${wrong.join(", ")}`);
  }).describe(
    "Addresses and networks (`10.0.0.0/8, ::1`) of proxies, set apart by commas, whose `X-Forwarded-For` is believed; others' is not read",
  ),
  MOLSTEP_MODELS: z.string().min(1).optional().describe(
    "Folders of models, set apart by colons; those shipped where absent",
  ),
  MOLSTEP_PRELOAD: z.string().default("qm9").describe(
    "Models, set apart by commas, to load before the service is ready; the others load when they are first asked for",
  ),
  MOLSTEP_BACKEND: z.enum(RUNTIME_CHOICES).default("auto").describe("Where the networks run"),
  MOLSTEP_THREADS: whole(1, THREADS_MAX).optional().describe("Threads of the engine; the machine's cores where absent"),
  MOLSTEP_PRECISION: z.enum(PRECISIONS).default("f32").describe(
    `Number format of the factors of products, where the backend has it: ${precisionsInWords()}. f32 is the reproducible one; ` +
      "16 bits need an adapter with `shader-f16`, or a processor with AVX512-FP16 or AVX512-BF16",
  ),
  // Read by the engine itself, as other commands have it, too.
  MOLSTEP_ISA: z.string().optional().describe(
    "The native engine's product kernel, such as `avx512-f16`, of those that compute in the precision asked for; one that the processor lacks is told " +
      "when the first model loads, with those that it has. The best where absent",
  ),
  MOLSTEP_VALIDATORS: whole(0, 64).optional().describe(
    "Most workers that validate molecules, some 100 MiB each, and as many that decode, some 50 MiB each, with each model that was asked for " +
      "drafts whose graph is searched; where absent a core less than there are, from 1 to 3. 0: none",
  ),
  MOLSTEP_REFINE: z.enum(REFINES).optional().describe(
    "How molecules are refined where a request does not say: `none`, `mmff94`, `mmff94s` or `mmff94-qm9` ([refinement.md](refinement.md)); as the model's card has it where absent, else as the decoding and the steps gain by it",
  ),
  MOLSTEP_BATCH: whole(1, 4096).default(64).describe("Most molecules that are sampled together"),
  MOLSTEP_MAX_REQUESTS: whole(1, 100_000).default(32).describe(
    "Generations running or waiting; more are refused with 503",
  ),
  MOLSTEP_MAX_HELD_WORK: whole(1, 1_000_000_000).default(4_000_000).describe(
    "Most molecules x steps yet to be drawn, of all generations held; more are refused with 503. At least `MOLSTEP_MAX_WORK`",
  ),
  MOLSTEP_CLIENT_SHARE: fraction.default(0.5).describe(
    "Share of these two that one client may hold, and of its first generation any; more is refused with 429. 1: no limit",
  ),
  MOLSTEP_TIMEOUT_SECONDS: whole(1, 86_400).default(3600).describe(
    "Longest that a generation may take, waiting included; `timeoutMs` of a request may only shorten it",
  ),
  MOLSTEP_MAX_WORK: whole(1, 1_000_000).default(1_000_000).describe("Most molecules x steps in one request"),
  MOLSTEP_MAX_BODY_BYTES: whole(64, 10_000_000).default(65_536).describe("Longest request body"),
  MOLSTEP_SLICE_MS: whole(0, 60_000).default(100).describe(
    "Longest turn on the device while other requests wait, ms; of networks that do not run on the engine's workers",
  ),
  MOLSTEP_ADMIN_TOKEN: z.string().min(16, "must have at least 16 characters")
    .regex(/^[!-~]*$/, "must be of printable ASCII without spaces").optional().describe(
      "A token of scope `admin`, by the name `admin`, 16 characters at least; beside those of `MOLSTEP_TOKENS`",
    ),
  MOLSTEP_TOKENS: z.string().min(1).optional().describe(
    "File of tokens ([tokens.md](tokens.md)), read again when it changes; where absent there are none but `MOLSTEP_ADMIN_TOKEN`",
  ),
  MOLSTEP_OPEN_SCOPES: z.string().transform((text) => text.trim() === "none" ? [] : list(text, ",")).pipe(
    z.array(z.enum(OPENABLE, { error: `must be none, or of ${OPENABLE.join(", ")}` })),
  ).optional().describe(
    "Scopes, set apart by commas, that need no token: `generate`, `read`, or `none`. Where absent `generate`, and `none` with `MOLSTEP_TOKENS`",
  ),
  MOLSTEP_CORS_ORIGINS: z.string().transform((text) => list(text, ",")).default([]).superRefine((origins, context) => {
    const wrong = origins.filter((origin) => !isOrigin(origin));
    if (wrong.length > 0) context.addIssue(`must be origins such as https://lab.example; got ${wrong.join(", ")}`);
  }).describe(
    "Origins, set apart by commas, whose pages may ask the service (CORS); each in full, as browsers send it: `https://lab.example, http://localhost:5173`",
  ),
  MOLSTEP_DATA_DIR: z.string().min(1).default("data").describe(
    "Where jobs, and the weights that they make, are kept; made at the start. One service at a time writes there; another on it only reads it",
  ),
  MOLSTEP_KEEP_JOBS: whole(0, 100_000).default(20).describe(
    "Newest jobs that have ended whose folders are kept, with checkpoints where they can go on; of others the record alone stays",
  ),
  MOLSTEP_TRAINER_SHARE: fraction.default(0.1).describe(
    "Least share of the time that a round of distillation gets, in any 10 s, while requests are held",
  ),
  MOLSTEP_CAMPAIGNS: whole(0, 1000).default(4).describe(
    "Campaigns ([campaigns.md](campaigns.md)) that go on at once; 0: none begin",
  ),
  MOLSTEP_CAMPAIGN_DRAWS: whole(1, 2 ** 32).default(1_000_000_000).describe("Molecules that a campaign may draw"),
  MOLSTEP_CAMPAIGN_DISK_MIB: whole(1, 2 ** 30).default(10_240).describe(
    "Disk that the results of all campaigns may take, MiB. A campaign that would go beyond does not begin; one that does waits",
  ),
  MOLSTEP_KEEP_CAMPAIGNS: whole(1, 100_000).default(1000).describe(
    "Campaigns that have ended which are kept, those that ended last; older ones are removed with their results, as by `DELETE /campaigns/{id}`",
  ),
  MOLSTEP_CAMPAIGN_SHARE: fraction.default(0.1).describe(
    "Least share of the time that campaigns get, in any 10 s, while requests are held",
  ),
  MOLSTEP_DATA_SETS: whole(0, 10_000).default(8).describe(
    "Sets of molecules ([data.md](data.md#over-http)) that are kept at once; 0: none are taken",
  ),
  MOLSTEP_DATA_MIB: whole(1, 4096).default(64).describe(
    "Longest file of `POST /data` as it is sent, MiB; it must arrive within `MOLSTEP_BODY_SECONDS`. Uncompressed it may be 16 times as long",
  ),
  MOLSTEP_DATA_RECORDS: whole(1, 10_000_000).default(100_000).describe("Most records of a set"),
  MOLSTEP_DATA_DAYS: whole(1, 36_500).default(30).describe("Days that a set is kept"),
  MOLSTEP_CONFORMER_MOLECULES: whole(1, 10_000).default(100).describe(
    "Most molecules of `POST /conformers` ([conformers.md](conformers.md))",
  ),
  MOLSTEP_CONFORMER_ATOMS: whole(1, 256).default(150).describe("Most atoms of each, hydrogens included"),
  MOLSTEP_CONFORMER_COUNT: whole(1, 1000).default(100).describe("Most conformers that are drawn of each"),
  MOLSTEP_CONFORMER_TOTAL: whole(1, 100_000).default(1000).describe(
    "Most conformers of a request, of all its molecules",
  ),
  MOLSTEP_CONFORMER_SECONDS: whole(1, 3600).default(120).describe(
    "Longest that a molecule's conformers may take, once they are begun; then it has an error, and its worker is ended",
  ),
  MOLSTEP_NATS: z.string().refine(...holding(hostsOf)).optional().describe(
    "A NATS server with JetStream, `nats://[user:password@]host:4222`: workers (`molstep worker`) draw campaigns' shards, and the service only offers and collects them ([campaigns_scale.md](campaigns_scale.md))",
  ),
  MOLSTEP_SHARD_FILES: z.string().refine(...holding((place) => isBucket(place) && bucketPlace(place, {}))).optional()
    .describe(
      "With `MOLSTEP_NATS`, where service and workers keep files of shards: a folder that they share, or `s3://bucket/prefix`, with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION` and `AWS_ENDPOINT_URL`. Default: in the data directory",
    ),
  MOLSTEP_ROUNDS: z.enum(ROUND_PLACES).default("here").describe(
    "Where rounds of distillation are trained: in a process beside the service, or with `MOLSTEP_NATS` by `workers` (`molstep worker --rounds`; [campaigns_scale.md](campaigns_scale.md#rounds-on-other-machines))",
  ),
  MOLSTEP_DRAIN_SECONDS: whole(0, 600).default(1).describe(
    "After SIGTERM, how long to go on accepting connections while /health/ready answers 503",
  ),
  MOLSTEP_SHUTDOWN_SECONDS: whole(0, 3600).default(25).describe(
    "After that, how long requests in flight may take to finish",
  ),
  MOLSTEP_METRICS: z.enum(["on", "off"]).default("on").describe("Whether `GET /metrics` measures and answers"),
  MOLSTEP_LOG_LEVEL: z.enum(LOG_LEVELS).default("info").describe("Least level that is logged to stderr"),
});

/** Variables of the product that other commands read. */
const OTHERS = ["MOLSTEP_QM9", "MOLSTEP_SHARED", "MOLSTEP_TOKEN", MACHINE, LAUNCHER];

/** Every variable of the product's own. */
export const VARIABLES: readonly string[] = [...Object.keys(serviceEnvironment.shape), ...OTHERS];

/** The configuration of the service. */
export interface ServiceConfig {
  readonly port: number;
  /** Undefined: all addresses of the machine. */
  readonly host: string | undefined;
  readonly maxConnections: number;
  readonly headSeconds: number;
  readonly bodySeconds: number;
  readonly writeSeconds: number;
  /** Addresses and networks. */
  readonly trustedProxies: readonly string[];
  /** Undefined: the models shipped. */
  readonly models: readonly string[] | undefined;
  readonly preload: readonly string[];
  readonly backend: typeof RUNTIME_CHOICES[number];
  readonly threads: number | undefined;
  readonly precision: Precision;
  readonly validators: number | undefined;
  /** Undefined: as the cards have it. */
  readonly refine?: Refine;
  readonly batch: number;
  readonly maxRequests: number;
  readonly maxHeldWork: number;
  readonly clientShare: number;
  readonly timeoutSeconds: number;
  readonly maxWork: number;
  readonly maxBodyBytes: number;
  readonly sliceMs: number;
  readonly adminToken: string | undefined;
  /** The file of tokens. */
  readonly tokens: string | undefined;
  /** Scopes that need no token. */
  readonly openScopes: readonly Scope[];
  readonly corsOrigins: readonly string[];
  /** The data directory. */
  readonly dataDir: string;
  readonly keepJobs: number;
  readonly trainerShare: number;
  readonly campaigns: CampaignQuota;
  readonly keepCampaigns: number;
  readonly campaignShare: number;
  readonly sets: SetQuota;
  readonly conformers: ConformerLimits;
  /** Undefined: this process draws the shards of campaigns. */
  readonly nats: string | undefined;
  /** Undefined: in the data directory. */
  readonly shardFiles: string | undefined;
  readonly rounds: typeof ROUND_PLACES[number];
  /** Who asks of a bucket, and where it is. */
  readonly bucket: BucketEnvironment;
  readonly drainSeconds: number;
  readonly shutdownSeconds: number;
  readonly metrics: boolean;
  readonly logLevel: typeof LOG_LEVELS[number];
}

/**
 * Reads the configuration.
 *
 * @param environment `PORT` and whatever begins with `MOLSTEP_` is read; an empty value counts as absent
 * @throws TypeError naming every fault; a `MOLSTEP_` variable that is not known is one
 */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): ServiceConfig {
  const own = Object.entries(environment).filter(([key, value]) =>
    value !== undefined && value !== "" && (key === "PORT" || key.startsWith("MOLSTEP_")) && !OTHERS.includes(key)
  );
  const unknown = own.map(([key]) => key).filter((key) => !VARIABLES.includes(key));
  if (unknown.length > 0) {
    throw new TypeError(`environment: unknown ${unknown.join(", ")}; allowed are ${VARIABLES.join(", ")}`);
  }
  const result = serviceEnvironment.safeParse(Object.fromEntries(own));
  if (!result.success) throw new TypeError(`environment:\n${z.prettifyError(result.error)}`);
  const env = result.data, lacking = lackingPrecision(env.MOLSTEP_BACKEND, env.MOLSTEP_PRECISION);
  if (lacking) throw new TypeError(`environment: MOLSTEP_BACKEND and MOLSTEP_PRECISION: ${lacking}`);
  if (env.MOLSTEP_MAX_HELD_WORK < env.MOLSTEP_MAX_WORK) {
    throw new TypeError(
      `environment: MOLSTEP_MAX_HELD_WORK must be at least MOLSTEP_MAX_WORK, ${env.MOLSTEP_MAX_WORK}; got ${env.MOLSTEP_MAX_HELD_WORK}`,
    );
  }
  if (env.MOLSTEP_ROUNDS === "workers" && env.MOLSTEP_NATS === undefined) {
    throw new TypeError("environment: MOLSTEP_ROUNDS=workers must have MOLSTEP_NATS beside it; got none");
  }
  const open = openScopes(env.MOLSTEP_OPEN_SCOPES, env.MOLSTEP_TOKENS);
  if (open.length === 0 && env.MOLSTEP_TOKENS === undefined && env.MOLSTEP_ADMIN_TOKEN === undefined) {
    throw new TypeError(
      "environment: MOLSTEP_OPEN_SCOPES=none must have MOLSTEP_TOKENS or MOLSTEP_ADMIN_TOKEN beside it; got neither",
    );
  }
  return Object.freeze({
    port: env.PORT,
    host: env.MOLSTEP_HOST,
    maxConnections: env.MOLSTEP_MAX_CONNECTIONS,
    headSeconds: env.MOLSTEP_HEAD_SECONDS,
    bodySeconds: env.MOLSTEP_BODY_SECONDS,
    writeSeconds: env.MOLSTEP_WRITE_SECONDS,
    trustedProxies: env.MOLSTEP_TRUSTED_PROXIES,
    models: env.MOLSTEP_MODELS === undefined ? undefined : list(env.MOLSTEP_MODELS, ":"),
    preload: list(env.MOLSTEP_PRELOAD, ","),
    backend: env.MOLSTEP_BACKEND,
    threads: env.MOLSTEP_THREADS,
    precision: env.MOLSTEP_PRECISION,
    validators: env.MOLSTEP_VALIDATORS,
    refine: env.MOLSTEP_REFINE,
    batch: env.MOLSTEP_BATCH,
    maxRequests: env.MOLSTEP_MAX_REQUESTS,
    maxHeldWork: env.MOLSTEP_MAX_HELD_WORK,
    clientShare: env.MOLSTEP_CLIENT_SHARE,
    timeoutSeconds: env.MOLSTEP_TIMEOUT_SECONDS,
    maxWork: env.MOLSTEP_MAX_WORK,
    maxBodyBytes: env.MOLSTEP_MAX_BODY_BYTES,
    sliceMs: env.MOLSTEP_SLICE_MS,
    adminToken: env.MOLSTEP_ADMIN_TOKEN,
    tokens: env.MOLSTEP_TOKENS,
    openScopes: open,
    corsOrigins: env.MOLSTEP_CORS_ORIGINS,
    dataDir: env.MOLSTEP_DATA_DIR,
    keepJobs: env.MOLSTEP_KEEP_JOBS,
    trainerShare: env.MOLSTEP_TRAINER_SHARE,
    campaigns: {
      campaigns: env.MOLSTEP_CAMPAIGNS,
      draws: env.MOLSTEP_CAMPAIGN_DRAWS,
      bytes: 2 ** 20 * env.MOLSTEP_CAMPAIGN_DISK_MIB,
    },
    keepCampaigns: env.MOLSTEP_KEEP_CAMPAIGNS,
    campaignShare: env.MOLSTEP_CAMPAIGN_SHARE,
    sets: {
      sets: env.MOLSTEP_DATA_SETS,
      bytes: 2 ** 20 * env.MOLSTEP_DATA_MIB,
      records: env.MOLSTEP_DATA_RECORDS,
      days: env.MOLSTEP_DATA_DAYS,
    },
    conformers: {
      molecules: env.MOLSTEP_CONFORMER_MOLECULES,
      atoms: env.MOLSTEP_CONFORMER_ATOMS,
      count: env.MOLSTEP_CONFORMER_COUNT,
      total: env.MOLSTEP_CONFORMER_TOTAL,
      seconds: env.MOLSTEP_CONFORMER_SECONDS,
    },
    nats: env.MOLSTEP_NATS,
    shardFiles: env.MOLSTEP_SHARD_FILES,
    rounds: env.MOLSTEP_ROUNDS,
    bucket: Object.fromEntries(BUCKET_VARIABLES.map((name) => [name, environment[name]])),
    drainSeconds: env.MOLSTEP_DRAIN_SECONDS,
    shutdownSeconds: env.MOLSTEP_SHUTDOWN_SECONDS,
    metrics: env.MOLSTEP_METRICS === "on",
    logLevel: env.MOLSTEP_LOG_LEVEL,
  });
}
