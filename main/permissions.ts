/** What each command may do. `main/launch.ts` starts it with that, and no more; docs/permissions.md is the table. */
import { existsSync, lstatSync, realpathSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SETS_FOLDER } from "../chem/data_sets.ts";
import { isGenerator } from "../chem/conformers/generators.ts";
import { listBeside } from "../chem/qm9.ts";
import { DECODINGS } from "../model/diffusion/decodings.ts";
import { BUCKET_VARIABLES, bucketPlace, isBucket } from "../model/campaigns/bucket_place.ts";
import { hostsOf } from "../model/campaigns/nats/address.ts";
import { partialOf } from "../model/diffusion/files.ts";
import { RUNTIME_CHOICES, type RuntimeChoice } from "../model/engines/runtimes.ts";
import { cardPath } from "../model/models/card.ts";
import { modelsFolder } from "../model/models/overlay.ts";
import { workersAccess } from "../model/service/jobs/worker.ts";
import {
  type Access,
  dataAccess,
  engineAccess,
  LOCK_ACCESS,
  MACHINE_ACCESS,
  ROOT,
  roundAccess,
  together,
} from "../model/service/permissions.ts";
import { roundsFolder, shardsFolder } from "../model/service/campaigns/folders.ts";
import { parseConfig, type ServiceConfig, VARIABLES } from "../routes/config.ts";
import { isMoleculeFile } from "./conformer_file.ts";
import { recordOf } from "./molecule_file.ts";
import { readOptions } from "./options.ts";
import { dataFolder, shippedModels } from "./places.ts";
import { serveConfig, serveOptions } from "./serve_options.ts";
import { workerConfig } from "./worker_options.ts";
import { whereFile } from "./where_option.ts";

/** Variables by name. */
type Environment = Readonly<Record<string, string | undefined>>;

/** A command line, as far as permissions go by it: text of options, and flags. */
type Given = Readonly<Record<string, string | boolean | undefined>>;

/** What a command may do. */
interface CommandAccess {
  /** Options that name what is read: files, folders, or lists of these set apart by commas. */
  readonly reads?: readonly string[];
  /** Options that name a file or folder that is written, and what is written where they are not given. */
  readonly writes?: Readonly<Record<string, string | undefined>>;
  /** Where networks run: they draw, or are trained. */
  readonly engine?: "draws" | "trains";
  /** What else. `words`: those that are no option's name, what stands behind one included. */
  readonly more?: (given: Given, environment: Environment, words: readonly string[]) => Access;
}

/** The folder of a model that is named, or whose folder is; of two of one name the shipped one, as `findModel` has it. */
function modelFolder(name: string, environment: Environment): string {
  if (name.includes("/")) return name;
  const folders = [shippedModels(), modelsFolder(dataFolder(environment))].map((root) => join(root, name));
  return folders.find((folder) => existsSync(cardPath(folder))) ?? folders[0];
}

/** With `--record` the model's own folder is written. */
const recorded = ({ record, model }: Given, environment: Environment): Access =>
  record ? { write: [modelFolder(String(model ?? "qm9"), environment)] } : {};

/** The folder that a file lies in; not where that is the repository, or around it. */
const folderOf = (file: string): string[] => {
  const folder = dirname(resolve(file)), down = relative(folder, ROOT);
  return down.startsWith("..") ? [folder] : [];
};

/** A file as it is replaced: written beside its place first. */
const replaced = (file: string): string[] => [file, partialOf(file)];

/** A path, and what it is besides where a link, or a folder that is one, leads to what is there: a file is replaced there. */
function withTarget(path: string): string[] {
  try {
    return [...new Set([path, realpathSync(path)])];
  } catch {
    return [path];
  }
}

/** What `generate --out` writes: a file and its record, or with `--split` a folder. */
function drawn(out: string, split: Given[string]): Access {
  if (split === undefined && out === "-") return {};
  const targets = withTarget(out), record = recordOf(out);
  const files = split === undefined ? [...targets, record].flatMap(replaced) : targets;
  return { read: files, write: files };
}

/** What `evaluate --out PREFIX` writes, and the folder that it makes. */
function evaluated(prefix: string): Access {
  const endings = [".json", ".svg", "-molecules.svg"],
    decodings = ["", ...DECODINGS.map((name) => `-${name}`), "-refined"];
  const files = decodings.flatMap((decoding) => endings.map((ending) => prefix + decoding + ending));
  const folder = folderOf(prefix);
  return { read: folder, write: [...files, ...folder] };
}

/** An address on the network, in place of a file. */
const isAddress = (from: unknown) => typeof from === "string" && /^https?:/.test(from);

/** The variable that names the file of tokens. */
const TOKENS = "MOLSTEP_TOKENS";

/** What the command `tokens` does: the file is replaced at once, by one that is written beside it. */
function tokensWritten(file: string | boolean | undefined): Access {
  if (typeof file !== "string" || file === "") return { env: [TOKENS] };
  return { read: replaced(file), write: replaced(file), env: [TOKENS] };
}

/** What a service reads of tokens: a secret that is mounted is a link to another file in its folder, which is exchanged. */
const tokensRead = (file: string): string[] =>
  lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ? [dirname(file)] : [file];

/** What asks a service at this address; one that is no address the command itself refuses. */
function asking(url: string): Access {
  if (!URL.canParse(url)) return {};
  const { hostname, port, protocol } = new URL(url);
  return { net: [`${hostname}:${port || (protocol === "https:" ? 443 : 80)}`], env: ["MOLSTEP_TOKEN"] };
}

/** The service that `campaign` asks where nobody says. */
export const SERVICE_URL = "http://localhost:8000";

/** What the command `campaign` does: it asks a service, reads an order and writes results. */
function campaignAccess({ url = SERVICE_URL, order, fixed, out }: Given): Access {
  const files = typeof out === "string" ? replaced(out) : [];
  const ordered = typeof order === "string" && !order.startsWith("{") && order !== "-" ? [order] : [];
  const part = typeof fixed === "string" ? whereFile(fixed) ?? [] : [];
  return together(asking(String(url)), { read: [...ordered, ...files].concat(part), write: files });
}

/** What draws as a service of this environment does, without its data directory's lock and without a network. */
function drawingAs(environment: Environment): Access {
  const { backend, models = [] } = parseConfig(environment);
  return together(engineAccess(backend, { trains: false }), {
    read: models.map((one) => resolve(one)),
    env: VARIABLES,
  });
}

/** What reaches NATS and the files of shards, where they are told of. */
function shardsAccess({ nats, shardFiles, bucket }: ServiceConfig): Access {
  if (nats === undefined) return {};
  if (shardFiles === undefined || !isBucket(shardFiles)) {
    const folder = shardFiles === undefined ? [] : [resolve(shardFiles)];
    return { net: hostsOf(nats), read: folder, write: folder };
  }
  const { hostname, port, protocol } = new URL(bucketPlace(shardFiles, bucket).url);
  const store = `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
  return { net: [...hostsOf(nats), store], env: BUCKET_VARIABLES };
}

/**
 * What a worker may do: one of shards draws and writes their files, and nothing else; one of rounds starts processes, which train in its folder, and draws
 * nothing itself. One that is told of no server the command itself refuses.
 */
function workerAccess({ nats, data, files, backend, rounds, folder: own }: Given, environment: Environment): Access {
  if (text(nats) === undefined && !environment.MOLSTEP_NATS) return {};
  const given = { nats: text(nats), data: text(data), files: text(files) };
  const config = workerConfig({ ...given, backend: RUNTIME_CHOICES.find((name) => name === backend) }, environment);
  const { dataDir, models = [], shardFiles } = config, folder = resolve(dataDir);
  const trains = resolve(text(own) ?? roundsFolder(folder));
  return together(
    { read: [folder], env: VARIABLES, sys: ["hostname"] },
    rounds
      ? together(workersAccess(), dataAccess(), { read: [trains], write: [trains] })
      : together(engineAccess(config.backend, { trains: false }), { read: models.map((one) => resolve(one)) }),
    shardFiles === undefined ? { write: [shardsFolder(folder)] } : {},
    shardsAccess(config),
  );
}

/** Every command but `serve`, whose permissions are its configuration's. */
export const COMMANDS: Readonly<Record<string, CommandAccess>> = {
  generate: {
    reads: ["model"],
    engine: "draws",
    more: ({ out = "molecules.sdf", split, where, fixed }) => {
      const read = [where, fixed].flatMap((value) => typeof value === "string" ? whereFile(value) ?? [] : []);
      return together(drawn(String(out), split), read.length > 0 ? { read } : {});
    },
  },
  conformers: {
    reads: ["in"],
    more: ({ out = "conformers.sdf.gz", model }, environment, words) =>
      together(
        drawn(String(out), undefined),
        { read: words.filter(isMoleculeFile) },
        typeof model === "string" && isGenerator(model) ? {} : engineAccess("auto", { trains: false }),
        typeof model === "string" && !isGenerator(model) ? { read: [modelFolder(model, environment)] } : {},
      ),
  },
  evaluate: {
    reads: ["model"],
    engine: "draws",
    more: (given, environment) =>
      together(
        MACHINE_ACCESS,
        given.likelihood ? dataAccess() : {},
        recorded(given, environment),
        typeof given.out === "string" ? evaluated(given.out) : {},
      ),
  },
  tune: { reads: ["model"], writes: { sdf: undefined }, engine: "draws", more: recorded },
  reproduce: {
    reads: ["model", "rounds"],
    writes: { out: "runs/reproduce" },
    engine: "draws",
    more: () => MACHINE_ACCESS,
  },
  train: {
    reads: ["from", "data"],
    writes: { folder: "runs", export: undefined },
    engine: "trains",
    // Weights may be differences from a file beside them.
    more: ({ from }) => together(dataAccess(), LOCK_ACCESS, { read: typeof from === "string" ? folderOf(from) : [] }),
  },
  distill: {
    reads: ["model", "data"],
    writes: { folder: "runs" },
    more: (given, environment) =>
      together(roundAccess(String(given.folder ?? "runs"), backendOf(given)), recorded(given, environment)),
  },
  worker: { more: workerAccess },
  campaign: { more: campaignAccess },
  mcp: { more: ({ url }, environment) => typeof url === "string" ? asking(url) : drawingAs(environment) },
  export: { reads: ["folder"], writes: { to: "weights/qm9" } },
  import: { reads: ["weights", "args", "autoencoder-args"], writes: { to: shippedModels() } },
  digest: {
    reads: ["folder"],
    more: ({ check, folder = "weights/qm9" }) => check ? {} : { write: [String(folder)] },
  },
  tokens: { more: ({ file }, { MOLSTEP_TOKENS }) => tokensWritten(file ?? MOLSTEP_TOKENS) },
  // Addresses of data sets lead on to other hosts.
  data: {
    reads: ["from", "uncharacterized", "sdf", "compact"],
    more: ({ from, uncharacterized, sdf, compact, to }) => {
      const ofSet = sdf !== undefined || compact !== undefined;
      const around = typeof to === "string" ? dirname(to) : SETS_FOLDER,
        local = typeof from === "string" && !isAddress(from);
      return {
        net: !ofSet && (!local || isAddress(uncharacterized)) ? true : [],
        read: [around, ...local ? [listBeside(from)] : []],
        write: [around],
      };
    },
  },
  readme: {
    reads: ["results"],
    more: ({ check }) => check ? {} : { write: [join(ROOT, "README.md"), join(ROOT, "docs")] },
  },
};

/** What stands behind an option. */
const text = (value: Given[string]) => typeof value === "string" ? value : undefined;

/** The backend that is asked for; one that is not known the command itself refuses. */
const backendOf = ({ backend }: Given): RuntimeChoice => RUNTIME_CHOICES.find((name) => name === backend) ?? "auto";

/**
 * Reads of a command line what permissions go by: of each option the word behind it, or true where there is none, as behind all our flags. What is wrong
 * with it the command itself tells.
 */
function read(args: readonly string[]): Given {
  const { tokens } = parseArgs({ args: [...args], strict: false, allowPositionals: true, tokens: true });
  return Object.fromEntries(tokens.flatMap((token, k) => {
    if (token.kind !== "option") return [];
    const next = tokens[k + 1];
    return [[token.name, token.value ?? (next?.kind === "positional" ? next.value : true)]];
  }));
}

/** The address that a service listens on. */
const listening = ({ host, port }: ServiceConfig): string[] =>
  (host === undefined ? ["[::]", "0.0.0.0"] : [host.includes(":") ? `[${host}]` : host]).map((one) => `${one}:${port}`);

/** What a service of this configuration may do. It starts workers only where somebody may ask for rounds, and no other machine's worker trains them. */
export function serviceAccess(config: ServiceConfig): Access {
  const { tokens, adminToken, dataDir, models = [] } = config,
    folders = [dataDir, ...models].map((one) => resolve(one));
  if (tokens !== undefined) folders.push(...tokensRead(resolve(tokens)));
  return together(
    engineAccess(config.backend, { trains: false }),
    shardsAccess(config),
    {
      read: [ROOT, ...folders],
      write: [resolve(dataDir)],
      net: listening(config),
      env: VARIABLES,
    },
    LOCK_ACCESS,
    config.rounds === "workers"
      ? dataAccess()
      : adminToken === undefined && tokens === undefined
      ? {}
      : together(workersAccess(), { sys: ["systemMemoryInfo"] }),
  );
}

/**
 * What a command line may do. Only help and faults are to be told where the command is not known, or help is asked for: then the repository is read.
 *
 * @throws UsageError or TypeError for options or variables of the service that are wrong
 */
export function accessOf(name: string, args: readonly string[], environment: Environment): Access {
  const own = { read: [ROOT] };
  if (args.includes("--help") || args.includes("-h")) return own;
  if (name === "serve") return serviceAccess(serveConfig(readOptions(args, serveOptions), environment));
  if (!Object.hasOwn(COMMANDS, name)) return own;
  const command = COMMANDS[name], given = read(args), { reads = [], writes = {}, engine, more } = command;
  const named = reads.flatMap((option) => given[option] === undefined ? [] : String(given[option]).split(","));
  const written = Object.entries(writes).flatMap(([option, without]) => String(given[option] ?? without ?? "") || []);
  const files = written.filter((path) => path !== "-");
  return together(
    { read: [ROOT, resolve(dataFolder(environment))], env: ["MOLSTEP_DATA_DIR", "MOLSTEP_LOG_LEVEL"] },
    engine && engineAccess(backendOf(given), { trains: engine === "trains" }),
    { read: [...named.filter((path) => !isAddress(path)), ...files], write: files },
    more?.(given, environment, args.filter((word) => !word.startsWith("-"))),
  );
}
