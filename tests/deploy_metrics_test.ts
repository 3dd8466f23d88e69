/** What the dashboard and the alerts ask Prometheus for is what the service measures. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { ENDPOINTS } from "../routes/endpoints.ts";
import { createMeters } from "../routes/meters.ts";
import { readMetrics } from "./routes/metrics_text.ts";

const read = (path: string) => Deno.readTextFile(fileURLToPath(new URL(`../deploy/${path}`, import.meta.url)));

const meters = createMeters(), { descriptions } = meters;

/** Labels that Prometheus adds. */
const ADDED = ["job", "instance"];

/** Words of PromQL that stand where a metric could. */
const WORDS = [
  ..."sum max min rate increase delta changes absent time histogram_quantile and or unless on by".split(" "),
];

/** The metric of a series' name, with what a histogram adds to its own. */
function metricOf(series: string) {
  const found = descriptions.find(({ name, type }) =>
    type === "histogram" ? ["_bucket", "_sum", "_count"].some((end) => name + end === series) : name === series
  );
  assert.ok(found, `there is no ${series}`);
  return { ...found, labels: [...found.labels, ...ADDED, ...(series.endsWith("_bucket") ? ["le"] : [])] };
}

/** Sees that each series that a query names is there, and each label that it selects or groups by is of one of them. */
function check(query: string): string[] {
  const bare = query.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\[[^\]]*\]/g, "");
  const groups = [...bare.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, labels]) => labels.split(/\s*,\s*/));
  const rest = bare.replace(/\b(?:by|on)\s*\([^)]*\)/g, " ");
  const series = [...rest.matchAll(/([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?/g)].filter(([, name]) =>
    !WORDS.includes(name)
  );
  assert.ok(series.length > 0, query);
  const metrics = series.map(([, name, selectors = ""]) => {
    const metric = metricOf(name);
    for (const [, label] of selectors.matchAll(/([a-zA-Z_]\w*)\s*[=!]/g)) {
      assert.ok(metric.labels.includes(label), `${name} has no label ${label}`);
    }
    return metric;
  });
  for (const label of groups) {
    assert.ok(metrics.every(({ labels }) => labels.includes(label)), `${label} is grouped by: ${query}`);
  }
  return metrics.map(({ name }) => name);
}

Deno.test("check() finds what is not measured", () => {
  assert.deepEqual(check('sum by (route) (rate(molstep_requests_total{status=~"5.."}[5m]))'), [
    "molstep_requests_total",
  ]);
  for (
    const wrong of [
      "molstep_request_total",
      "molstep_request_duration_seconds",
      "molstep_ready_bucket",
      'molstep_requests_total{path="/"}',
      "sum by (reason) (molstep_requests_total)",
      "nodejs_eventloop_lag_seconds",
    ]
  ) assert.throws(() => check(wrong), assert.AssertionError, wrong);
});

Deno.test("each query of the Grafana dashboard names metrics and labels that there are, and each metric is on it", async () => {
  const { panels, templating, uid, title } = JSON.parse(await read("grafana/molstep.json"));
  assert.deepEqual([uid, title], ["molstep", "Molstep"]);
  const ids = panels.map(({ id }: { id: number }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const used = new Set<string>();
  for (const { title, targets = [], type } of panels) {
    assert.ok(type === "row" || targets.length > 0, title);
    for (const { expr } of targets) for (const name of check(expr)) used.add(name);
  }
  for (const { query } of templating.list) {
    const [, name, label] = /label_values\((\w+), (\w+)\)/.exec(query.query ?? "") ?? [];
    if (name) assert.ok(metricOf(name).labels.includes(label));
  }
  assert.deepEqual(descriptions.map(({ name }) => name).filter((name) => !used.has(name)), []);
});

Deno.test("each alert names metrics, labels and reasons that there are, says how grave it is and what to do", async () => {
  const { groups } = parse(await read("prometheus/alerts.yaml")), { samples } = readMetrics(await meters.text());
  const reasons = samples.filter(({ name }) => name === "molstep_refusals_total").map(({ labels }) => labels.reason);
  const rules = groups.flatMap(({ rules }: { rules: unknown[] }) => rules), names = new Set<string>();
  assert.ok(rules.length > 5);
  for (const { alert, expr, labels, annotations } of rules) {
    assert.match(alert, /^Molstep\w+$/);
    assert.equal(names.has(alert), false, alert);
    names.add(alert);
    check(expr);
    assert.ok(["warning", "critical"].includes(labels.severity), alert);
    assert.ok(annotations.summary && annotations.description, alert);
    // An increase is seen where the series was there before it.
    for (const [, text] of expr.matchAll(/reason=~?"([^"]*)"/g)) {
      for (const reason of text.split("|")) assert.ok(reasons.includes(reason), reason);
    }
    // Refusals are of all routes that draw, so what they are compared with is, too.
    for (const [, text] of expr.matchAll(/route=~?"([^"]*)"/g)) {
      const draws = ENDPOINTS.filter(({ route: { scopes, method } }) =>
        method === "post" && scopes.includes("generate")
      );
      assert.deepEqual(text.split("|").sort(), draws.map(({ route: { path } }) => path).sort(), alert);
    }
  }
});
