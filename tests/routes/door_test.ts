import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { setTimeout as wait } from "node:timers/promises";
import { type Door, type DoorOptions, openDoor } from "../../routes/door.ts";
import type { Fetch } from "../../routes/node_http.ts";

const SHORT: DoorOptions = {
  hostname: "127.0.0.1",
  port: 0,
  maxConnections: 100,
  headMs: 300,
  bodyMs: 300,
  writeMs: 300,
};

/** Runs a test with a door, and sees that it can be closed. */
async function withDoor(fetch: Fetch, work: (door: Door) => Promise<void>, options: Partial<DoorOptions> = {}) {
  const door = openDoor(fetch, { ...SHORT, ...options });
  try {
    await work(door);
  } finally {
    door.abort();
    await door.close();
  }
}

/** A client that says what it likes. */
async function visit({ port }: { port: number }, text = "", hostname = "127.0.0.1") {
  const conn = await Deno.connect({ hostname, port }), encoder = new TextEncoder(), decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536), since = performance.now();
  const say = (more: string) => conn.write(encoder.encode(more));
  if (text) await say(text);
  return {
    say,
    /** A piece of what is answered; nothing at the end. */
    async hear(): Promise<string> {
      const length = await conn.read(buffer).catch(() => null);
      return length === null ? "" : decoder.decode(buffer.subarray(0, length));
    },
    /** All that is answered until the connection is ended. */
    async listen(): Promise<string> {
      let all = "";
      for (let piece; (piece = await this.hear()) !== "";) all += piece;
      return all;
    },
    /** Says a letter now and then, for as long as anybody listens. */
    async trickle() {
      try {
        for (let i = 0; i < 100; i++) {
          await wait(40);
          await say("a");
        }
      } catch {
        // ended
      }
    },
    get ms() {
      return performance.now() - since;
    },
    leave() {
      try {
        conn.close();
      } catch {
        // ended
      }
    },
  };
}

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", POST = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
const hello: Fetch = () => new Response("hello");
const read: Fetch = async (request) => new Response(`${(await request.text()).length}`);

Deno.test("openDoor() ends a connection that says nothing, or is kept alive for nothing", () =>
  withDoor(hello, async (door) => {
    const silent = await visit(door), kept = await visit(door, GET);
    assert.match(await kept.hear(), /^HTTP\/1.1 200 OK\r\n[^]*Content-Length: 5\r\n[^]*hello$/i);
    for (const one of [silent, kept]) {
      assert.equal(await one.listen(), "");
      assert.ok(one.ms > 250 && one.ms < 2000, `${one.ms} ms`);
      one.leave();
    }
    assert.equal(door.connections, 0);
  }));

Deno.test("openDoor() answers 408 to a head and to a body that trickle in, however often a byte comes", () =>
  withDoor(read, async (door) => {
    for (const text of ["GET / HTTP/1.1\r\nX-Long: ", POST, `${GET}GET / HTTP/1.1\r\nX: `]) {
      const slow = await visit(door, text), trickling = slow.trickle(), answer = await slow.listen();
      assert.match(
        answer,
        /HTTP\/1.1 408 Request Timeout\r\n[^]*"(detail)":"the (head|body) of a request must be there/,
      );
      assert.ok(slow.ms > 250 && slow.ms < 2000, `${slow.ms} ms`);
      slow.leave();
      await trickling;
    }
  }));

/** Holds the event loop up, as a machine does that is too busy. */
function stall(ms: number) {
  for (const end = performance.now() + ms; performance.now() < end;);
}

Deno.test("openDoor() answers heads and bodies that came in time, where it was itself too late to read them", () =>
  withDoor(read, async (door) => {
    const head = await visit(door), body = await visit(door, POST), kept = await visit(door, GET);
    assert.match(await kept.hear(), /200 OK/);
    await wait(100); // all three are waited for
    await Promise.all([head.say(GET), body.say("a".repeat(1000)), kept.say(GET)]);
    stall(1000);
    for (const [one, text] of [[head, /0$/], [body, /1000$/], [kept, /0$/]] as const) {
      assert.match(await one.hear(), text);
      one.leave();
    }
  }));

Deno.test("openDoor() times neither an answer that takes long nor a stream that pauses", () =>
  withDoor((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/late") return wait(800).then(() => new Response("late"));
    return new Response(ReadableStream.from((async function* () {
      for (const text of ["a", "b"]) {
        yield new TextEncoder().encode(text);
        await wait(500);
      }
    })()));
  }, async ({ port }) => {
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/late`, { method: "POST", body: "{}" })).text(), "late");
    const began = performance.now(), response = await fetch(`http://127.0.0.1:${port}/stream`);
    const reader = response.body!.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "a");
    assert.ok(performance.now() - began < 450); // sent as it comes
    assert.equal(new TextDecoder().decode((await reader.read()).value), "b");
    assert.ok((await reader.read()).done);
  }));

Deno.test("openDoor() aborts the request, and cancels its stream, when the client goes away", async () => {
  const gone = Promise.withResolvers<void>(), cancelled = Promise.withResolvers<void>();
  await withDoor((request) => {
    request.signal.addEventListener("abort", () => gone.resolve());
    if (request.method === "POST") return new Promise(() => {});
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(3)),
        cancel: () => cancelled.resolve(),
      }),
    );
  }, async (door) => {
    const [waiting, streamed] = [await visit(door, POST + "a".repeat(1000)), await visit(door, GET)];
    await streamed.hear();
    await wait(50);
    waiting.leave();
    await gone.promise;
    streamed.leave();
    await cancelled.promise;
  });
});

Deno.test("openDoor() gives up a client that never reads, and makes little for it", async () => {
  let pulled = 0;
  const cancelled = Promise.withResolvers<void>(), aborted = Promise.withResolvers<void>();
  await withDoor((request) => {
    request.signal.addEventListener("abort", () => aborted.resolve());
    return new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(1_000_000).fill(++pulled)),
        cancel: () => cancelled.resolve(),
      }),
    );
  }, async (door) => {
    const client = await visit(door, GET);
    await Promise.all([cancelled.promise, aborted.promise]);
    assert.ok(client.ms < 5000, `${client.ms} ms`);
    assert.ok(pulled < 30, `${pulled} MB`); // what the kernel holds for both ends, and a few
    client.leave();
    // One that reads, if slowly, has all the time it needs.
    pulled = 0;
    const slow = await visit(door, GET);
    while (slow.ms < 900) {
      assert.notEqual(await slow.hear(), "");
      await wait(5);
    }
    slow.leave();
  });
});

Deno.test("openDoor() makes room by the connection that waits longest, and refuses where each has a request in flight", () => {
  const held = Promise.withResolvers<void>();
  return withDoor(async (request) => {
    if (request.url.endsWith("/hold")) await held.promise;
    return new Response("hello");
  }, async (door) => {
    const hold = "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n", first = await visit(door, hold), idle = await visit(door);
    await wait(150);
    const second = await visit(door, hold);
    assert.equal(await idle.listen(), "");
    assert.ok(idle.ms < 250, `${idle.ms} ms`); // before its time
    await wait(30);
    assert.equal(door.connections, 2);
    const third = await visit(door);
    assert.match(await third.listen(), /^HTTP\/1.1 503 [^]*Retry-After: 1\r\n[^]*at most 2 connections/);
    held.resolve();
    for (const one of [first, second]) assert.match(await one.hear(), /200 OK/);
    await wait(150); // these two wait for a request now
    const fourth = await visit(door, GET);
    assert.match(await fourth.hear(), /hello/);
    for (const one of [first, second, third, fourth, idle]) one.leave();
  }, { maxConnections: 2 });
});

Deno.test("Door.close() answers what is in flight and ends the rest", async () => {
  const held = Promise.withResolvers<Response>(), door = openDoor(() => held.promise, { ...SHORT, headMs: 20_000 });
  const [idle, busy] = [await visit(door), await visit(door, GET)];
  await wait(50);
  const closed = door.close();
  assert.equal(await idle.listen(), "");
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: door.port }), Deno.errors.ConnectionRefused);
  held.resolve(new Response("last"));
  assert.match(await busy.listen(), /last$/);
  await closed;
  assert.ok(busy.ms < 5000);
  for (const one of [idle, busy]) one.leave();
});

Deno.test("openDoor() reads on after a body that nobody wanted, and answers in the order of the requests", () =>
  withDoor((request) => new Response(request.method + new URL(request.url).pathname), async (door) => {
    const post = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + "b".repeat(100_000);
    const client = await visit(door, `${post}GET /b HTTP/1.1\r\nHost: x\r\n\r\nTRACE /c HTTP/1.1\r\nHost: x\r\n\r\n`);
    const answer = await client.listen();
    assert.deepEqual(answer.match(/(POST|GET|TRACE)\/\w/g), ["POST/a", "GET/b", "TRACE/c"]);
    client.leave();
  }));

Deno.test("openDoor() refuses what is not HTTP with a problem document", () =>
  withDoor(hello, async (door) => {
    const cases = [
      ["hello\r\n\r\n", 400],
      ["GET / HTTP/1.1\r\n\r\n", 400],
      ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
      [`GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    ] as const;
    for (const [text, status] of cases) {
      const client = await visit(door, text), answer = await client.listen();
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), text.slice(0, 40));
      client.leave();
    }
    assert.match(await (await visit(door, GET)).hear(), /hello/);
  }));

Deno.test("openDoor() listens to IPv4 and IPv6 where no address is named, and tells who called", () =>
  withDoor((_request, { address }) => new Response(address), async (door) => {
    assert.equal(await (await fetch(`http://127.0.0.1:${door.port}/`)).text(), "127.0.0.1");
    if (door.hostname !== "::") return; // a machine without IPv6
    const client = await visit(door, GET, "::1");
    assert.match(await client.hear(), /\r\n\r\n::1$/);
    client.leave();
  }, { hostname: undefined }));

Deno.test("openDoor() says why it ends or refuses a connection, and nothing of one that was only kept alive", async () => {
  const reasons: string[] = [], held = Promise.withResolvers<void>();
  const seen = async (reason: string) => {
    for (let i = 0; i < 100 && !reasons.includes(reason); i++) await wait(20);
    assert.deepEqual(reasons.splice(0), [reason]);
  };
  await withDoor(async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/hold") await held.promise;
    if (pathname !== "/stream") return new Response(await request.text());
    return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1_000_000)) }));
  }, async (door) => {
    const hold = "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n", kept = await visit(door, GET);
    while (await kept.hear() !== "");
    assert.deepEqual(reasons, []);
    const cases = {
      "slow-head": "GET / HT",
      "slow-body": POST + "a",
      "not-http": "hello\r\n\r\n",
      "head-too-long": `GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(20_000)}\r\n\r\n`,
    };
    for (const [reason, text] of Object.entries(cases)) {
      const client = await visit(door, text);
      await client.listen();
      await seen(reason);
      client.leave();
    }
    const reader = await visit(door, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    await seen("slow-reader");
    const first = await visit(door, hold), idle = await visit(door);
    await wait(150);
    const second = await visit(door, hold);
    await seen("made-room");
    const third = await visit(door);
    await third.listen();
    await seen("too-many-connections");
    held.resolve();
    for (const one of [kept, reader, first, idle, second, third]) one.leave();
  }, { maxConnections: 2, onRefusal: (reason) => reasons.push(reason) });
});

/** A service in a process that may have 60 files open. */
async function withFewDescriptors(work: (door: { port: number }) => Promise<void>) {
  const script = fileURLToPath(new URL("door_child.ts", import.meta.url));
  const child = new Deno.Command("sh", {
    args: ["-c", 'ulimit -n 60 && exec "$0" run -A "$1"', Deno.execPath(), script],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader(), { value } = await reader.read();
  try {
    await work({ port: Number(new TextDecoder().decode(value)) });
    child.kill("SIGTERM");
    assert.equal((await child.status).signal, "SIGTERM"); // it ran until then
  } finally {
    await reader.cancel();
    await child.stdin.close().catch(() => {});
    await child.status;
  }
}

Deno.test({
  name:
    "openDoor() outlives the limit of descriptors: idle connections make room, and it goes on when others have gone",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFewDescriptors(async (door) => {
      const served = async () => {
        const client = await visit(door, GET), answer = await Promise.race([client.hear(), wait(3000)]);
        client.leave();
        return /hello/.test(String(answer));
      };
      const idle = await Promise.all(Array.from({ length: 100 }, () => visit(door)));
      assert.ok(await served());
      const busy = await Promise.all(
        Array.from({ length: 100 }, () => visit(door, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")),
      );
      await wait(200);
      const refused = await visit(door, GET), waiting = refused.hear();
      assert.equal(await Promise.race([waiting, wait(300)]), undefined); // no descriptor is left
      for (const one of busy) one.leave();
      assert.match(await waiting, /hello/);
      assert.ok(await served());
      for (const one of [...idle, refused]) one.leave();
    }),
});
