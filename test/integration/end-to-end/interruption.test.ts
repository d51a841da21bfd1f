import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import { Program } from "../../support/program.ts";

import { echoed } from "./local-server.ts";

const main = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
const patient = fileURLToPath(new URL("programs/patient-server.mjs", import.meta.url));

/** A server program that prints its address and its certificate's hash, and a session that is busy on it. */
class Interrupted {
  readonly program: Program;
  readonly session: WebTransportSession;

  private constructor(program: Program, session: WebTransportSession) {
    this.program = program;
    this.session = session;
  }

  static async start(args: readonly string[]): Promise<Interrupted> {
    const program = new Program(args);
    const [, port] = await program.match(/https:\/\/localhost:(\d+)/);
    const [hash] = await program.match(/[0-9a-f]{64}/);
    const session = await connect(`https://127.0.0.1:${port}/echo`, {
      serverCertificateHashes: [{ algorithm: "sha-256", value: Buffer.from(hash, "hex") }],
    });
    expect(await echoed(session, "before")).toBe("before");
    void pump(session).catch(() => {});
    return new Interrupted(program, session);
  }
}

describe("Ctrl-C under load", () => {
  let server: Interrupted | undefined;

  beforeEach(() => {
    server = undefined;
  });
  afterEach(async () => {
    await server?.session.close({ abort: true });
    await server?.program.end("SIGKILL");
  });

  it("closes the sessions of a development server and ends it with exit code 0", async () => {
    server = await Interrupted.start([main, "dev", "--port", "0", "--page-port", "0"]);
    expect(await server.program.end("SIGINT")).toBe(0);
    expect(await server.session.closed).toEqual({ clean: true, code: 0, reason: "", by: "peer" });
    expect(server.program.errors).not.toMatch(/error/i);
  });

  it("lets a session that drains come to its own end", async () => {
    server = await Interrupted.start([patient]);
    const { session, program } = server;
    const ended = program.end("SIGINT");
    await session.draining;
    expect(await echoed(session, "still served")).toBe("still served");
    await session.close({ code: 5, reason: "as asked" });
    expect(await ended).toBe(0);
    await program.match(/session ended with code 5/);
  });

  it("twice ends a server at once that waits for its sessions", async () => {
    server = await Interrupted.start([patient]);
    const { child } = server.program;
    const exit = once(child, "exit") as Promise<[number | null]>;
    child.kill("SIGINT");
    await server.session.draining;
    child.kill("SIGINT");
    expect((await exit)[0]).toBe(130);
    expect((await server.session.closed).by).toBe("peer");
  });

  it("is what SIGTERM does, too", async () => {
    server = await Interrupted.start([main, "dev", "--port", "0", "--page-port", "0"]);
    expect(await server.program.end("SIGTERM")).toBe(0);
    expect(await server.session.closed).toMatchObject({ clean: true, by: "peer" });
  });
});

/** Streams and datagrams for as long as the session lives. */
async function pump(session: WebTransportSession): Promise<void> {
  const stream = await session.createBidirectionalStream();
  for (;;) {
    session.datagrams.trySend("load");
    await stream.write(new Uint8Array(10_000));
    await stream.read();
  }
}
