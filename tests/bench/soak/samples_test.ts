import assert from "node:assert/strict";
import { memoryPicture, reportOf, toText } from "../../../bench/soak/report.ts";
import { csvLine, leakOf, type LifeSample, memoryOf, slopeOf, spreadOf } from "../../../bench/soak/samples.ts";
import { createTally, outcomes } from "../../../bench/soak/tally.ts";
import { random } from "../../../model/diffusion/random.ts";

/** A life, a sample a second. */
const lifeOf = (life: number, from: number, memory: readonly number[]): LifeSample[] =>
  memory.map((rssMiB, k) => ({
    ...{ at: 1000 * (from + k), life, pid: 100 + life, rssMiB, descriptors: 50 + life, threads: 9 },
    ...{ live: [2, 3 + life], busy: [1], waiting: 0.25 },
  }));

Deno.test("slopeOf() is the least squares' line and its standard error", () => {
  assert.deepEqual(slopeOf([1, 2, 3], [2, 4, 6]), { value: 2, error: 0 });
  // y = x with deviations 1, -2, 1: they leave the slope, and a rest of 6 on one degree of freedom over a square of 2.
  const { value, error } = slopeOf([0, 1, 2], [1, -1, 3])!;
  assert.ok(Math.abs(value - 1) < 1e-12 && Math.abs(error - Math.sqrt(3)) < 1e-12);
  assert.equal(slopeOf([1, 2], [1, 2]), undefined);
});

Deno.test("memoryOf() tells of the longest life, after warming up, a slope whose error covers what noise that lasts makes of it", () => {
  // Noise in which neighbours are alike, with a rise of 36 MiB an hour or none; and a warm-up that is no part of it.
  let within = 0, errors = 0;
  for (let seed = 0; seed < 40; seed++) {
    const draw = random(seed);
    let noise = 0;
    const memory = Array.from({ length: 3000 }, (_, k) => {
      noise = 0.98 * noise + draw.normal();
      return 300 + (k < 300 ? k : 300) + 0.01 * k + noise;
    });
    const { life, minutes, slope, tenths } = memoryOf([...lifeOf(1, 0, [1, 2, 3]), ...lifeOf(2, 10, memory)])!;
    assert.deepEqual([life, Math.round(minutes), tenths.length], [2, 50, 10]);
    assert.ok(tenths[0] < tenths[9]);
    if (Math.abs(slope!.value - 36) < 2 * slope!.error) within++;
    errors += slope!.error / 40;
  }
  assert.ok(within >= 32, `${within} of 40 within two errors`);
  assert.ok(errors < 36, `an error of ${errors} tells nothing`);
});

Deno.test("memoryOf() tells no slope of what was too short, and nothing of nothing", () => {
  const { start, end, slope } = memoryOf(lifeOf(1, 0, [5, 6, 7]))!;
  assert.deepEqual([start, end, slope], [5, 7, null]);
  assert.equal(memoryOf([]), undefined);
});

Deno.test("leakOf() finds a rise that is beyond its error, in a life that is long enough", () => {
  const slope = (value: number, error: number, minutes = 40) => leakOf({ minutes, slope: { value, error } });
  assert.match(slope(200, 40)!, /50 MiB an hour; it does by 200 \+- 40$/);
  for (const [value, error, minutes] of [[200, 60], [40, 1], [-300, 1], [200, 40, 9]]) {
    assert.equal(slope(value, error, minutes), undefined);
  }
  assert.equal(leakOf({ minutes: 40, slope: null }), undefined);
  const rising = lifeOf(1, 0, Array.from({ length: 1200 }, (_, k) => 300 + k / 10 + k % 7));
  const report = reportOf(createTally().totals, rising, { minutes: 20, model: "qm9", backend: "wasm", restarts: 0 });
  assert.deepEqual([report.sound, report.faults.count], [false, 1]);
  assert.match(report.faults.first[0], /it does by 36\d \+- /);
});

Deno.test("spreadOf() is the value that so many are no larger than", () => {
  assert.deepEqual(spreadOf(Array.from({ length: 200 }, (_, k) => 200 - k)), { p50: 100, p99: 198, most: 200 });
  assert.deepEqual(spreadOf([7]), { p50: 7, p99: 7, most: 7 });
  assert.equal(spreadOf([]), null);
});

Deno.test("a report is sound where there was no fault, and has table, text and picture", () => {
  const samples = [...lifeOf(1, 0, [300, 310, 320]), ...lifeOf(2, 5, [290, 305])], lines: string[] = [];
  const tally = createTally((line) => lines.push(line));
  tally.request("reader sdf", 200);
  tally.request("reader sdf", 200);
  tally.request("leaver", "left");
  tally.molecules(40);
  tally.lost(7);
  tally.event("SIGKILL to life 1");
  const about = { minutes: 1, model: "qm9", backend: "wasm", restarts: 1 },
    report = reportOf(tally.totals, samples, about);
  assert.deepEqual(outcomes(report), { 200: 2, left: 1 });
  assert.deepEqual([report.sound, report.mostDescriptors, report.live!.most], [true, 52, 5]);
  assert.match(
    toText(report),
    /^1\.0 minutes of qm9 on wasm: 3 requests, 40 molecules read whole, 1 restarts\n[^]*\nsound: /,
  );
  assert.equal(csvLine(samples[3], 2000), "3.0,2,102,290.0,52,9,5.0,1.0,0.250\n");
  assert.match(toText(report), /wait for a core for 25 % of the time\n/);
  const picture = memoryPicture(samples, about), lifelines = picture.match(/<path d="M[^"]*L[^"]*" fill="none"/g)!;
  assert.equal(lifelines.length, 2); // a line a life

  tally.fault("a molecule is missing");
  const broken = reportOf(tally.totals, [], about);
  assert.deepEqual([broken.sound, broken.memory, broken.live, broken.mostDescriptors], [false, null, null, null]);
  assert.match(toText(broken), /NOT SOUND: 1 faults\n {2}[\d.]+ s: a molecule is missing$/);
  assert.match(lines.join("\n"), /SIGKILL to life 1\nFAULT at [\d.]+ s: a molecule/);
});
