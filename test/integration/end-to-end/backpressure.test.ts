import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import type { BidirectionalStream, ReceiveSide, SendSide } from "../../../src/transport/types.ts";

import { echoed, LocalServer } from "./local-server.ts";

const mebibyte = 1024 * 1024;
const blockSize = 65_536;
const blocks = 256;
/** QUIC's window of a stream (1 MiB), the reader's credit and the writer's high-water mark; a sixteenth of the whole is 1 MiB. */
const mostInFlight = 2 * mebibyte;
/** Round trips on another stream, without progress of the first, after which its writer counts as stopped. */
const silentRoundTrips = 30;

describe("a reader that pauses", () => {
  let server: LocalServer;
  let serverSends: PatternSender | undefined;
  let resume: () => void = () => {};

  beforeEach(async () => {
    const resumed = new Promise<void>((resolve) => {
      resume = resolve;
    });
    serverSends = undefined;
    const serve = async (stream: BidirectionalStream): Promise<void> => {
      const command = await stream.readLine();
      if (command === "read") {
        await resumed;
        await stream.writeAll(await hashOf(stream));
      } else if (command === "write") {
        serverSends = new PatternSender(stream);
        await serverSends.done;
      } else {
        await stream.writeAll(command ?? "");
      }
    };
    server = await LocalServer.start((app) => {
      app.route("/", async (session) => {
        const served: Promise<void>[] = [];
        for await (const stream of session.incomingBidirectionalStreams) served.push(serve(stream));
        await Promise.all(served);
      });
    });
  });
  afterEach(() => server.close());

  it("stops a client that writes, and loses nothing of it", async () => {
    const session = await server.connect("/");
    const stream = await session.createBidirectionalStream();
    await stream.write("read\n");
    const sender = new PatternSender(stream);
    await untilSilent(session, sender);
    expect(sender.accepted).toBeLessThan(mostInFlight);
    resume();
    await sender.done;
    expect(new TextDecoder().decode(await stream.readAll())).toBe(hashOfPattern());
    await session.close();
    await server.empty();
  }, 120_000);

  it("stops a server that writes, and loses nothing of it", async () => {
    const session = await server.connect("/");
    const stream = await session.createBidirectionalStream();
    await stream.writeAll("write\n");
    expect(await echoed(session, "after the command")).toBe("after the command");
    const sender = serverSends!;
    await untilSilent(session, sender);
    expect(sender.accepted).toBeLessThan(mostInFlight);
    expect(await hashOf(stream)).toBe(hashOfPattern());
    await sender.done;
    await session.close();
    await server.empty();
  }, 120_000);
});

/** Writes 16 MiB, as fast as the stream takes them. */
class PatternSender {
  /** Bytes that the stream has taken. */
  accepted = 0;
  readonly done: Promise<void>;

  constructor(stream: SendSide) {
    this.done = this.#send(stream);
  }

  async #send(stream: SendSide): Promise<void> {
    for (let number = 0; number < blocks; number += 1) {
      await stream.write(blockOf(number));
      this.accepted += blockSize;
    }
    stream.finish();
  }
}

/** The connection lives, but the sender gets no further: it is flow control that holds it, not the network. */
async function untilSilent(session: WebTransportSession, sender: PatternSender): Promise<void> {
  for (let silent = 0, seen = -1; silent < silentRoundTrips; silent += 1) {
    await echoed(session, "round trip");
    if (sender.accepted !== seen) silent = 0;
    seen = sender.accepted;
  }
}

function blockOf(number: number): Uint8Array {
  return new Uint8Array(blockSize).fill(number % 251);
}

async function hashOf(stream: ReceiveSide): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest("hex");
}

function hashOfPattern(): string {
  const hash = createHash("sha256");
  for (let number = 0; number < blocks; number += 1) hash.update(blockOf(number));
  return hash.digest("hex");
}
