import assert from "node:assert/strict";
import { among, clientAddress, hostOf, parseNetwork } from "../../routes/clients.ts";

Deno.test("clientAddress() believes X-Forwarded-For only as far as those who wrote it are trusted", () => {
  const trusted = among(["10.0.0.0/8", "::1"]);
  const of = (peer: string, forwarded?: string) => clientAddress(peer, forwarded, trusted);
  assert.equal(of("192.0.2.1"), "192.0.2.1");
  assert.equal(of("192.0.2.1", "198.51.100.7"), "192.0.2.1"); // anybody may write one
  assert.equal(of("10.1.2.3", "198.51.100.7"), "198.51.100.7");
  assert.equal(of("::1", "203.0.113.9, 198.51.100.7, 10.9.9.9"), "198.51.100.7"); // what the client itself wrote stands first
  assert.equal(of("10.1.2.3", "198.51.100.7:4711"), "198.51.100.7");
  assert.equal(of("10.1.2.3", "[2001:db8::5]:443"), "2001:db8::5");
  assert.equal(of("10.1.2.3", "::ffff:198.51.100.7"), "198.51.100.7");
  assert.equal(of("10.1.2.3", "unknown, 10.0.0.7"), "10.0.0.7");
  assert.equal(of("10.1.2.3", ""), "10.1.2.3");
});

Deno.test("hostOf() takes the 64 bits of an IPv6 network for one host", () => {
  assert.equal(hostOf("198.51.100.7"), "198.51.100.7");
  assert.equal(hostOf("2001:DB8:1:02::5"), "2001:db8:1:2::/64");
  assert.equal(hostOf("2001:db8:1:2:ffff:1:2:3"), "2001:db8:1:2::/64");
  assert.notEqual(hostOf("2001:db8:1:3::5"), hostOf("2001:db8:1:2::5"));
  assert.equal(hostOf("::1"), "0:0:0:0::/64");
  assert.equal(hostOf("fe80::1%eth0"), "fe80:0:0:0::/64");
});

Deno.test("parseNetwork() takes addresses and prefixes, and nothing else", () => {
  assert.deepEqual(parseNetwork("10.0.0.0/8"), { address: "10.0.0.0", family: "ipv4", prefix: 8 });
  assert.deepEqual(parseNetwork("::1"), { address: "::1", family: "ipv6", prefix: 128 });
  for (const text of ["", "10.0.0.0/33", "::/129", "proxy", "10.0.0/8", "10.0.0.0/8/8", "10.0.0.0/"]) {
    assert.equal(parseNetwork(text), undefined, text);
  }
  assert.throws(() => among(["proxy"]), /a network must be an address, or one with a prefix; got proxy/);
});
