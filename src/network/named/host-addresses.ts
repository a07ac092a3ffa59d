/** The host's own IPv4 addresses: rtnetlink(7). */
import { attributesOf, NLM_F_DUMP, NLM_F_REQUEST, netlinkMessage, requestRoute } from "../../linux/netlink.ts";
import { type Subnet, sizeOf, toText } from "./subnet.ts";

const RTM_GETADDR = 22;
const RTM_GETROUTE = 26;
const AF_INET = 2;
const ADDRESS_SIZE = 8;
const ROUTE_SIZE = 12;
const IFA_ADDRESS = 1;
const RTA_DST = 1;
const RTA_PREFSRC = 7;

const number = (value: Uint8Array) => value.reduce((sum, byte) => sum * 256 + byte, 0);

/** The networks that the host is in. */
export function hostSubnets(): Subnet[] {
  const fixed = new Uint8Array(ADDRESS_SIZE);
  fixed[0] = AF_INET;
  const query = netlinkMessage(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, fixed, []);
  return requestRoute(query, "the host's addresses").flatMap((message) => {
    const value = attributesOf(message, ADDRESS_SIZE).find(({ type }) => type === IFA_ADDRESS)?.value;
    if (value === undefined || message.body[0] !== AF_INET) return [];
    const subnet = { base: number(value), prefix: message.body[1] ?? 32 };
    return [{ ...subnet, base: subnet.base - (subnet.base % sizeOf(subnet)) }];
  });
}

/** The address that the host shows to the outside; undefined when it has no way there. */
export function hostAddress(): string | undefined {
  const fixed = new Uint8Array(ROUTE_SIZE);
  fixed[0] = AF_INET;
  fixed[1] = 32;
  // TEST-NET-3, RFC 5737: nothing is sent there
  const query = netlinkMessage(RTM_GETROUTE, NLM_F_REQUEST, fixed, [
    { type: RTA_DST, value: new Uint8Array([203, 0, 113, 1]) },
  ]);
  try {
    const [message] = requestRoute(query, "the host's address");
    const value = message && attributesOf(message, ROUTE_SIZE).find(({ type }) => type === RTA_PREFSRC)?.value;
    return value === undefined ? undefined : toText(number(value));
  } catch {
    // ENETUNREACH
    return undefined;
  }
}
