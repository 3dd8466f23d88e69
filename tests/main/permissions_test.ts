import assert from "node:assert/strict";
import { SETS_FOLDER } from "../../chem/data_sets.ts";
import { qm9Folders } from "../../chem/qm9.ts";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commands } from "../../main.ts";
import { accessOf, COMMANDS, serviceAccess } from "../../main/permissions.ts";
import { hardware } from "../../model/engines/hardware.ts";
import { type Access, flagsOf, ROOT, together } from "../../model/service/permissions.ts";
import { parseConfig, VARIABLES } from "../../routes/config.ts";
import { withFolder, writeTinyModel } from "../model/tiny_model.ts";

const TOKEN = "a-token-of-a-test-1234";

Deno.test("flagsOf() names what is allowed, never asks, and allows nothing that is not named", () => {
  assert.deepEqual(flagsOf({ read: ["/a", "/b"], write: [], ffi: true }), [
    "--no-prompt",
    "--no-remote",
    "--ignore-env",
    "--allow-read=/a,/b",
    "--allow-ffi",
  ]);
  assert.throws(() => flagsOf({ read: ["/a,/"] }), /without a comma; got \/a,\//);
});

Deno.test("together() keeps all of a kind where one of its parts has it", () => {
  const parts: Access[] = [{ read: ["/a"], run: ["cc"] }, { read: ["/a", "/b"] }, { run: true }];
  assert.deepEqual(together(...parts), { read: ["/a", "/b"], run: true });
});

Deno.test("serviceAccess() listens on one address, and writes the data directory alone", () => {
  const access = (environment: Record<string, string>) =>
    serviceAccess(parseConfig({ MOLSTEP_DATA_DIR: "/d", MOLSTEP_BACKEND: "wasm", ...environment }));
  assert.deepEqual(access({ MOLSTEP_MODELS: "/m:/n" }), {
    read: [ROOT, "/d", "/m", "/n"],
    write: ["/d"],
    net: ["[::]:8000", "0.0.0.0:8000"],
    env: access({}).env,
    sys: ["hostname"],
  });
  assert.deepEqual(new Set(access({}).env as string[]), new Set(VARIABLES));
  assert.deepEqual(access({ PORT: "9", MOLSTEP_HOST: "127.0.0.1" }).net, ["127.0.0.1:9"]);
  assert.deepEqual(access({ PORT: "9", MOLSTEP_HOST: "::1" }).net, ["[::1]:9"]);
});

Deno.test("serviceAccess() starts programs only where somebody may ask for rounds", () => {
  const access = (environment: Record<string, string>) =>
    serviceAccess(parseConfig({ MOLSTEP_BACKEND: "wasm", ...environment }));
  assert.equal(access({}).run, undefined);
  for (const [name, value] of [["MOLSTEP_ADMIN_TOKEN", TOKEN], ["MOLSTEP_TOKENS", "/x/tokens.json"]]) {
    assert.ok((access({ [name]: value }).run as string[]).includes(Deno.execPath()));
  }
});

Deno.test("serviceAccess() reads the file of tokens alone, and where that is a link its folder", () =>
  withFolder(async (folder) => {
    const path = join(folder, "tokens.json"), link = join(folder, "link.json");
    await Deno.symlink(path, link);
    const read = (file: string) => serviceAccess(parseConfig({ MOLSTEP_TOKENS: file })).read as string[];
    assert.ok(read(path).includes(path) && !read(path).includes(folder));
    assert.ok(read(link).includes(folder));
  }));

for (const [name, { load }] of Object.entries(commands)) {
  if (name === "serve") continue;
  Deno.test(`accessOf() has the files that the options of ${name} name`, async () => {
    assert.ok(Object.hasOwn(COMMANDS, name), "a command has its permissions");
    const { options } = await load();
    for (const [option, { value = "" }] of Object.entries(options)) {
      if (!/^(JSON\|)?(FILE|FOLDER)S?$|^(PATH|PREFIX|SOURCE)$/.test(value)) continue;
      const path = `/x/${option}/y`;
      for (const args of [[`--${option}`, path], [`--${option}=${path}`], ["--record", `--${option}`, path, "--x"]]) {
        const { read = [], write = [] } = accessOf(name, args, {});
        const paths = [read, write].flatMap((one) => one === true ? [] : one);
        assert.ok(paths.some((path) => path.startsWith(`/x/${option}`)), `${name} ${args.join(" ")}`);
      }
    }
    for (const option of Object.keys(COMMANDS[name].writes ?? {})) assert.ok(Object.hasOwn(options, option), option);
    for (const option of COMMANDS[name].reads ?? []) assert.ok(Object.hasOwn(options, option), option);
    const access = accessOf(name, [], {}), kinds = Object.values(access);
    if (name === "data") assert.equal(access.net, true, "it may have to follow an address");
    else if (name === "campaign") assert.deepEqual(access.net, ["localhost:8000"]);
    else assert.ok(access.net === undefined && access.read !== true && access.write !== true && access.run !== true);
    assert.ok(kinds.length > 0);
  });
}

Deno.test("accessOf() gives help and unknown commands nothing but the repository", () => {
  for (const [name, args] of [["train", ["--help"]], ["serve", ["-h"]], ["sevre", []], ["", []]] as const) {
    assert.deepEqual(accessOf(name, args, {}), { read: [ROOT] });
  }
});

Deno.test("accessOf() writes the folder of a file only where the repository is not in it", () => {
  const written = (out: string) => accessOf("evaluate", ["--out", out], {}).write as string[];
  assert.ok(written("/x/y/a").includes("/x/y"));
  assert.ok(!written("a").some((path) => ROOT.startsWith(path)));
  assert.ok(!written("/a").includes("/"));
});

Deno.test("accessOf() lets train read beside the weights that it begins with", () => {
  const read = (from: string) => accessOf("train", ["--from", from], {}).read as string[];
  assert.ok(["/x/y", "/x/y/a.safetensors"].every((path) => read("/x/y/a.safetensors").includes(path)));
  assert.ok(!read("/a.safetensors").includes("/"));
});

Deno.test("accessOf() lets evaluate read the data set only for the likelihood", () => {
  const reads = (...args: string[]) => {
    const { read, env } = accessOf("evaluate", args, {});
    return [
      qm9Folders().every((folder) => (read as string[]).includes(folder)),
      (env as string[]).includes("MOLSTEP_QM9"),
    ];
  };
  assert.deepEqual(reads("--likelihood", "10"), [true, true]);
  assert.deepEqual(reads("--steps", "8"), [false, false]);
});

Deno.test("accessOf() writes the folder of a model that results are entered in: shipped, of the data directory, or named by its path", () =>
  withFolder(async (data) => {
    const folder = await writeTinyModel(join(data, "models"), { name: "mine" });
    for (const command of ["evaluate", "tune", "distill"]) {
      const written = (model: string, ...more: string[]) =>
        accessOf(command, ["--model", model, ...more], { MOLSTEP_DATA_DIR: data }).write as string[];
      assert.ok(written("mine", "--record").includes(folder), command);
      assert.ok(written("qm9", "--record").includes(join(ROOT, "weights", "qm9")), command);
      assert.ok(written("/x/y", "--record").includes("/x/y"), command);
      assert.ok(!(written("mine") ?? []).includes(folder), command);
    }
  }));

Deno.test("accessOf() lets a worker reach NATS and its bucket, and write files of shards alone", () => {
  const worker = (args: string[], environment = {}) =>
    accessOf("worker", ["--data", "/d", ...args], { MOLSTEP_BACKEND: "wasm", ...environment });
  const servers = ["--nats", "nats://user:secret@one,tls://two:4333"];
  const { net, write, read, env, run, sys } = worker(servers);
  assert.deepEqual({ net, write, run, sys }, {
    ...{ net: ["one:4222", "two:4333"], write: ["/d/campaigns/shards"], run: undefined, sys: ["hostname"] },
  });
  assert.ok((read as string[]).includes("/d") && !(env as string[]).includes("AWS_SECRET_ACCESS_KEY"));
  const bucket = worker([...servers, "--files", "s3://molecules/a"], { AWS_ENDPOINT_URL: "http://store:9000" });
  assert.deepEqual([bucket.net, bucket.write], [["one:4222", "two:4333", "store:9000"], []]);
  assert.ok((bucket.env as string[]).includes("AWS_SECRET_ACCESS_KEY"));
  assert.deepEqual(worker([...servers, "--files", "/f"]).write, ["/f"]);
  assert.equal(worker([]).net, undefined);
  for (const [wrong, told] of [["http://one", "http://one"], ["nats://user:secret@one:x", "nats://one:x"]]) {
    assert.throws(
      () => worker(["--nats", wrong]),
      ({ message }: Error) => message.includes(`got ${told}`) && !message.includes("secret"),
    );
  }
});

Deno.test("accessOf() lets a worker of rounds start processes and write where it trains, and a worker of shards neither", () => {
  const worker = (...args: string[]) => accessOf("worker", ["--nats", "nats://one", "--data", "/d", ...args], {});
  const { run, write, read, ffi } = worker("--rounds");
  assert.ok((run as string[]).includes(Deno.execPath()));
  assert.deepEqual([write, ffi], [["/d/rounds", "/d/campaigns/shards"], undefined]);
  assert.ok(qm9Folders().every((folder) => (read as string[]).includes(folder)));
  assert.deepEqual(worker("--rounds", "--folder", "/t", "--files", "/f").write, ["/t", "/f"]);
  const shards = worker("--folder", "/t");
  assert.ok(!((shards.run ?? []) as string[]).includes(Deno.execPath()));
  for (const paths of [shards.read, shards.write]) assert.ok(!(paths as string[]).includes("/t"));
});

Deno.test("serviceAccess() starts no programs where others train its rounds", () => {
  const { run, read } = serviceAccess(parseConfig({
    ...{ MOLSTEP_BACKEND: "wasm", MOLSTEP_ADMIN_TOKEN: TOKEN },
    ...{ MOLSTEP_NATS: "nats://one", MOLSTEP_ROUNDS: "workers" },
  }));
  assert.equal(run, undefined);
  assert.ok(qm9Folders().every((folder) => (read as string[]).includes(folder)), "to say which data a round learns on");
});

Deno.test("serviceAccess() reaches NATS and a bucket only where it is told of them", () => {
  const access = (environment: Record<string, string>) =>
    serviceAccess(parseConfig({ PORT: "9", MOLSTEP_HOST: "::1", MOLSTEP_BACKEND: "wasm", ...environment }));
  const nats = { MOLSTEP_NATS: "nats://one" };
  assert.deepEqual(access({ MOLSTEP_SHARD_FILES: "s3://molecules" }).net, ["[::1]:9"]);
  assert.deepEqual((access(nats).net as string[]).toSorted(), ["[::1]:9", "one:4222"]);
  const { net, env } = access({ ...nats, MOLSTEP_SHARD_FILES: "s3://molecules", AWS_REGION: "eu-north-1" });
  assert.deepEqual((net as string[]).toSorted(), ["[::1]:9", "one:4222", "s3.eu-north-1.amazonaws.com:443"]);
  assert.ok((env as string[]).includes("AWS_ACCESS_KEY_ID"));
  assert.throws(() => access({ ...nats, MOLSTEP_SHARD_FILES: "s3://A" }), /MOLSTEP_SHARD_FILES/);
});

Deno.test("accessOf() goes to the network for data only where no local file is named", () => {
  assert.equal(accessOf("data", [], {}).net, true);
  assert.deepEqual(accessOf("data", ["--from", "/x.tar.bz2"], {}).net ?? [], []);
  assert.deepEqual(accessOf("data", ["--sdf", "/x.sdf"], {}).net ?? [], []);
  assert.deepEqual(accessOf("data", ["--compact", "/x"], {}).net ?? [], []);
});

Deno.test("accessOf() reads the list beside an archive, and the folder that data is moved to", () => {
  assert.deepEqual(accessOf("data", ["--sdf", "/x/a.sdf"], {}).write, [SETS_FOLDER]);
  const { read, write } = accessOf("data", ["--from", "/x/a.tar.bz2", "--to", "/y/qm9"], {});
  assert.ok((read as string[]).includes("/x/uncharacterized.txt"));
  for (const paths of [read, write]) assert.ok((paths as string[]).includes("/y"));
});

Deno.test("accessOf() replaces a file of molecules where a link leads, and a file of tokens alone", () =>
  withFolder((real) =>
    withFolder(async (root) => {
      const link = join(root, "link"), file = join(link, "x.sdf");
      await Deno.symlink(real, link);
      const written = (...more: string[]) => accessOf("generate", ["--out", ...more], {}).write as string[];
      assert.deepEqual(written(file), [file, `${file}.partial`, `${file}.json`, `${file}.json.partial`]);
      await Deno.writeTextFile(file, "");
      const place = join(await Deno.realPath(real), "x.sdf");
      assert.ok([place, `${place}.partial`].every((path) => written(file).includes(path)));
      assert.ok(written(link, "--split", "5").includes(await Deno.realPath(real)));
      assert.deepEqual(accessOf("tokens", ["--file", "/x/t.json"], {}).write, ["/x/t.json", "/x/t.json.partial"]);
    })
  ));

/** The flags that `deno task start` gives a service with this environment, found out by the task's own launcher. */
async function serviceFlags(env: Record<string, string>): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const [program, ...args] = (tasks.start as string).split(" ");
  assert.equal(program, "deno");
  args.splice(args.indexOf("serve"), 0, "--show");
  const { stdout, success } = await new Deno.Command(Deno.execPath(), { args, env, cwd: ROOT }).output();
  assert.ok(success);
  const words = new TextDecoder().decode(stdout).trim().split("\n");
  return words.slice(1, words.indexOf(join(ROOT, "main.ts")));
}

Deno.test({
  name: "a process with the permissions of a service does what they name, is refused all else, and knows its machine",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder((data) =>
      withFolder(async (outside) => {
        const env = {
          ...{ PORT: "0", MOLSTEP_HOST: "127.0.0.1", MOLSTEP_DATA_DIR: data, MOLSTEP_BACKEND: "wasm" },
          ...{ SECRET: "x", MOLSTEP_ADMIN_TOKEN: "" },
        };
        const probe = fileURLToPath(new URL("permissions_probe.ts", import.meta.url));
        const tell = async (env: Record<string, string>) => {
          const args = [...await serviceFlags(env), probe, data, outside, "9"];
          const machine = { MOLSTEP_MACHINE: JSON.stringify(hardware()) };
          const { stdout } = await new Deno.Command(Deno.execPath(), {
            args,
            env: { ...env, ...machine },
            stderr: "inherit",
          })
            .output();
          return JSON.parse(new TextDecoder().decode(stdout));
        };
        const told = await tell(env);
        assert.deepEqual(told.results, {
          "a variable": "0",
          "another variable": null,
          "read of the repository": "done",
          "read of the data directory": "done",
          "read of the system": "NotCapable",
          "read of another folder": "NotCapable",
          "write of the data directory": "done",
          "write of the repository": "NotCapable",
          "write of another folder": "NotCapable",
          "a link out of the data directory": "NotCapable",
          "its own port": "done",
          "another port": "NotCapable",
          "a connection": "NotCapable",
          "a shell": "NotCapable",
          "another Deno": "NotCapable",
          "a library": "NotCapable",
          "the host's name": "done",
          "the system's release": "NotCapable",
        });
        assert.deepEqual(told.hardware, hardware());
        const administered = await tell({ ...env, MOLSTEP_ADMIN_TOKEN: TOKEN });
        assert.deepEqual(administered.results, { ...told.results, "another Deno": "done" });
      })
    ),
});
