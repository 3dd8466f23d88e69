import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { LAUNCHER, watchLauncher } from "../../../model/service/launcher.ts";

Deno.test("watchLauncher() tells once that the launcher is no more the parent, and not before", async () => {
  let parent = 17, told = 0;
  const options = { everyMs: 1, parent: () => parent };
  const end = watchLauncher({ [LAUNCHER]: "17" }, () => told++, options);
  await wait(30);
  assert.equal(told, 0);
  parent = 1;
  for (let k = 0; k < 200 && told === 0; k++) await wait(5);
  await wait(30);
  assert.equal(told, 1);
  end();
  watchLauncher({ [LAUNCHER]: "17" }, () => told++, options)();
  await wait(30);
  assert.equal(told, 1);
});

Deno.test("watchLauncher() tells nothing where there is no launcher, whatever becomes of the parent; and refuses what is no process", async () => {
  let parent = 17;
  for (const environment of [{}, { [LAUNCHER]: "" }]) {
    watchLauncher(environment, () => assert.fail("there was no launcher"), { everyMs: 1, parent: () => parent++ });
  }
  await wait(30);
  for (const wrong of ["0", "-1", "x", "1.5"]) {
    assert.throws(() => watchLauncher({ [LAUNCHER]: wrong }, () => {}), /MOLSTEP_LAUNCHER must be a process number/);
  }
});
