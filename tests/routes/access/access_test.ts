import assert from "node:assert/strict";
import { createAccess, type Identity } from "../../../routes/access/access.ts";
import { createFailures } from "../../../routes/access/failures.ts";
import { made } from "./tokens.ts";

const ADMIN_TOKEN = "a-token-of-a-test-1234";

/** Access with two tokens and an administrator's, at a time that the test sets. */
function fixture() {
  const clock = { now: 0 }, now = () => clock.now;
  const robot = made("robot", ["generate"]), late = made("late", ["read"], { expires: "1970-01-01T00:01:00Z" });
  const tokens = [robot.entry, late.entry];
  const failures = createFailures({ now });
  const access = createAccess({ open: [], tokens: { tokens }, adminToken: ADMIN_TOKEN, failures, now });
  const ask = (header?: string, client = "a"): Identity => access.identify(header, client);
  return { clock, robot, late, tokens, ask, failures };
}

Deno.test("identify() knows the tokens of the file and MOLSTEP_ADMIN_TOKEN, as `admin`, and no other", () => {
  const { robot, ask, tokens } = fixture();
  const holder = { kind: "holder", holder: { name: "robot", scopes: ["generate"] } };
  for (const scheme of ["Bearer", "bearer", "BEARER", " Bearer "]) {
    assert.deepEqual(ask(`${scheme} ${robot.text}`), holder);
  }
  assert.deepEqual(ask(`Bearer ${ADMIN_TOKEN}`), { kind: "holder", holder: { name: "admin", scopes: ["admin"] } });
  for (const header of [undefined, "", robot.text, `Basic ${robot.text}`]) {
    assert.deepEqual(ask(header), { kind: "absent" });
  }
  for (const text of ["", `${robot.text}x`, robot.text.slice(1), `${robot.text} x`, robot.entry.sha256, "robot"]) {
    assert.deepEqual(ask(`Bearer ${text}`), { kind: "unknown" }, text);
  }
  tokens.splice(0, 1); // the list is what it is now
  assert.deepEqual(ask(`Bearer ${robot.text}`), { kind: "unknown" });
});

Deno.test("identify() takes a token until it expires, and then says whose it was and when", () => {
  const { clock, late, ask } = fixture(), header = `Bearer ${late.text}`;
  clock.now = 59_999;
  assert.equal(ask(header).kind, "holder");
  clock.now = 60_000;
  assert.deepEqual(ask(header), { kind: "expired", name: "late", expires: "1970-01-01T00:01:00Z" });
});

Deno.test("identify() counts ten failures of a client, then looks at no MOLSTEP_ADMIN_TOKEN of it, right or wrong, but at tokens of the file", () => {
  const { clock, robot, late, ask } = fixture();
  for (let count = 0; count < 10; count++) assert.equal(ask(`Bearer guess-${count}`).kind, "unknown");
  const tooMany = { kind: "tooMany", retryAfter: 60 };
  assert.deepEqual(ask("Bearer guess-11"), tooMany);
  assert.deepEqual(ask(`Bearer ${ADMIN_TOKEN}`), tooMany);
  assert.equal(ask(`Bearer ${ADMIN_TOKEN}`, "b").kind, "holder");
  assert.equal(ask(`Bearer ${robot.text}`).kind, "holder");
  assert.deepEqual(ask(undefined), { kind: "absent" });
  clock.now = 60_000; // what was refused over the limit did not count
  assert.equal(ask(`Bearer ${ADMIN_TOKEN}`).kind, "holder");
  // One wrong token, however often it is shown, is one guess: clients that always send a key of another service lock nobody out.
  for (let count = 0; count < 20; count++) assert.equal(ask("Bearer nvapi-key", "d").kind, "unknown");
  assert.equal(ask(`Bearer ${ADMIN_TOKEN}`, "d").kind, "holder");
  // A token that has expired is no guess.
  for (let count = 0; count < 20; count++) assert.equal(ask(`Bearer ${late.text}`, "c").kind, "expired");
  assert.equal(ask(`Bearer ${ADMIN_TOKEN}`, "c").kind, "holder");
});
