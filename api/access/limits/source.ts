// api/access/limits/source.ts: where a request comes from, as limits count it.

import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';

// As some proxies write them into X-Forwarded-For.
const WITH_PORT = /^(?:(?<v4>[\d.]+):\d{1,5}|\[(?<v6>[\da-f:.]+)\](?::\d{1,5})?)$/i;

/**
 * An IPv4 address; or an IPv6 network of 64 bits, because whoever has one address there has all of them. Behind a proxy of TRUSTED_PROXIES
 * it is that of the client which the proxy names; where that is no address, the proxy's own.
 */
export const sourceOf = (request: Pick<FastifyRequest, 'ip' | 'socket'>): string =>
  networkOf(request.ip) ?? networkOf(request.socket.remoteAddress) ?? 'unknown';

const networkOf = (text: string | undefined): string | null => {
  if (text === undefined) return null;
  const { v4, v6 } = WITH_PORT.exec(text)?.groups ?? {};
  const address = v4 ?? v6 ?? text;
  if (!isAddress(address)) return null;
  const parsed = ipaddr.process(address); // ::ffff:192.0.2.1 is 192.0.2.1
  if (parsed.kind() === 'ipv4') return parsed.toString();
  const network = (parsed as ipaddr.IPv6).parts.slice(0, 4);
  return `${network.map((part) => part.toString(16)).join(':')}::/64`;
};

/** Not 127.1, 0x7f000001 and the like, which the library takes too. */
const isAddress = (text: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);

/** An address or a network in CIDR notation, as TRUSTED_PROXIES lists them. */
export const isNetwork = (text: string): boolean => {
  const [address, prefix] = text.split('/', 2);
  return isAddress(address!) && (prefix === undefined || ipaddr.isValidCIDR(text));
};
