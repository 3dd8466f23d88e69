/**
 * Tries the image without Docker: carries out the Dockerfile's stages in folders, starts the last as its user with a root that is read-only and
 * no compiler, asks for molecules, and stops it.
 *
 *     sudo deno run -A deploy/try_image.ts --work /var/tmp/molstep-image
 *
 * Needs Linux, root, debootstrap and bubblewrap, and the deno that the Dockerfile names. What it does not show: layers, the images that are
 * named by FROM (Debian's is made by debootstrap), Docker's own seccomp profile, limits and health checks.
 */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { comesIn, copyOf, inherited, listOf, readDockerfile, type Stage, stageOf, variables } from "./dockerfile.ts";

const HELP = `sudo deno run -A deploy/try_image.ts --work FOLDER [options]

  --work FOLDER        where roots are made; what is there is used again
  --target STAGE       the stage that is started (default: serve)
  --port PORT          where it listens (default: 18000)
  --certificates FILE  authorities that RUN trusts besides, where a proxy has its own`;

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    work: { type: "string" },
    target: { type: "string", default: "serve" },
    port: { type: "string", default: "18000" },
    certificates: { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help || !values.work) {
  console.log(HELP);
  Deno.exit(values.help ? 0 : 2);
}
const work = resolve(values.work), port = Number(values.port), { certificates } = values;
const stages = readDockerfile(await Deno.readTextFile(join(ROOT, "Dockerfile")));
const takes = comesIn(await Deno.readTextFile(join(ROOT, ".dockerignore")));

/** Runs a program; its words go to this one's. Throws Error where it fails. */
async function run(program: string, ...args: string[]): Promise<void> {
  const { success, code } = await new Deno.Command(program, { args, stdout: "null" }).output();
  if (!success) throw new Error(`${program} ${args.join(" ").slice(0, 200)} ended with ${code}`);
}

const copyTree = (from: string, to: string) => run("cp", "-a", "--reflink=auto", from, to);

/** The images of FROM, as far as they can be made here. */
const IMAGES: { readonly [prefix: string]: (root: string, tag: string) => Promise<void> } = {
  "denoland/deno:bin-": async (root, version) => {
    if (version !== Deno.version.deno) throw new Error(`deno ${version} is needed; this is ${Deno.version.deno}`);
    await Deno.mkdir(root);
    await Deno.copyFile(Deno.execPath(), join(root, "deno"));
  },
  "debian:": async (root, tag) => {
    const base = join(work, `debian-${tag}`);
    if (!existsSync(base)) {
      await run("debootstrap", "--variant=minbase", tag.replace("-slim", ""), `${base}.part`);
      await Deno.rename(`${base}.part`, base);
    }
    await copyTree(base, root);
  },
};

/** Copies files of the context that .dockerignore lets in. */
async function copyContext(from: string, to: string): Promise<void> {
  for (const entry of Deno.readDirSync(join(ROOT, from))) {
    const path = join(from, entry.name);
    if (entry.isDirectory) await copyContext(path, join(to, entry.name));
    else if (entry.isFile && takes(path)) {
      await Deno.mkdir(to, { recursive: true });
      await Deno.copyFile(join(ROOT, path), join(to, entry.name));
    }
  }
}

/** Carries out a COPY. */
async function copy(root: string, folder: string, text: string): Promise<void> {
  const { stage, sources, target } = copyOf(text), into = resolve(folder, target);
  for (const source of sources) {
    if (stage) {
      const from = join(work, "stages", stage, source), to = join(root, into);
      await Deno.mkdir(Deno.statSync(from).isDirectory ? to : dirname(to), { recursive: true });
      await copyTree(Deno.statSync(from).isDirectory ? `${from}/.` : from, to);
    } else if (Deno.statSync(join(ROOT, source)).isDirectory) await copyContext(source, join(root, into));
    else if (takes(source)) {
      await Deno.mkdir(join(root, into), { recursive: true });
      await Deno.copyFile(join(ROOT, source), join(root, into, source));
    }
  }
}

/** What bwrap takes to have a folder as the root, with the kernel's file systems. */
const sandbox = (
  bind: string,
  root: string,
) => [bind, root, "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"];
const environmentOf = (
  env: Record<string, string>,
) => ["--clearenv", ...Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value])];
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Carries out a stage, and those that it builds upon, where that is not done; returns its root. */
async function build(stage: Stage): Promise<string> {
  const root = join(work, "stages", stage.name);
  if (existsSync(root)) return root;
  const part = `${root}.part`, before = stages.find(({ name }) => name === stage.from);
  await run("rm", "-rf", part);
  await Deno.mkdir(dirname(root), { recursive: true });
  if (before) await copyTree(await build(before), part);
  else {
    const image = Object.keys(IMAGES).find((prefix) => stage.from.startsWith(prefix));
    if (!image) throw new Error(`no way is known to make ${stage.from} here`);
    await IMAGES[image](part, stage.from.slice(image.length));
  }
  let folder = "/";
  for (const [k, { word, text }] of stage.steps.entries()) {
    const env = { PATH, ...variables(inherited(stages, stage.name, "ENV")) };
    if (word === "WORKDIR") folder = text;
    if (word === "COPY") {
      const { stage: other } = copyOf(text);
      if (other) await build(stageOf(stages, other));
      await copy(part, folder, text);
    }
    if (word !== "RUN") continue;
    console.log(`${stage.name}: step ${k + 1} of ${stage.steps.length}: ${text.slice(0, 100)}`);
    await Deno.mkdir(join(part, folder), { recursive: true });
    const trust = certificates ? ["--ro-bind", certificates, "/run/authorities.crt"] : [];
    const trusted: Record<string, string> = certificates ? { DENO_CERT: "/run/authorities.crt" } : {};
    await run(
      "bwrap",
      ...sandbox("--bind", part),
      ...["--ro-bind", "/etc/resolv.conf", "/etc/resolv.conf", "--tmpfs", "/run", ...trust],
      ...["--chdir", folder, ...environmentOf({ ...env, ...trusted }), "sh", "-c", text],
    );
  }
  await Deno.rename(part, root);
  return root;
}

/** MiB in a folder. */
async function size(path: string): Promise<number> {
  const { stdout } = await new Deno.Command("du", { args: ["-sm", path] }).output();
  return Number(new TextDecoder().decode(stdout).split("\t")[0]);
}

const root = await build(stageOf(stages, values.target));
for (const path of ["usr/bin/deno", "app/node_modules", "app/weights", "app/.native", "app", "deno-dir", ""]) {
  console.log(`${String(await size(join(root, path))).padStart(5)} MiB  /${path}`);
}

const [user] = inherited(stages, values.target, "USER").at(-1)!.split(":").map(Number);
const env: Record<string, string> = {
  PATH,
  ...variables(inherited(stages, values.target, "ENV")),
  PORT: String(port),
};
const folder = inherited(stages, values.target, "WORKDIR").at(-1)!;
const data = join(work, "data");
await run("rm", "-rf", data);
await Deno.mkdir(data, { recursive: true });
await Deno.chown(data, user, user);

/** The command line of a program in the image: as its user, who may become nobody else, with a root that is read-only. */
const inside = (command: readonly string[]) => [
  ...["--reuid", String(user), "--regid", String(user), "--clear-groups", "--no-new-privs", "bwrap"],
  ...[...sandbox("--ro-bind", root), "--bind", data, "/data", "--cap-drop", "ALL", "--unshare-pid", "--as-pid-1"],
  ...["--die-with-parent", "--chdir", folder, ...environmentOf(env), ...command],
];

/** What a program in the image prints. */
async function told(...command: string[]): Promise<{ success: boolean; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command("setpriv", { args: inside(command) }).output();
  const words = new TextDecoder();
  return { success, text: (words.decode(stdout) + words.decode(stderr)).trim() };
}

let failed = false;
const check = (what: string, ok: boolean, seen: unknown = "") => {
  console.log(`${ok ? "ok    " : "FAILED"} ${what} ${seen === "" ? "" : JSON.stringify(seen)}`);
  failed ||= !ok;
};

const compilers = await told("sh", "-c", "command -v cc gcc clang g++ ld as");
check("the image has no compiler", !compilers.success && compilers.text === "", compilers.text);
const places = ["/app", "/app/.native", "/deno-dir", "/etc", "/usr", "/data", "/tmp"];
const writes = await told(
  "sh",
  "-c",
  `for to in ${places.join(" ")}; do touch $to/x 2>/dev/null && echo $to; done; id -u`,
);
check("its user may write /data and /tmp alone", writes.text === `/data\n/tmp\n${user}`, writes.text.split("\n"));

const started = performance.now();
const service = new Deno.Command("setpriv", {
  args: inside(listOf(inherited(stages, values.target, "CMD").at(-1)!)),
  stderr: "piped",
  stdout: "piped",
}).spawn();
const log = new Response(service.stderr).text();
const ended = service.status;
const url = `http://127.0.0.1:${port}`;
const get = async (path: string) => await (await fetch(url + path)).json();
let ready = false, over = false;
ended.then(() => over = true);
for (const until = Date.now() + 60_000; !ready && !over && Date.now() < until;) {
  ready = await fetch(`${url}/health/ready`).then(async ({ ok, body }) => (await body?.cancel(), ok), () => false);
  if (!ready) await new Promise((then) => setTimeout(then, 50));
}
const took = `${Math.round(performance.now() - started)} ms`;
/** No GPU is shown to the sandbox. */
const lacking = env.MOLSTEP_BACKEND === "webgpu";
if (lacking) check("it ends where there is no GPU, and computes nowhere else", over && (await ended).code === 1, took);
else check("it is ready", ready, took);
if (ready) {
  const { backend } = await get("/models/qm9");
  check(
    "it computes on a library that was built for this processor's level",
    /^native/.test(backend.name) && /built for/.test(backend.why),
    backend,
  );
  const answer = await fetch(`${url}/generate`, {
    method: "POST",
    body: '{"count":8,"steps":8,"seed":1}',
    headers: { "content-type": "application/json" },
  });
  const { molecules } = await answer.json();
  check(
    "it draws molecules",
    answer.status === 200 && molecules?.length === 8,
    molecules?.slice(0, 3).map((one: { smiles: string }) => one.smiles),
  );
  const pages = ["/", "/openapi.json", "/models", "/docs", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"];
  const statuses = await Promise.all(
    pages.map((page) => fetch(url + page).then(async ({ status, body }) => (await body?.cancel(), status))),
  );
  check("its pages are there, with what packages bring", statuses.every((status) => status === 200), statuses);
  const health = await told(...listOf(inherited(stages, values.target, "HEALTHCHECK").at(-1)!));
  check("its health check is content", health.success, health.text);
}
if (!over) {
  const stopping = performance.now();
  await new Deno.Command("pkill", { args: ["-TERM", "-P", String(service.pid)] }).output();
  const { code } = await ended;
  check("SIGTERM ends it", code === 0, `status ${code} after ${Math.round(performance.now() - stopping)} ms`);
}
await service.stdout.cancel();
console.log(await log);
Deno.exit(failed ? 1 : 0);
