import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { describe, expect, expectTypeOf, it } from "vitest";

import { addressesOf } from "../../../src/client/lookup.ts";
import type { Lookup } from "../../../src/client/lookup.ts";

describe("the option lookup", () => {
  it("has the type of dns.lookup, and of what net.connect takes", () => {
    expectTypeOf<typeof systemLookup>().toExtend<Lookup>();
    expectTypeOf<LookupFunction>().toExtend<Lookup>();
    expectTypeOf<(hostname: string) => Promise<readonly string[]>>().toExtend<Lookup>();
  });

  it("is asked for all addresses, as Node asks", async () => {
    const asked: unknown[] = [];
    const addresses = await addressesOf("server.example", (hostname, question, callback) => {
      asked.push(hostname, question);
      callback(null, [{ address: "10.0.0.1" }, { address: "::1" }, { address: "10.0.0.2" }]);
    });
    expect(asked).toEqual(["server.example", { all: true, family: 0, hints: 0, verbatim: true }]);
    expect(addresses).toEqual(["10.0.0.1", "::1", "10.0.0.2"]);
  });

  it.each<[what: string, lookup: Lookup]>([
    ["with one address and its family", (_name, _question, callback) => callback(null, "10.0.0.1", 4)],
    ["later", (_name, _question, callback) => setImmediate(callback, null, "10.0.0.1", 4)],
    ["by a promise of addresses", () => Promise.resolve(["10.0.0.1"])],
    ["by a promise as dns.promises.lookup gives it", () => Promise.resolve([{ address: "10.0.0.1", family: 4 }])],
    ["by a promise of one address and its family", () => Promise.resolve({ address: "10.0.0.1", family: 4 })],
    [
      "in an async function",
      async (_name, _question, callback) => {
        await Promise.resolve();
        setImmediate(callback, null, [{ address: "10.0.0.1" }]);
      },
    ],
  ])("may answer %s", async (_what, lookup) => {
    expect(await addressesOf("server.example", lookup)).toEqual(["10.0.0.1"]);
  });

  const unknown = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
  it.each<[what: string, lookup: Lookup, text: RegExp]>([
    ["an error", (_name, _question, callback) => callback(unknown), /no such name is known/],
    ["a rejection", () => Promise.reject(unknown), /no such name is known/],
    [
      "a throw",
      () => {
        throw unknown;
      },
      /no such name is known/,
    ],
    ["nothing", (_name, _question, callback) => callback(null), /has no address/],
    ["no address", (_name, _question, callback) => callback(null, []), /has no address/],
    ["a name", (_name, _question, callback) => callback(null, "other.example"), /"other\.example", which is no IP/],
  ])("fails with a text for %s", async (_what, lookup, text) => {
    const opening = addressesOf("server.example", lookup);
    await expect(opening).rejects.toThrow(text);
    await expect(opening).rejects.toMatchObject({ code: "ERR_WT_LOOKUP_FAILED", handshakeStage: "dns" });
  });

  it("is the system's by default", async () => {
    expect((await addressesOf("localhost", systemLookup)).length).toBeGreaterThan(0);
  });
});
