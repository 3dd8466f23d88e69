import assert from "node:assert/strict";
import { createLeases } from "../../../model/models/leases.ts";

/** Leases on things that say when they are made and disposed of. */
function observed() {
  const events: string[] = [];
  const leases = createLeases((name) => {
    events.push(`make ${name}`);
    if (name.startsWith("bad")) return Promise.reject(new Error(`cannot make ${name}`));
    return Promise.resolve({ name, dispose: () => void events.push(`dispose ${name}`) });
  });
  return { events, leases };
}

/** Lets what is settled be told. */
const settled = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

Deno.test("createLeases() makes a thing once for all who take it, and keeps it while it is in service", async () => {
  const { events, leases } = observed();
  leases.keep(["a"]);
  const [one, two] = [leases.take("a"), leases.take("a")];
  assert.equal(await one.value, await two.value);
  one.release();
  two.release();
  await settled();
  assert.deepEqual(events, ["make a"]);
});

Deno.test("createLeases() disposes of what is out of service at the end of its last lease, once", async () => {
  const { events, leases } = observed();
  leases.keep(["a"]);
  const [one, two] = [leases.take("a"), leases.take("a")];
  let gone = false;
  const end = leases.keep(["b"]).then(() => gone = true);
  one.release();
  one.release(); // counts once
  await settled();
  assert.deepEqual([gone, events], [false, ["make a"]]);
  two.release();
  await end;
  assert.deepEqual(events, ["make a", "dispose a"]);
  assert.equal(leases.has("a"), false);
});

Deno.test("createLeases() keeps what is put back into service before its last lease ends", async () => {
  const { events, leases } = observed();
  leases.keep(["a"]);
  const lease = leases.take("a"), end = leases.keep([]);
  leases.keep(["a"]);
  await end; // nothing is left to wait for
  lease.release();
  await settled();
  assert.deepEqual(events, ["make a"]);
});

Deno.test("createLeases() tries again what could not be made, and waits for what is being made", async () => {
  const { events, leases } = observed();
  leases.keep(["bad"]);
  await assert.rejects(leases.take("bad").value, /cannot make bad/);
  await assert.rejects(leases.take("bad").value, /cannot make bad/);
  assert.deepEqual(events, ["make bad", "make bad"]);
  const held = leases.take("a"); // of no service: made for the lease alone
  held.release();
  await held.value;
  await settled();
  assert.deepEqual(events.slice(2), ["make a", "dispose a"]);
});
