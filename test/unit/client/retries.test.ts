import { describe, expect, it } from "vitest";

import { retryDelayOf } from "../../../src/client/back-off.ts";
import { connect } from "../../../src/client/connect.ts";
import type { ClientOptions } from "../../../src/client/connect.ts";
// `connect` loads them with its first call, which virtual time does not wait for.
import "../../../src/client/connector.ts";
import "../../../src/client/lookup.ts";
import { FrameType } from "../../../src/constants/http3.ts";
import { HttpError } from "../../../src/errors/errors.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { frame } from "../protocol/wire.ts";
import { VirtualClock } from "../../../src/engine/memory/virtual-clock.ts";

import { FakeEngine, closed } from "./fake-engine.ts";

const url = "https://server.example/";
const full = closed({ by: "peer", code: 2n });
const silence = closed({ by: "transport", kind: "handshake-timeout" });

/** Calls of `connect` in virtual time, at names with the addresses given. */
class Client {
  readonly time = new VirtualClock({ automatic: false });
  readonly engine: FakeEngine;
  readonly lookups: string[] = [];
  readonly messages: string[] = [];
  readonly addresses: readonly string[];

  constructor(engine: FakeEngine, ...addresses: string[]) {
    this.engine = engine;
    this.addresses = addresses.length > 0 ? addresses : ["10.0.0.1"];
  }

  connect(options: ClientOptions = {}): Promise<WebTransportSession> {
    const warn = (_fields: object, message: string): void => void this.messages.push(message);
    const opening = connect(url, {
      engine: this.engine,
      setTimer: this.time.setTimer,
      lookup: async (name) => {
        this.lookups.push(name);
        return this.addresses;
      },
      logger: { debug: () => {}, info: () => {}, warn, error: warn },
      verifyMode: "none",
      ...options,
    });
    opening.catch(() => {});
    return opening;
  }

  /** Until nothing happens any more at this time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  }

  async advance(milliseconds: number): Promise<void> {
    await this.time.advance(milliseconds);
    await this.settle();
  }
}

describe("connect() retries", () => {
  it("a failure that may pass after 1, 2 and 4 seconds, and then gives up", async () => {
    const client = new Client(new FakeEngine(full));
    const opening = client.connect();
    await client.settle();
    for (const [delay, attempts] of [
      [1000, 1],
      [2000, 2],
      [4000, 3],
    ] as const) {
      await client.advance(delay - 1);
      expect(client.engine.addresses).toHaveLength(attempts);
      await client.advance(1);
      expect(client.engine.addresses).toHaveLength(attempts + 1);
    }
    await expect(opening).rejects.toMatchObject({ code: "ERR_WT_CONNECTION_FAILED", handshakeStage: "quic" });
    expect(client.lookups).toHaveLength(4);
    expect(client.messages).toHaveLength(3);
    expect(client.engine.openEndpoints).toBe(0);
    expect(client.time.timers).toBe(0);
  });

  it("with a warning that says why, and with debug a line about every address, too", async () => {
    const messages: [level: string, message: string][] = [];
    const note = (level: string) => (_fields: object, message: string) => void messages.push([level, message]);
    const logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
    const client = new Client(new FakeEngine((_address, attempt) => (attempt === 1 ? full : "server")));
    const opening = client.connect({ logger, debug: true });
    await client.settle();
    await client.advance(1000);
    await (await opening).close();
    expect(messages).toEqual([
      ["debug", "Trying an address"],
      ["warn", expect.stringMatching(/^Trying again in 1000 ms: Cannot connect to server\.example:443: .*it is full/)],
      ["debug", "Trying an address"],
    ]);
  });

  it("until one attempt succeeds", async () => {
    const client = new Client(new FakeEngine((_address, attempt) => (attempt < 3 ? full : "server")));
    const opening = client.connect({ retryDelay: 10, retryBackoff: 1 });
    await client.settle();
    await client.advance(10);
    await client.advance(10);
    const session = await opening;
    expect(client.engine.addresses).toHaveLength(3);
    await session.close();
  });

  it.each([
    ["a refused certificate", closed({ code: 0x130n }), "tls"],
    ["a server without HTTP/3", closed({ by: "peer", code: 0x178n }), "alpn"],
    ["a server of another QUIC", closed({ kind: "version-mismatch" }), "quic"],
  ])("nothing for %s", async (_what, outcome, handshakeStage) => {
    const client = new Client(new FakeEngine(outcome));
    await expect(client.connect()).rejects.toMatchObject({ handshakeStage });
    expect(client.engine.addresses).toHaveLength(1);
  });

  it.each([
    [503, 2],
    [429, 2],
    [404, 1],
    [302, 1],
  ])("status %i in %i attempts", async (status, attempts) => {
    const engine = new FakeEngine("server", (request) => request.reject(status));
    const client = new Client(engine);
    const opening = client.connect({ maxRetries: 1 });
    await client.settle();
    await client.advance(1000);
    await expect(opening).rejects.toMatchObject({ name: "HttpError", status, handshakeStage: "http" });
    expect(engine.addresses).toHaveLength(attempts);
    expect(engine.openEndpoints).toBe(0);
  });

  it("on another connection a request that GOAWAY names while it waits for its answer", async () => {
    const engine = new FakeEngine("server", async (request) => {
      if (engine.addresses.length > 1) await request.accept();
      // RFC 9114 §5.2: requests from this id on are not processed. No answer follows.
      else engine.servers[0]?.write(3, frame(FrameType.goaway, 0), false);
    });
    const client = new Client(engine);
    const opening = client.connect({ connectTimeout: 5000 });
    await client.settle();
    expect(client.messages).toEqual([expect.stringContaining("The server refused the session request")]);
    await client.advance(1000);
    const session = await opening;
    expect(engine.addresses).toHaveLength(2);
    await session.close();
  });

  it("nothing for a name that does not exist, but a name server that does not answer", async () => {
    const client = new Client(new FakeEngine());
    const failing = (code: string) => async (): Promise<never> => {
      client.lookups.push(code);
      throw Object.assign(new Error(code), { code });
    };
    await expect(client.connect({ lookup: failing("ENOTFOUND") })).rejects.toMatchObject({
      code: "ERR_WT_LOOKUP_FAILED",
      handshakeStage: "dns",
    });
    const opening = client.connect({ lookup: failing("EAI_AGAIN"), maxRetries: 1, retryDelay: 5 });
    await client.settle();
    await client.advance(5);
    await expect(opening).rejects.toMatchObject({ code: "ERR_WT_LOOKUP_FAILED", handshakeStage: "dns" });
    expect(client.lookups).toEqual(["ENOTFOUND", "EAI_AGAIN", "EAI_AGAIN"]);
  });

  it("no longer than connectTimeout, and tells the last failure", async () => {
    const client = new Client(new FakeEngine(full));
    const opening = client.connect({ connectTimeout: 2500, maxRetries: 100 });
    await client.settle();
    await client.advance(1000);
    await client.advance(1500);
    await expect(opening).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT", timeoutDuration: 2500 });
    await expect(opening).rejects.toThrow(/The last attempt: .*it is full/);
    expect(client.time.timers).toBe(0);
  });

  it("nothing once the signal has aborted", async () => {
    const client = new Client(new FakeEngine(full));
    const abort = new AbortController();
    const opening = client.connect({ signal: abort.signal });
    await client.settle();
    abort.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
    expect(client.time.timers).toBe(0);
    expect(client.engine.openEndpoints).toBe(0);
  });
});

describe("retryDelayOf()", () => {
  const options = { retryDelay: 1000, retryBackoff: 2, maxRetryDelay: 5000 };

  it("grows up to maxRetryDelay", () => {
    expect([1, 2, 3, 4, 5].map((retry) => retryDelayOf(retry, options, undefined))).toEqual([
      1000, 2000, 4000, 5000, 5000,
    ]);
  });

  it("waits as long as the server asks for, up to maxRetryDelay", () => {
    const busy = (seconds: string) => new HttpError(503, "busy", { details: { headers: { "retry-after": seconds } } });
    expect(retryDelayOf(1, options, busy("3"))).toBe(3000);
    expect(retryDelayOf(1, options, busy("3600"))).toBe(5000);
    expect(retryDelayOf(1, options, busy("Fri, 31 Dec 1999 23:59:59 GMT"))).toBe(1000);
  });
});

describe("connect() by name", () => {
  it("takes the IPv4 address when nothing answers at the IPv6 address, and gives that one up", async () => {
    const client = new Client(new FakeEngine((address) => (address === "::1" ? "never" : "server")), "::1", "10.0.0.1");
    const opening = client.connect();
    await client.settle();
    expect(client.engine.addresses).toEqual(["::1"]);
    await client.advance(250);
    const session = await opening;
    expect(client.engine.addresses).toEqual(["::1", "10.0.0.1"]);
    expect(client.engine.openEndpoints).toBe(1);
    await session.close();
    await client.settle();
    expect(client.engine.openEndpoints).toBe(0);
  });

  it("tells what each address has said", async () => {
    const client = new Client(new FakeEngine((address) => (address === "::1" ? silence : full)), "::1", "10.0.0.1");
    const opening = client.connect({ maxRetries: 0 });
    await expect(opening).rejects.toMatchObject({
      code: "ERR_WT_CONNECTION_FAILED",
      details: { attempts: [{ address: "::1" }, { address: "10.0.0.1" }] },
    });
  });
});
