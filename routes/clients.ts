/** Who a request is from, as far as shares of the service go. */
import { BlockList, isIP, isIPv6 } from "node:net";

/** An address, or a network with the length of its prefix. */
interface Network {
  readonly address: string;
  readonly family: "ipv4" | "ipv6";
  readonly prefix: number;
}

/** The network that a text such as `10.0.0.0/8` or `::1` names; undefined where it names none. */
export function parseNetwork(text: string): Network | undefined {
  const [, address, prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [], version = isIP(address ?? "");
  const bits = version === 4 ? 32 : 128, length = prefix === undefined ? bits : Number(prefix);
  if (version === 0 || length > bits) return undefined;
  return { address, family: version === 4 ? "ipv4" : "ipv6", prefix: length };
}

/** Whether an address is of one of these networks. @throws TypeError where one is no network */
export function among(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const text of networks) {
    const network = parseNetwork(text);
    if (!network) throw new TypeError(`a network must be an address, or one with a prefix; got ${text}`);
    list.addSubnet(network.address, network.prefix, network.family);
  }
  return (address) => list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** An address as it is written: IPv4 that comes by IPv6's mapping as IPv4. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=[\d.]+$)/i, "");

/**
 * The address of the client. Each proxy writes whom it heard behind those named before it, so `X-Forwarded-For` is read from its end
 * for as long as the one who wrote is trusted; what stands before that anybody may have made up.
 *
 * @param peer the other end of the connection
 * @param forwarded the header, of whoever sent it
 */
export function clientAddress(
  peer: string,
  forwarded: string | undefined,
  trusted: (address: string) => boolean,
): string {
  let client = peer;
  for (const entry of forwarded?.split(",").reverse() ?? []) {
    if (!trusted(client)) break;
    const bare = plainAddress(
      entry.trim().replace(/^\[(.+)\](?::\d+)?$/, "$1").replace(/^([\d.]+):\d+$/, "$1"),
    );
    if (isIP(bare) === 0) break;
    client = bare;
  }
  return client;
}

/** Whether a text is an origin as browsers send it: scheme, host and port where it is not the scheme's own, and nothing else. */
export const isOrigin = (text: string): boolean =>
  /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;

/** What counts as one client: an IPv4 address, or the 64 bits of an IPv6 network, all of which one host may have. */
export function hostOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head, tail] = address.replace(/%.*$/, "").split("::").map((part) => part.split(":").filter(Boolean));
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - (tail?.length ?? 0)) }, () => "0");
  return [...head, ...zeros, ...tail ?? []].slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":") +
    "::/64";
}
