import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { digestOf, formatTokens, makeToken, parseTokens } from "../../../routes/access/token_file.ts";
import { made } from "./tokens.ts";

Deno.test("makeToken() gives 256 random bits behind the product's name, another each time", () => {
  const tokens = Array.from({ length: 100 }, makeToken);
  assert.equal(new Set(tokens).size, 100);
  const bytes = tokens.map((token) => Buffer.from(/^molstep_([\w-]{43})$/.exec(token)![1], "base64url"));
  assert.ok(bytes.every(({ length }) => length === 32));
  // Each of the 256 bits is set in some and not in others: one that is not would be so by chance once in 2^91.
  for (let bit = 0; bit < 256; bit++) {
    const set = bytes.filter((one) => one[bit >> 3] >> (bit & 7) & 1).length;
    assert.ok(set > 0 && set < 100, `bit ${bit} is set in ${set} of 100`);
  }
});

Deno.test("digestOf() is SHA-256", () => {
  // FIPS 180-4, example of one block
  assert.equal(digestOf("abc").toString("hex"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

Deno.test("parseTokens() reads what formatTokens() writes", () => {
  const tokens = [
    made("a", ["generate"]).entry,
    made("b-2", ["read", "admin"], { expires: "2027-01-01T00:00:00+01:00" }).entry,
  ];
  assert.deepEqual(parseTokens(formatTokens(tokens)), tokens);
  assert.deepEqual(parseTokens(formatTokens([])), []);
});

Deno.test("parseTokens() names every fault by its place, and repeats nothing that could be a token or a digest", () => {
  const secret = makeToken(), good = made("good", ["generate"]).entry;
  const fault = (text: string) => {
    let message = "";
    assert.throws(() => parseTokens(text), (error: Error) => {
      message = error.message;
      return error instanceof TypeError;
    });
    assert.ok(!message.includes(secret) && !message.includes(good.sha256), message);
    assert.doesNotMatch(message, /molstep_|[0-9a-f]{16}/, message);
    return message;
  };
  const one = (more: object) => fault(JSON.stringify({ tokens: [{ ...good, ...more }] }));
  assert.equal(fault(`{"tokens": [{"sha256": ${secret}}]}`), "must be JSON");
  assert.equal(fault(`${good.sha256}`), "must be JSON");
  assert.match(fault("[]"), /^\/: /);
  assert.match(fault(JSON.stringify({ tokens: [], [secret]: 1 })), /^\/: must have tokens alone$/);
  assert.match(one({ [secret]: 1 }), /^\/tokens\/0: must have name, scopes, sha256, created, expires alone$/);
  assert.match(one({ sha256: secret }), /^\/tokens\/0\/sha256: must be the 64 hexadecimal digits/);
  assert.match(one({ scopes: ["write"] }), /^\/tokens\/0\/scopes\/0: must be of generate, read, campaign, admin$/);
  assert.match(one({ scopes: [] }), /^\/tokens\/0\/scopes: must be one at least$/);
  assert.match(one({ scopes: ["read", "read"] }), /^\/tokens\/0\/scopes: must each be given once$/);
  assert.match(one({ name: "admin" }), /^\/tokens\/0\/name: must be another than admin/);
  for (const name of ["", "10.0.0.1", "a b", "fe80:0:0:0::/64", "x".repeat(65)]) {
    assert.match(one({ name }), /^\/tokens\/0\/name: must be/);
  }
  assert.match(
    one({ created: "yesterday", expires: "2026-01-01" }),
    /^\/tokens\/0\/created: must be a time.*; \/tokens\/0\/expires: must be/,
  );
  const other = made("other", ["read"]).entry;
  assert.match(
    fault(formatTokens([good, other, { ...other, name: "good" }])),
    /^\/tokens\/2\/name: is that of \/tokens\/0; \/tokens\/2\/sha256: is that of \/tokens\/1$/,
  );
});
