/** The Python client's own tests (clients/python/tests), each Python that is here against a service with the shipped weights. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { VERSION } from "../../model/models/version.ts";
import { PLAYED, TOKEN, withShippedService } from "../shipped_service.ts";
import { ROOT } from "../sources.ts";

const CLIENT = join(ROOT, "clients/python");

/** Optional packages of the client; without them their tests are skipped. */
const PACKAGES = ["rdkit", "pyarrow"];

const LOOK = `import sys, importlib.util as of
print(sys.executable, sys.version.split()[0], *[p for p in sys.argv[1:] if of.find_spec(p)])`;

/** A Python with what it has; undefined where it is not there or older than 3.9. */
async function look(program: string) {
  try {
    const { success, stdout } = await new Deno.Command(program, { args: ["-c", LOOK, ...PACKAGES], stderr: "null" })
      .output();
    const [path, version, ...packages] = new TextDecoder().decode(stdout).trim().split(" ");
    if (!success || Number(version.split(".")[1]) < 9) return undefined;
    return { path, version, packages };
  } catch {
    return undefined;
  }
}

// Debian's, and another one that the tester prefers, which may have the packages.
const found = await Promise.all(["/usr/bin/python3", Deno.env.get("MOLSTEP_PYTHON") ?? "python3"].map(look));
const pythons = new Map(found.flatMap((one) => one ? [[one.path, one]] : []));

/** Runs a test beside a service; the variables that the Python tests read. So that few molecules are more than a request may ask, it takes little work. */
const withService = (work: (environment: Record<string, string>) => Promise<void>) =>
  withShippedService({ MOLSTEP_MAX_WORK: "80" }, ({ url, script }) =>
    work({
      MOLSTEP_TEST_URL: url,
      MOLSTEP_TEST_TOKEN: TOKEN,
      MOLSTEP_TEST_MODEL: PLAYED,
      MOLSTEP_TEST_SCRIPT: script,
    }));

for (const { path, version, packages } of pythons.values()) {
  const without = PACKAGES.filter((name) => !packages.includes(name));
  Deno.test(
    `clients/python passes its tests by ${path} (${version}${
      without.length > 0 ? `, without ${without.join(", ")}` : ""
    })`,
    () =>
      withService(async (environment) => {
        const { success, stderr } = await new Deno.Command(path, {
          args: ["-W", "error::ResourceWarning", "-m", "unittest", "discover", "-t", ".", "-s", "tests"],
          cwd: CLIENT,
          env: { ...environment, PYTHONDONTWRITEBYTECODE: "1" },
        }).output();
        const said = new TextDecoder().decode(stderr);
        assert.ok(success, said);
        assert.ok(Number(/^Ran (\d+) tests/m.exec(said)?.[1]) > 25, said);
        // Of what was asked for nothing is passed over but what the packages are for.
        assert.equal(Number(/skipped=(\d+)/.exec(said)?.[1] ?? 0), without.length, said);
      }),
  );
}

if (pythons.size === 0) {
  Deno.test.ignore("clients/python passes its tests: there is no Python of 3.9 or later here", () => {});
}

Deno.test("clients/python has the service's version", async () => {
  const project = await Deno.readTextFile(join(CLIENT, "pyproject.toml"));
  assert.equal(/^version = "(.+)"$/m.exec(project)?.[1], VERSION);
});
