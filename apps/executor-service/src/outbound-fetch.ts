/**
 * `fetch` for addresses that a tenant or a run's parameters may name: sources of http.extract, webhooks.
 *
 * 1. It connects to public addresses only: not to this machine, its network, or what hands out the platform's own credentials there
 * (169.254.169.254). 2. What counts is the address that is connected to, not the name: a name that points inward is refused too,
 * also when it did not when it was first asked for. 3. Whoever operates the platform may open networks of theirs.
 */
import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { StepFailure } from '@convergence/steps';
import { Agent } from 'undici';

/** IANA's special-purpose registries: what is not reachable from everywhere. */
const NOT_PUBLIC = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
];
const INWARD = 'EINWARD';
export const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/** `networks` as 10.1.0.0/16; those are open although they are private. */
export function outboundFetch(networks: readonly string[]): typeof fetch {
  const [closed, open] = [addressList(NOT_PUBLIC), addressList(networks)];
  const inward = (address: string): boolean => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return closed.check(address, family) && !open.check(address, family);
  };
  const lookUpPublic: LookupFunction = (host, options, callback) =>
    lookup(host, { ...options, all: true }, (error, found) => {
      const refused = found?.some(({ address }) => inward(address));
      if (error || refused) callback(error ?? Object.assign(new Error(host), { code: INWARD }), [], 0);
      else if (options.all) callback(null, found);
      else callback(null, found[0]?.address ?? '', found[0]?.family);
    });
  const dispatcher = new Agent({ connect: { lookup: lookUpPublic } });
  return async (input, init) => {
    // An address that is written as one is connected to without being looked up.
    const host = new URL(input instanceof Request ? input.url : input).hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && inward(host)) throw inwardAddress(host);
    try {
      // A redirect could name an address, and credentials follow none; who asks may look at it.
      const through: object = { ...init, redirect: init?.redirect === 'manual' ? 'manual' : 'error', dispatcher };
      return await fetch(input, through);
    } catch (error) {
      throw ((error as Error).cause as { code?: string } | undefined)?.code === INWARD ? inwardAddress(host) : error;
    }
  };
}

function addressList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

const inwardAddress = (host: string): StepFailure =>
  new StepFailure('permission', 'http.inward', `${host} lies within a private network: nothing is sent there.`, {
    hint: 'Name an address that can be reached from everywhere; whoever operates Convergence may open a network with OUTBOUND_NETWORKS.',
  });
