import assert from "node:assert/strict";
import { createFailures } from "../../../routes/access/failures.ts";

Deno.test("createFailures() allows ten guesses in any minute, and says to the second when the next one may be", () => {
  let now = 0;
  const failures = createFailures({ now: () => now });
  for (let count = 0; count < 10; count++, now += 1000) {
    assert.equal(failures.wait("a"), 0, `after ${count}`);
    failures.add("a", count);
    failures.add("a", count); // the same guess again is none
  }
  assert.equal(failures.wait("a"), 50); // the first was 10 s ago
  assert.equal(failures.wait("b"), 0);
  now += 49_001;
  assert.equal(failures.wait("a"), 1);
  now += 999;
  assert.equal(failures.wait("a"), 0);
  failures.add("a", 10);
  assert.equal(failures.wait("a"), 1); // now the second is the oldest
});

Deno.test("createFailures() remembers no more clients than it may, and none that has not failed within the window", () => {
  let now = 0;
  const failures = createFailures({ limit: 2, clients: 100, now: () => now });
  const fail = (client: string) => [1, 2].forEach((guess) => failures.add(client, guess));
  for (let client = 0; client < 1000; client++, now++) fail(String(client));
  assert.equal(failures.size, 100);
  assert.ok(failures.wait("999") > 0 && failures.wait("900") > 0);
  assert.equal(failures.wait("899"), 0);
  now += 60_000;
  failures.add("one", 1);
  assert.equal(failures.size, 1);
});
