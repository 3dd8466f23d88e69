import assert from "node:assert/strict";
import { difference } from "../../../bench/soak/references.ts";
import { lasting, readAnswer } from "../../../bench/soak/answers.ts";
import { joined, parseAnswer, postText } from "../../../bench/soak/raw.ts";
import { toFault, toRecord } from "../../../model/generation/formats.ts";
import { createRdkit } from "../../../chem/rdkit.ts";
import { createValidator } from "../../../chem/validator.ts";
import { post, withApp } from "../../routes/app_fixture.ts";
import { MEDIA_TYPES } from "../../../routes/generate_schema.ts";

const validate = createValidator(await createRdkit());

/** A record of water. */
function water(form: "sdf" | "xyz" | "ndjson", index: number): string {
  const molecule = {
    atomicNumbers: Uint8Array.of(8, 1, 1),
    positions: Float32Array.of(0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0),
  };
  const generated = { index, molecule, decoding: "argmax" as const, validation: validate(molecule) };
  return toRecord(form, generated, [], {
    model: "qm9",
    version: 'a "version" index=7',
    sampler: "ddpm",
    steps: 2,
    seed: 1,
  });
}

const FAULT = { error: "the deadline has passed", drawn: 2, count: 3 };

for (const form of ["sdf", "xyz", "ndjson"] as const) {
  Deno.test(`readAnswer() finds in ${form} what is missing, out of order or cut, and takes a last record with an error`, () => {
    const text = (...indices: number[]) => indices.map((index) => water(form, index)).join("");
    const all = { form, count: 3, all: true }, some = { ...all, all: false };
    assert.deepEqual(readAnswer(text(0, 1, 2), all), { molecules: 3 });
    assert.deepEqual(readAnswer(text(0, 2), some), { molecules: 2 });
    assert.deepEqual(readAnswer("", some), { molecules: 0 });
    for (const indices of [[], [0, 1], [0, 2, 1], [0, 2], [0, 1, 1], [0, 1, 2, 3]]) {
      assert.throws(() => readAnswer(text(...indices), all), RangeError, indices.join());
    }
    for (const indices of [[1, 0], [0, 0], [3]]) assert.throws(() => readAnswer(text(...indices), some), RangeError);
    const fault = toFault(form, FAULT);
    assert.deepEqual(readAnswer(text(0, 1) + fault, all), { molecules: 2, error: FAULT.error });
    assert.throws(() => readAnswer(text(0) + fault + text(1, 2), all), /must be the last record/);
    for (const length of [1, 20]) {
      assert.throws(() => readAnswer(text(0, 1, 2).slice(0, -length), all), `${length} less`);
    }
  });
}

Deno.test("readAnswer() reads JSON by the service's own schema, and lasting() is the same whenever the same is drawn", () =>
  withApp(async (app) => {
    const draw = async () => await (await post(app, { count: 3, steps: 2, seed: 1 })).text();
    const [text, again] = [await draw(), await draw()], asked = { form: "json", count: 3, all: true } as const;
    assert.deepEqual(readAnswer(text, asked), { molecules: 3 });
    assert.equal(lasting(text, "json"), lasting(again, "json"));
    assert.throws(() => readAnswer(text, { ...asked, count: 4 }), /4 molecules must come/);
    const { molecules, ...rest } = JSON.parse(text);
    assert.throws(() => readAnswer(JSON.stringify({ ...rest, molecules: molecules.slice(1) }), asked), /returned 3/);
    assert.throws(() => readAnswer(JSON.stringify({ ...rest, molecules, more: 1 }), asked));
    assert.throws(() => readAnswer(text.slice(0, -1), asked), SyntaxError);
  }));

Deno.test("difference() names the first byte at which two texts part", () => {
  assert.equal(difference("abcd", "abXd"), 'byte 2 of 4 and 4: "abcd" and "abXd"');
  assert.match(difference("ab", "abc"), /^byte 2 of 2 and 3/);
});

Deno.test("parseAnswer() reads bodies with a length and in chunks, and says where the end is missing", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const length = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nfünf!";
  assert.deepEqual(parseAnswer(bytes(length)), { status: 200, body: "fünf!", whole: true });
  assert.equal(parseAnswer(bytes(length).subarray(0, -1))!.whole, false);
  const chunks = "HTTP/1.1 408 Late\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab\r\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n";
  assert.deepEqual(parseAnswer(bytes(chunks)), { status: 408, body: "ab\r0123456789", whole: true });
  for (const cut of [2, 5, 10, 20]) assert.equal(parseAnswer(bytes(chunks.slice(0, -cut)))!.whole, false, `${cut}`);
  assert.equal(parseAnswer(bytes("HTTP/1.1 200 OK\r\n")), undefined);
  assert.deepEqual(joined([bytes("ab"), bytes(""), bytes("c")]), bytes("abc"));
});

Deno.test("postText() tells the body's length in bytes", () => {
  const { head, body } = postText({ model: "ü" }, MEDIA_TYPES.sdf, "198.51.100.1");
  assert.equal(body, '{"model":"ü"}');
  assert.match(head, /^POST \/generate HTTP\/1\.1\r\n[^]*\r\nContent-Length: 14\r\n[^]*\r\n\r\n$/);
});
