/** Addresses of NATS servers: light, as the launcher reads them. */

/** The address without user, password and token: for people. */
export const toldServers = (servers: string): string =>
  servers.split(",").map((server) => server.trim().replace(/^([a-z]+:\/\/)?[^@/]*@/, "$1")).join(",");

/** Servers and who asks of them, as the client wants them. @throws RangeError for text that is no such address */
export function natsAccess(servers: string) {
  const urls = servers.split(",").map((server) => {
    const text = server.trim(), full = /^[a-z]+:\/\//.test(text) ? text : `nats://${text}`;
    if (!URL.canParse(full) || !/^(nats|tls):\/\/[^/]+$/.test(full.replace(/\/$/, ""))) {
      throw new RangeError(`NATS must be at nats://host:port or tls://host:port; got ${toldServers(text)}`);
    }
    return new URL(full.replace(/^(nats|tls):/, "http:").replace(/:(\d+)\/?$/, ":$1")); // of unknown schemes URL reads no port
  });
  const { username, password } = urls[0], plain = decodeURIComponent(username);
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port || 4222}`),
    ...(password ? { user: plain, pass: decodeURIComponent(password) } : username ? { token: plain } : {}),
    ...(/^tls:/.test(servers.trim()) && { tls: {} }),
  };
}

/** Hosts with ports that a process must be let to connect to. */
export const hostsOf = (servers: string): string[] => natsAccess(servers).servers;
