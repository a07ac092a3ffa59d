/** Where the subnets of named networks are taken from. */
import { afterEach, expect, test } from "bun:test";
import { createNetwork } from "../../../src/network/named/index.ts";
import { temporaryFolder } from "../../support/tmp.ts";

afterEach(() => {
  delete process.env.TSBOX_NETWORK_SUBNETS;
});

function subnetsOf(count: number): string[] {
  using folder = temporaryFolder();
  return Array.from({ length: count }, (_, i) => {
    const nothing = { subnet: undefined, gateway: undefined, ipRange: undefined, labels: {}, options: {} };
    return createNetwork(folder.path, { ...nothing, name: `n${i}`, internal: false, dnsEnabled: true }).subnet;
  });
}

test("the configuration names ranges, of which each network gets a /24, or all of a smaller one", () => {
  process.env.TSBOX_NETWORK_SUBNETS = "198.18.4.0/23,198.19.0.0/28";
  expect(subnetsOf(3)).toEqual(["198.18.4.0/24", "198.18.5.0/24", "198.19.0.0/28"]);
});

test("when they are used up there is no network", () => {
  process.env.TSBOX_NETWORK_SUBNETS = "198.18.4.0/24";
  expect(() => subnetsOf(2)).toThrow("cannot create network n1: no subnet is free");
});

test("without, they are podman's", () => {
  for (const subnet of subnetsOf(2)) expect(subnet).toMatch(/^10\.89\.\d+\.0\/24$/);
});
