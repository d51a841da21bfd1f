import { describe, expect, it } from "vitest";

import type { Addon, NativeEndpoint } from "../../../../src/engine/native/addon-loader.ts";
import { NativeQuicEndpoint } from "../../../../src/engine/native/native-endpoint.ts";
import { Acceptor } from "../../../conformance/engine/world.ts";
import { Recorder } from "../../../conformance/engine/recorder.ts";

/** An addon whose endpoint can be made to fail, which the real one only does for a fault of its own; notes the calls. */
class FailingAddon {
  readonly calls: string[] = [];
  #failure: string | null = null;
  #deliver: () => void = () => {};

  readonly addon: Addon = (() => {
    const answers: Partial<Record<keyof NativeEndpoint, (...values: never[]) => unknown>> = {
      localAddress: () => ({ host: "127.0.0.1", port: 4433 }),
      connect: () => 7,
      takeEvents: () => 0,
      isClosed: () => this.#failure !== null,
      failure: () => this.#failure,
    };
    const endpoint = new Proxy({} as NativeEndpoint, {
      get: (_, name) => (): unknown => {
        this.calls.push(String(name));
        return answers[name as keyof NativeEndpoint]?.();
      },
    });
    const setDeliver = (deliver: () => void): void => {
      this.#deliver = deliver;
    };
    const notAskedFor = (): never => {
      throw new Error("not asked for");
    };
    return {
      NativeEndpoint: function (_options: object, deliver: () => void) {
        setDeliver(deliver);
        return endpoint;
      } as unknown as Addon["NativeEndpoint"],
      NativeSocketGroup: notAskedFor as unknown as Addon["NativeSocketGroup"],
      generateSelfSignedCertificate: notAskedFor,
      generateAuthority: notAskedFor,
      issueCertificate: notAskedFor,
    };
  })();

  fail(reason: string): void {
    this.#failure = reason;
    this.#deliver();
  }
}

function connected() {
  const failing = new FailingAddon();
  const acceptor = new Acceptor();
  const endpoint = new NativeQuicEndpoint(failing.addon, "poll", { host: "127.0.0.1", port: 0 }, acceptor);
  const events = new Recorder();
  const connection = endpoint.connect(
    { address: endpoint.localAddress, serverName: "localhost", alpn: ["test"], verification: { kind: "insecure" } },
    events,
  );
  return { failing, acceptor, endpoint, events, connection };
}

describe("NativeQuicEndpoint", () => {
  it("that fails closes its connections, ends their turn, and tells why", () => {
    const { failing, acceptor, events } = connected();
    failing.fail("out of order");
    expect(events.events).toEqual([
      { type: "closed", info: { by: "transport", kind: "failed", code: 0n, reason: "out of order" } },
      { type: "turnEnded" },
    ]);
    expect(acceptor.failures).toEqual([
      expect.objectContaining({ code: "internal", message: expect.stringContaining("out of order") as string }),
    ]);
  });

  it("is not asked by a connection that has been told its end, whose id may be another one's by then", async () => {
    const { failing, endpoint, connection } = connected();
    await Promise.resolve();
    failing.fail("out of order");
    const before = failing.calls.length;
    connection.open("unidirectional");
    connection.write(0, new Uint8Array(1), true);
    connection.reset(0, 1n);
    connection.stop(0, 1n);
    connection.grant(0, 1);
    connection.setPriority(0, 0, 0, 0);
    connection.sendDatagram(new Uint8Array(0), new Uint8Array(1));
    connection.maxDatagramSize();
    connection.close(0n, "");
    expect(() => connection.exportKeyingMaterial("label", new Uint8Array(0), 1)).toThrow("has ended");
    expect(connection.getStats()).toMatchObject({ rtt: 0, packetsSent: 0, datagramsDropped: 1 });
    expect(connection.localAddress).toEqual(endpoint.localAddress);
    await Promise.resolve();
    expect(failing.calls.slice(before)).toEqual([]);
  });
});
