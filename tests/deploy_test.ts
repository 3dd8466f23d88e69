/** The image, compose.yaml and the manifests agree with the service, and with each other. */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";
import { comesIn, copyOf, inherited, listOf, readDockerfile, stageOf, variables } from "../deploy/dockerfile.ts";
import { readOptions } from "../main/options.ts";
import { workerConfig, workerOptions } from "../main/worker_options.ts";
import { namesOf } from "../model/campaigns/nats/connection.ts";
import { parseConfig } from "../routes/config.ts";
import { ENDPOINTS } from "../routes/endpoints.ts";
import { createMeters } from "../routes/meters.ts";
import { importsOf } from "./sources.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => Deno.readTextFileSync(join(root, path));
const exists = (path: string) => {
  try {
    return Deno.statSync(join(root, path)) !== undefined;
  } catch {
    return false;
  }
};
const stages = readDockerfile(read("Dockerfile")), takes = comesIn(read(".dockerignore"));
const last = (stage: string, word: string) => inherited(stages, stage, word).at(-1)!;

// deno-lint-ignore no-explicit-any -- YAML, whose fields the tests are about
type Yaml = any;
const compose: Yaml = parse(read("compose.yaml")), gpuCompose: Yaml = parse(read("deploy/compose.gpu.yaml"));

/** Every object of the manifests, and those who list them. */
const MANIFESTS = "deploy/kubernetes", LISTS = ["base", "overlays/gpu", "overlays/scaled", "overlays/workers"];
const objects = LISTS.flatMap((folder) =>
  [...Deno.readDirSync(join(root, MANIFESTS, folder))].flatMap(({ name }) =>
    parseAllDocuments(read(`${MANIFESTS}/${folder}/${name}`)).map((one): Yaml => ({
      file: `${folder}/${name}`,
      ...(one.toJS() as Yaml),
    }))
  )
);
const ofWorkers = (kind: string, name: string): Yaml =>
  objects.find((one) => one.file.startsWith("overlays/workers/") && one.kind === kind && one.metadata.name === name);
const ofKind = (kind: string): Yaml => objects.find((one) => one.kind === kind && one.file !== "overlays/gpu/gpu.yaml");
const set = ofKind("StatefulSet"), pod = set.spec.template.spec, [container] = pod.containers;

/** Routes that are asked for nothing but to be there. */
const paths = ENDPOINTS.map(({ route }): string => route.path);

Deno.test("each stage of the image that serves is started as a number that is nobody's, by a task that there is, with a root that it does not write", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  for (const name of ["serve", "gpu"]) {
    assert.match(last(name, "USER"), /^[1-9]\d{3,}:[1-9]\d{3,}$/, name);
    const [program, word, task] = listOf(last(name, "CMD"));
    assert.deepEqual([program, word], ["deno", "task"], name);
    assert.ok(task in tasks, task);
    const installed = inherited(stages, name, "RUN").join(" ");
    assert.doesNotMatch(installed, /\b(gcc|g\+\+|clang|libc6-dev|build-essential|make)\b/, name);
    const owned = inherited(stages, name, "COPY").filter((text) => text.includes("--chown"));
    assert.deepEqual(owned, [], "what is copied belongs to root");
  }
  assert.equal(stages.at(-1)!.name, "serve", "the last stage is the one that is built by default");
});

Deno.test("the image's variables are the service's, its port is exposed, and its data directory a volume", () => {
  for (const name of ["serve", "gpu"]) {
    const env = variables(inherited(stages, name, "ENV"));
    const own = Object.fromEntries(Object.entries(env).filter(([key]) => key === "PORT" || key.startsWith("MOLSTEP_")));
    const config = parseConfig(own);
    assert.equal(String(config.port), last(name, "EXPOSE"));
    assert.equal(config.dataDir, last(name, "VOLUME"));
    assert.equal(config.backend, name === "gpu" ? "webgpu" : "auto");
  }
});

Deno.test("the image's Deno is the one that the README names, and its build changes what deno.json says", () => {
  const version = /denoland\/deno:bin-([\d.]+)/.exec(stageOf(stages, "deno").from)![1];
  assert.ok(read("README.md").includes(`npx --yes deno@${version} task start`), version);
  const replaced = /sed -i 's\/(.*?)\/(.*?)\/' deno\.json/.exec(inherited(stages, "build", "RUN").join(" "))!;
  assert.ok(read("deno.json").includes(replaced[1]), replaced[1]);
  assert.ok(JSON.parse(read("deno.json").replace(replaced[1], replaced[2])).nodeModulesDir === "manual");
});

Deno.test("the image's health check asks for a route that there is, by a file that comes in", () => {
  const file = listOf(last("serve", "HEALTHCHECK")).at(-1)!, [, path] = /\}(\/[\w/]+)`/.exec(read(file))!;
  assert.ok(takes(file), file);
  assert.ok(paths.includes(path), path);
});

Deno.test("COPY takes what there is: stages, and files that .dockerignore lets in", () => {
  for (const [k, { name, steps }] of stages.entries()) {
    for (const { text } of steps.filter(({ word }) => word === "COPY")) {
      const { stage, sources } = copyOf(text);
      if (stage) assert.ok(stages.slice(0, k).some((one) => one.name === stage), `${name}: ${text}`);
      else {for (const source of sources) {
          assert.ok(exists(source) && (source === "." || takes(source)), `${name}: ${text}`);
        }}
    }
  }
});

Deno.test(".dockerignore lets in all that the service reads, and nothing else", async () => {
  const needed = new Set([
    "main.ts",
    "deno.json",
    "deno.lock",
    "LICENSE",
    "model/engines/c/engine.wasm",
    "model/engines/c/src/engine.c",
  ]);
  for (const room of ["main", "routes", "model", "chem"]) for (const [file] of await importsOf(room)) needed.add(file);
  for (const { name } of Deno.readDirSync(join(root, "weights/qm9"))) needed.add(`weights/qm9/${name}`);
  for (const file of needed) assert.ok(exists(file) && takes(file), file);
  const others = [
    ".git/config",
    ".env",
    "tokens.json",
    "node_modules/zod/package.json",
    ".native/engine-x86-64-v3-0123456789abcdef.so",
    "data/jobs.sqlite",
  ];
  for (
    const file of [...others, "tests/deploy_test.ts", "bench/main.ts", "docs/http.md", "compose.yaml", "main/run.log"]
  ) {
    assert.ok(!takes(file), file);
  }
});

Deno.test("comesIn() goes by the last line that says something of a file", () => {
  const takes = comesIn("# all\n*\n!src\n!a/b.ts\nsrc/secret\n**/*.log\n");
  const given = ["src/x.ts", "src/deep/x.ts", "a/b.ts", "a/c.ts", "src/secret/x", "srcs/x", "x.log", "src/deep/x.log"];
  assert.deepEqual(given.filter(takes), ["src/x.ts", "src/deep/x.ts", "a/b.ts"]);
  assert.ok(comesIn("")("anything"));
});

Deno.test("readDockerfile() joins lines, leaves comments out, and refuses what it does not understand", () => {
  const stages = readDockerfile("# x\nFROM a:1 AS one\nRUN x && \\\n  # y\n  z\nFROM one AS two\nENV A=1 B=2\n");
  assert.deepEqual(stages.map(({ name, from }) => [name, from]), [["one", "a:1"], ["two", "one"]]);
  assert.deepEqual(inherited(stages, "two", "RUN"), ["x && z"]);
  assert.deepEqual(variables(inherited(stages, "two", "ENV")), { A: "1", B: "2" });
  assert.throws(() => readDockerfile("FROM a:1\n"), /^SyntaxError: Dockerfile: expected FROM IMAGE AS NAME/);
  assert.throws(() => readDockerfile("FROM a:1 AS b\nADD x y\n"), /got ADD x y/);
});

/** Seconds of "35s". */
const seconds = (text: string) => Number(/^(\d+)s$/.exec(text)![1]);

Deno.test("compose.yaml starts the service with variables that it takes, its port, and as little as it needs", () => {
  const { molstep, ...others } = compose.services,
    environment = { ...variables(inherited(stages, "serve", "ENV")), ...molstep.environment };
  const own = Object.entries(environment).filter(([key]) => key === "PORT" || key.startsWith("MOLSTEP_"));
  const config = parseConfig(
    Object.fromEntries(own.map(([key, value]) => [key, String(value).replace(/^\$\{\w+:-\}$/, "")])),
  );
  assert.ok(molstep.ports.every((text: string) => text === `127.0.0.1:${config.port}:${config.port}`));
  assert.ok(molstep.volumes.includes(`data:${config.dataDir}`));
  assert.ok(seconds(molstep.stop_grace_period) > config.drainSeconds + config.shutdownSeconds);
  for (const service of [molstep, ...Object.values<Yaml>(others)]) {
    assert.equal(service.read_only, true);
    assert.deepEqual(service.cap_drop, ["ALL"]);
    assert.deepEqual(service.security_opt, ["no-new-privileges:true"]);
    assert.ok(service.deploy.resources.limits.memory && service.deploy.resources.limits.cpus);
    assert.ok(service.ports.every((text: string) => text.startsWith("127.0.0.1:")));
  }
  assert.ok(config.openScopes.includes("read"), "Prometheus has no token there");
  assert.equal(stageOf(stages, gpuCompose.services.molstep.build.target).name, "gpu");
  const volumes = [molstep, ...Object.values<Yaml>(others)].flatMap((service) => service.volumes as string[]);
  for (const [source] of volumes.map((text) => text.split(":"))) {
    assert.ok(source.startsWith("./") ? exists(source) : source in compose.volumes, source);
  }
});

Deno.test("Prometheus and Grafana of compose.yaml find the service, the rules, each other and the dashboard", () => {
  const config: Yaml = parse(read("deploy/prometheus/prometheus.yml")), [scrape] = config.scrape_configs;
  const [host, port] = scrape.static_configs[0].targets[0].split(":");
  assert.ok(host in compose.services);
  assert.equal(port, last("serve", "EXPOSE"));
  assert.ok(paths.includes(scrape.metrics_path ?? "/metrics"));
  for (const file of config.rule_files) assert.ok(exists(`deploy/prometheus/${file}`), file);
  const [source] = (parse(read("deploy/grafana/provisioning/datasources/prometheus.yaml")) as Yaml).datasources;
  assert.ok(new URL(source.url).hostname in compose.services);
  const [provider] = (parse(read("deploy/grafana/provisioning/dashboards/molstep.yaml")) as Yaml).providers;
  const { volumes, environment } = compose.services.grafana,
    home = environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH;
  assert.equal(dirname(home), provider.options.path);
  assert.ok(volumes.some((text: string) => text.split(":")[1] === home), home);
});

Deno.test("the pod's variables are the service's, its ports and probes are there, and it has the time to end", () => {
  const env = Object.fromEntries(container.env.map(({ name, value }: Yaml) => [name, value ?? "4"]));
  const config = parseConfig({ PORT: last("serve", "EXPOSE"), ...env });
  assert.deepEqual(container.ports.map(({ name, containerPort }: Yaml) => [name, containerPort]), [[
    "http",
    config.port,
  ]]);
  for (const name of ["startupProbe", "readinessProbe", "livenessProbe"]) {
    const { path, port } = container[name].httpGet;
    assert.ok(paths.includes(path), `${name}: ${path}`);
    assert.equal(port, "http", name);
  }
  assert.ok(pod.terminationGracePeriodSeconds > config.drainSeconds + config.shutdownSeconds);
  const mounts = Object.fromEntries(container.volumeMounts.map(({ name, mountPath }: Yaml) => [name, mountPath]));
  assert.equal(mounts.data, last("serve", "VOLUME"));
  assert.equal(mounts.tokens, dirname(config.tokens!));
  const volumes = [...pod.volumes, ...set.spec.volumeClaimTemplates.map(({ metadata }: Yaml) => metadata)].map((
    { name },
  ) => name);
  assert.deepEqual(Object.keys(mounts).sort(), volumes.sort());
});

Deno.test("the pod is what the restricted standard of Kubernetes asks for, as the image's own user", () => {
  const { securityContext: own } = container, { securityContext } = pod;
  assert.ok(securityContext.runAsNonRoot && own.readOnlyRootFilesystem && own.allowPrivilegeEscalation === false);
  assert.deepEqual(own.capabilities, { drop: ["ALL"] });
  assert.deepEqual(securityContext.seccompProfile, { type: "RuntimeDefault" });
  const { runAsUser, runAsGroup, fsGroup } = securityContext;
  assert.equal(`${runAsUser}:${runAsGroup}`, last("serve", "USER"));
  assert.equal(fsGroup, runAsGroup);
  const tokens = pod.volumes.find(({ name }: Yaml) => name === "tokens").secret;
  assert.equal(tokens.defaultMode, 0o440, "group only, as which the pod reads it");
});

Deno.test("service, budget, policy, autoscaler and monitor are of that pod", () => {
  const labels = set.spec.template.metadata.labels, { port } = ofKind("NetworkPolicy").spec.ingress[0].ports[0];
  for (const kind of ["Service", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor"]) {
    const { spec } = ofKind(kind), selector = spec.podSelector ?? spec.selector;
    assert.deepEqual(selector.matchLabels ?? selector, labels, kind);
  }
  const service = ofKind("Service"), [{ targetPort, name }] = service.spec.ports;
  assert.equal(targetPort, container.ports[0].name);
  assert.equal(port, container.ports[0].containerPort);
  assert.equal(set.spec.serviceName, service.metadata.name);
  const { scaleTargetRef, metrics } = ofKind("HorizontalPodAutoscaler").spec;
  assert.deepEqual([scaleTargetRef.kind, scaleTargetRef.name], [set.kind, set.metadata.name]);
  const [endpoint] = ofKind("ServiceMonitor").spec.endpoints;
  assert.equal(endpoint.port, name);
  assert.ok(paths.includes(endpoint.path));
  const { descriptions } = createMeters(), known = descriptions.map((one) => one.name);
  const adapter: Yaml = parse(read("deploy/prometheus/adapter.yaml"));
  for (const { pods } of metrics) {
    assert.ok(known.includes(pods.metric.name), pods.metric.name);
    assert.ok(
      adapter.rules.custom.some((rule: Yaml) => rule.seriesQuery.startsWith(`${pods.metric.name}{`)),
      pods.metric.name,
    );
  }
});

Deno.test("workers, a trainer, the service and the scaler speak of one NATS server, by names that it knows", () => {
  const { spec: { template: { spec: own }, selector } } = ofWorkers("Deployment", "molstep-worker"),
    [worker] = own.containers;
  const service = ofWorkers("StatefulSet", "molstep").spec.template.spec.containers[0];
  assert.equal(service.name, container.name, "a patch finds its container by name");
  const [program, word, task] = worker.command;
  assert.deepEqual([program, word, task in JSON.parse(read("deno.json")).tasks], ["deno", "task", true]);
  const secrets = (one: Yaml) =>
    one.env.flatMap(({ name, valueFrom }: Yaml) => valueFrom?.secretKeyRef ? [[name, valueFrom.secretKeyRef.key]] : []);
  assert.deepEqual(secrets(worker), secrets(service));
  const { spec: { template: { spec: training }, selector: trainers } } = ofWorkers("Deployment", "molstep-trainer");
  const [trainer] = training.containers, [, ...words] = trainer.command;
  assert.deepEqual([secrets(trainer), words], [secrets(service), ["task", task, "--rounds"]]);
  assert.ok(readOptions(words.slice(2), workerOptions).rounds);
  const { value } = service.env.find(({ name }: Yaml) => name === "MOLSTEP_ROUNDS");
  assert.equal(parseConfig({ MOLSTEP_ROUNDS: value, MOLSTEP_NATS: "nats://one" }).rounds, "workers");
  const given = Object.fromEntries(worker.env.map(({ name }: Yaml) => [name, "4"]));
  const told = {
    ...given,
    MOLSTEP_NATS: "nats://molstep:secret@molstep-nats:4222",
    MOLSTEP_SHARD_FILES: "s3://molecules",
  };
  assert.equal(workerConfig({}, told).shardFiles, "s3://molecules");
  const nats = ofWorkers("StatefulSet", "molstep-nats"), { labels } = nats.spec.template.metadata;
  const { spec: { ports, selector: asked } } = ofWorkers("Service", nats.spec.serviceName);
  assert.deepEqual(asked, labels);
  const has: Yaml[] = nats.spec.template.spec.containers[0].ports;
  for (const { port, targetPort } of ports) {
    assert.equal(has.find(({ name }) => name === targetPort).containerPort, port);
  }
  for (const name of ["molstep", "molstep-worker", "molstep-trainer"]) {
    const [{ to, ports }] = ofWorkers("NetworkPolicy", name).spec.egress;
    assert.deepEqual([to[0].podSelector.matchLabels, ports[0].port], [labels, 4222]);
  }
  assert.deepEqual(ofWorkers("NetworkPolicy", "molstep-worker").spec.podSelector, selector);
  assert.deepEqual(ofWorkers("NetworkPolicy", "molstep-trainer").spec.podSelector, trainers);
  const { scaleTargetRef, triggers: [{ type, metadata }] } = ofWorkers("ScaledObject", "molstep-worker").spec;
  const { stream, consumer } = namesOf("molstep"), monitor = `${nats.spec.serviceName}:8222`;
  assert.deepEqual([scaleTargetRef.name, type], ["molstep-worker", "nats-jetstream"]);
  assert.deepEqual([metadata.stream, metadata.consumer, metadata.natsServerMonitoringEndpoint], [
    stream,
    consumer,
    monitor,
  ]);
  const deployments = ["molstep-worker", "molstep-trainer"].map((name) => ofWorkers("Deployment", name));
  for (const { spec: { template: { spec } } } of [...deployments, nats]) {
    const [{ securityContext: one }] = spec.containers;
    assert.ok(
      spec.securityContext.runAsNonRoot && one.readOnlyRootFilesystem && one.allowPrivilegeEscalation === false,
    );
    assert.deepEqual(one.capabilities, { drop: ["ALL"] });
    assert.deepEqual(spec.securityContext.seccompProfile, { type: "RuntimeDefault" });
  }
});

Deno.test("each kustomization names files that there are, all of its folder, and images of stages", () => {
  for (const folder of LISTS) {
    const { resources = [], patches = [], images = [] } = objects.find((one) =>
      one.file === `${folder}/kustomization.yaml`
    );
    const named: string[] = [...resources, ...patches.map(({ path }: Yaml) => path)];
    for (const path of named) assert.ok(exists(normalize(`${MANIFESTS}/${folder}/${path}`)), `${folder}: ${path}`);
    const files = [...Deno.readDirSync(join(root, MANIFESTS, folder))].map(({ name }) => name);
    assert.deepEqual(files.filter((name) => name !== "kustomization.yaml" && !named.includes(name)), [], folder);
    for (const { name, newTag } of images) {
      assert.equal(name, container.image.split(":")[0]);
      assert.ok(newTag === "latest" || stages.some((stage) => stage.name === newTag), newTag);
    }
  }
  const gpu = objects.find((one) => one.file === "overlays/gpu/gpu.yaml");
  assert.equal(gpu.spec.template.spec.containers[0].name, container.name, "a patch finds its container by name");
  const { volumes } = objects.find((one) => one.file === "overlays/scaled/replicas.yaml").spec.template.spec;
  assert.deepEqual(
    volumes.map(({ name }: Yaml) => name),
    set.spec.volumeClaimTemplates.map(({ metadata }: Yaml) => metadata.name),
  );
});
