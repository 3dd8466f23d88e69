/** Reads Prometheus' text format, strictly: https://prometheus.io/docs/instrumenting/exposition_formats/ */
import assert from "node:assert/strict";

/** A sample. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = String.raw`[a-zA-Z_:][a-zA-Z0-9_:]*`, LABEL = String.raw`([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"`;
const LINE = new RegExp(`^(${NAME})(?:\\{((?:${LABEL},?)*)\\})? (-?[\\d.]+(?:e[+-]?\\d+)?|[+-]Inf|NaN)$`);

/** @throws AssertionError where it is not of the format, a metric lacks its type, or a series comes twice */
export function readMetrics(text: string) {
  const samples: Sample[] = [], types: Record<string, string> = {}, helps: Record<string, string> = {};
  const seen = new Set<string>();
  assert.ok(text.endsWith("\n"));
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, kind, of, rest] = /^# (TYPE|HELP) (\S+) (.+)$/.exec(line) ?? [];
    if (kind) {
      const told = kind === "TYPE" ? types : helps;
      assert.equal(told[of], undefined, line);
      told[of] = rest;
      continue;
    }
    const [, name, inner = "", , , value] = LINE.exec(line) ?? [];
    assert.ok(name !== undefined, line);
    const base = types[name] ? name : name.replace(/_(bucket|sum|count)$/, "");
    assert.ok(types[base] && helps[base], `${name} has no type or help`);
    const labels = Object.fromEntries(
      [...inner.matchAll(new RegExp(LABEL, "g"))].map(([, key, value]) => [key, value]),
    );
    const series = name + JSON.stringify(Object.entries(labels).sort());
    assert.equal(seen.has(series), false, `${series} comes twice`);
    seen.add(series);
    samples.push({ name, labels, value: Number(value.replace("Inf", "Infinity")) });
  }
  const value = (name: string, labels: Record<string, string> = {}): number | undefined =>
    samples.find((sample) =>
      sample.name === name && Object.keys(sample.labels).length === Object.keys(labels).length &&
      Object.entries(labels).every(([key, text]) => sample.labels[key] === text)
    )?.value;
  return { samples, types, value };
}
