import assert from "node:assert/strict";
import {
  type Claim,
  createLedger,
  type Ledger,
  OverShareError,
  QueueFullError,
} from "../../../model/generation/ledger.ts";

/** The error of a request that is refused. */
function refusal(ledger: Ledger, claim: Claim): OverShareError | QueueFullError {
  try {
    ledger.enter(claim);
  } catch (error) {
    if (error instanceof OverShareError || error instanceof QueueFullError) return error;
    throw error;
  }
  throw new Error("it was let in");
}

Deno.test("Ledger keeps a client to its share of the places, and the rest for others", () => {
  const ledger = createLedger({ limit: 4, share: 0.5 }), mine = { client: "a" };
  const first = ledger.enter(mine);
  ledger.enter(mine);
  assert.match(refusal(ledger, mine).message, /its share of the service: at most 2 of its requests may be held/);
  assert.ok(refusal(ledger, mine) instanceof OverShareError);
  ledger.enter({ client: "b" });
  ledger.enter();
  assert.ok(refusal(ledger, { client: "b" }) instanceof QueueFullError);
  assert.ok(refusal(ledger, {}) instanceof QueueFullError);
  assert.ok(refusal(ledger, mine) instanceof OverShareError);
  first.leave();
  first.leave();
  assert.equal(ledger.held, 3);
  ledger.enter(mine);
});

Deno.test("Ledger counts the work that is yet to be done, of a client and of all", () => {
  const ledger = createLedger({ maxWork: 1000, share: 0.5 });
  const large = ledger.enter({ work: 900, client: "a" }); // its first may be any
  assert.match(
    refusal(ledger, { work: 10, client: "a" }).message,
    /at most 500 molecule-steps.*900 are and 10 are asked/,
  );
  assert.match(refusal(ledger, { work: 101, client: "b" }).message, /full: at most 1000.*900 are and 101 are asked/);
  ledger.enter({ work: 100, client: "b" });
  large.progress(0.6);
  assert.equal(ledger.work, 460);
  ledger.enter({ work: 140, client: "a" });
  assert.ok(refusal(ledger, { work: 1, client: "a" }) instanceof OverShareError);
  large.progress(1);
  large.leave();
  assert.equal(ledger.work, 240);
});

Deno.test("Ledger lets a request in that is larger than its bound where none is held", () => {
  const ledger = createLedger({ maxWork: 10 });
  ledger.enter({ work: 20 }).leave();
  assert.equal(ledger.work, 0);
});

Deno.test("Ledger tells when there is room, by the rate that it measured", () => {
  let clock = 0;
  const ledger = createLedger({ limit: 2, maxWork: 10_000, share: 0.5, now: () => clock });
  const running = ledger.enter({ work: 8000, client: "a" });
  assert.equal(refusal(ledger, { work: 5000, client: "b" }).retryAfter, 3); // 3000 too many, at a guess of 1000 a second
  clock += 10_000;
  running.progress(0.25); // 200 a second
  assert.equal(refusal(ledger, { work: 5000, client: "b" }).retryAfter, 5); // 1000 too many
  const other = ledger.enter({ work: 1000, client: "b" });
  assert.equal(refusal(ledger, {}).retryAfter, 10); // both share the device: the smaller one has had 1000 when 2000 are done
  assert.equal(refusal(ledger, { work: 1, client: "a" }).retryAfter, 60);
  other.leave();
  running.leave();
  clock += 1_000_000; // nothing is held: the rate stays
  ledger.enter({ work: 6000 });
  assert.equal(refusal(ledger, { work: 5000 }).retryAfter, 5);
});

Deno.test("createLedger() refuses limits that make no sense", () => {
  assert.throws(() => createLedger({ maxWork: 0 }), /maxWork must be above 0; got 0/);
  assert.throws(() => createLedger({ share: 1.5 }), /share must be 0 to 1; got 1.5/);
});
