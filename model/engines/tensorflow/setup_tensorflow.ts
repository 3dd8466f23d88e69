/**
 * `deno task setup:tensorflow`: puts the TensorFlow addon into ./.tensorflow/.
 *
 *     lib/napi-v8/tfjs_binding.node   the addon
 *     deps/lib/                       TensorFlow's two libraries
 *     deps/nvidia/                    CUDA's, where there is a GPU
 *
 * First the addon that npm's package would download for itself; where that fails, the package's two C++ files are built
 * against the libraries and headers inside the PyPI wheel.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { addonPath, defaultTensorflowFolder } from "./tensorflow.ts";
import { unpack } from "./wheel.ts";

const VERSION = "2.21.0", LIBTENSORFLOW = "2.9.1", TFJS = "4.22.0";

const HELP = `deno task setup:tensorflow [options]

  --wheel PATH       a tensorflow or tensorflow-cpu ${VERSION} wheel that is already here (default: pip download)
  --method METHOD    auto (default), prebuilt (npm's download) or build (against the wheel)
  --device DEVICE    auto (default: gpu where nvidia-smi lists one), cpu or gpu
  --folder PATH      where to install (default: ./.tensorflow)`;

interface Setup {
  readonly wheel?: string;
  readonly gpu: boolean;
  readonly folder: string;
}

/** Runs a program; throws with the end of what it wrote where it fails or is missing. */
async function run(program: string, args: string[]): Promise<string> {
  let result: Deno.CommandOutput;
  try {
    result = await new Deno.Command(program, { args, stdout: "piped", stderr: "piped" }).output();
  } catch (error) {
    throw new Error(`${program} cannot be run here (${(error as Error).message})`);
  }
  const text = new TextDecoder(), output = text.decode(result.stdout);
  if (result.success) return output;
  throw new Error(`${program} ended with ${result.code}: ${(text.decode(result.stderr) || output).trim().slice(-800)}`);
}

async function hasGpu(): Promise<boolean> {
  try {
    return /GPU \d/.test(await run("nvidia-smi", ["-L"]));
  } catch {
    return false;
  }
}

/** Downloads and unpacks a .tar.gz. */
async function fetchArchive(url: string, folder: string): Promise<void> {
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(600_000) });
  } catch (error) {
    throw new Error(`${url}: ${(error as Error).message}`);
  }
  if (!response.ok || !response.body) throw new Error(`${url}: HTTP ${response.status}`);
  const file = await Deno.makeTempFile({ suffix: ".tar.gz" });
  try {
    await Deno.writeFile(file, response.body);
    await Deno.mkdir(folder, { recursive: true });
    await run("tar", ["xzf", file, "-C", folder]);
  } finally {
    await Deno.remove(file);
  }
}

/** What `npm install @tensorflow/tfjs-node(-gpu)` would download. */
async function installPrebuilt({ gpu, folder }: Setup): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") throw new Error("only for Linux on x86_64");
  const kind = gpu ? "gpu" : "cpu", host = "https://storage.googleapis.com";
  await fetchArchive(
    `${host}/tf-builds/pre-built-binary/napi-v8/${TFJS}/${kind.toUpperCase()}-linux-${TFJS}.tar.gz`,
    join(folder, "lib"),
  );
  await fetchArchive(
    `${host}/tensorflow/libtensorflow/libtensorflow-${kind}-linux-x86_64-${LIBTENSORFLOW}.tar.gz`,
    join(folder, "deps"),
  );
}

/** Wheels from PyPI by pip, of whatever Python 3 there is; returns their paths. */
async function downloadWheels(requirements: string[], folder: string): Promise<string[]> {
  const architecture = Deno.build.arch === "x86_64" ? "x86_64" : "aarch64";
  const platforms = ["manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014"];
  await run("python3", [
    ..."-m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 --implementation cp".split(" "),
    ...platforms.flatMap((platform) => ["--platform", `${platform}_${architecture}`]),
    ...["--dest", folder, ...requirements],
  ]).catch((error) => {
    throw new Error(
      `the wheel could not be downloaded by pip (give --wheel PATH where it is at hand): ${error.message}`,
    );
  });
  return Array.from(Deno.readDirSync(folder)).filter(({ name }) => name.endsWith(".whl"))
    .map(({ name }) => join(folder, name));
}

/** CUDA's libraries, in the versions that the wheel's metadata names. */
async function installCuda(folder: string, cache: string): Promise<void> {
  const metadata = await Deno.readTextFile(join(folder, "deps", "METADATA"));
  const requirements = Array.from(
    metadata.matchAll(/^Requires-Dist: (nvidia-[^;]+);[^\n]*and-cuda/gm),
    (m) => m[1].trim(),
  );
  if (requirements.length === 0) throw new Error("the wheel's metadata names no CUDA libraries");
  const into = join(cache, "cuda");
  for (const wheel of await downloadWheels(requirements, into)) {
    await unpack(wheel, join(folder, "deps"), (name) => /^nvidia\/.*\.so[.\d]*$/.test(name) ? name : undefined);
  }
}

/** Headers and libraries from the wheel, then the addon by g++ (or clang++, or $CXX). */
async function installBuilt({ wheel, gpu, folder }: Setup): Promise<void> {
  if (Deno.build.os !== "linux") throw new Error("the build is for Linux only");
  const require = createRequire(import.meta.url);
  const sources = dirname(require.resolve("@tensorflow/tfjs-node-gpu/package.json"));
  const nodeHeaders: string = require("node-api-headers").include_dir;
  const cache = await Deno.makeTempDir();
  try {
    const plain = gpu || Deno.build.arch !== "x86_64" ? "tensorflow" : "tensorflow-cpu";
    const path = wheel ?? (await downloadWheels([`${plain}==${VERSION}`], cache))[0];
    console.error(`unpacking ${basename(path)}`);
    const headers =
      /^tensorflow\/include\/((tensorflow\/c|xla\/tsl\/c|tensorflow\/core\/platform|tsl\/platform)\/.*\.h)$/;
    const count = await unpack(path, join(folder, "deps"), (name) => {
      if (/^tensorflow\/libtensorflow_(cc|framework)\.so\.2$/.test(name)) return `lib/${basename(name)}`;
      if (name.endsWith(".dist-info/METADATA")) return "METADATA";
      const header = name.match(headers);
      return header ? `include/${header[1]}` : undefined;
    });
    if (count < 10) throw new Error(`${path} is no TensorFlow wheel: only ${count} of the files needed are in it`);
    if (gpu) await installCuda(folder, cache);
    const target = addonPath(folder);
    await Deno.mkdir(dirname(target), { recursive: true });
    console.error("compiling the addon");
    await run(Deno.env.get("CXX") ?? "g++", [
      ..."-O2 -fPIC -shared -w -std=c++17 -DNAPI_VERSION=8".split(" "),
      ...["-I", join(folder, "deps", "include"), "-I", nodeHeaders, "-I", sources],
      join(sources, "binding", "tfjs_backend.cc"),
      join(sources, "binding", "tfjs_binding.cc"),
      ...["-o", `${target}.new`, "-L", join(folder, "deps", "lib")],
      ...["-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2", "-Wl,-rpath,$ORIGIN/../../deps/lib"],
    ]);
    await Deno.rename(`${target}.new`, target);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

/** Opens the backend in a process of its own, as a bad library may take the process with it. */
function tryOut(folder: string): Promise<string> {
  const open = new URL("./open.ts", import.meta.url).href,
    config = new URL("../../../deno.json", import.meta.url).pathname;
  const code = `const { openBackend } = await import(${JSON.stringify(open)});
    const { why } = await openBackend("tensorflow", { tensorflowFolder: ${
    JSON.stringify(folder)
  } }); console.log(why);`;
  return run(Deno.execPath(), ["eval", "--config", config, code]);
}

/** Tries the ways in turn; the first that ends in a working backend counts. */
async function setupTensorflow(args: string[]): Promise<void> {
  const option = { type: "string" } as const;
  const { values } = parseArgs({
    args,
    options: { wheel: option, method: option, device: option, folder: option, help: { type: "boolean" } },
  });
  if (values.help) return console.log(HELP);
  const method = values.method ?? (values.wheel ? "build" : "auto"), device = values.device ?? "auto";
  if (!["auto", "prebuilt", "build"].includes(method)) {
    throw new RangeError(`--method must be auto, prebuilt or build; got ${method}`);
  }
  if (!["auto", "cpu", "gpu"].includes(device)) {
    throw new RangeError(`--device must be auto, cpu or gpu; got ${device}`);
  }
  if (values.wheel && !existsSync(values.wheel)) throw new RangeError(`--wheel: there is no file ${values.wheel}`);
  const folder = values.folder ?? defaultTensorflowFolder();
  const setup = { wheel: values.wheel, gpu: device === "auto" ? await hasGpu() : device === "gpu", folder };
  const ways = { prebuilt: installPrebuilt, build: installBuilt };
  const failures: string[] = [];
  for (const way of method === "auto" ? ["prebuilt", "build"] as const : [method as keyof typeof ways]) {
    try {
      await ways[way](setup);
      console.log(`installed (${way}) in ${folder}: ${(await tryOut(folder)).trim()}`);
      return;
    } catch (error) {
      failures.push(`${way}: ${(error as Error).message}`);
      console.error(`${way} did not work: ${(error as Error).message}`);
    }
  }
  throw new Error(`TensorFlow could not be installed.\n${failures.join("\n")}`);
}

if (import.meta.main) {
  try {
    await setupTensorflow(Deno.args);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
