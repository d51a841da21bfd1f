import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../../engine/under-test.ts";
import { FrameType } from "../../../../src/constants/http3.ts";
import { HttpError } from "../../../../src/errors/errors.ts";
import { encodeFrame } from "../../../../src/protocol/http3/frames.ts";
import { controlStreamPreamble } from "../../../../src/protocol/options.ts";
import type { IncomingSession } from "../../../../src/transport/session/request.ts";
import type { SessionWorld, WorldOptions } from "../session-world.ts";
import { given, rejection, text, withSessions } from "../with-sessions.ts";

const limits = { maxFieldSectionSize: 2000, maxHeadersPayload: 3000 };
const live = { protocol: { limits } };
const transport = { preamble: [controlStreamPreamble({ limits })] };

const smallServer: WorldOptions = { server: live, serverTransport: transport };
const smallClient: WorldOptions = { client: live, clientTransport: transport };

const tooLong = { "x-long": "v".repeat(150_000) };

/** What the server answers first, and what the client gets: a header of its session, or a status. */
const answers: [string, (request: IncomingSession, note: (error: unknown) => void) => Promise<unknown>, unknown][] = [
  ["accept() alone, which is answered 500", (request) => request.accept({ headers: tooLong }), 500],
  ["reject() alone, which is answered 500", (request) => request.reject(403, { headers: tooLong }), 500],
  [
    "accept(), and then accept() without them",
    async (request, note) => {
      note(await rejection(request.accept({ headers: tooLong })));
      await request.accept({ headers: { "x-short": "v" } });
    },
    "v",
  ],
  [
    "reject(), and then reject() without them",
    async (request, note) => {
      note(await rejection(request.reject(403, { headers: tooLong })));
      await request.reject(403);
    },
    403,
  ],
];

function statusOf(error: unknown): unknown {
  return error instanceof HttpError ? error.status : error;
}

/** A session on the connection that must live on. */
async function neighbour(world: SessionWorld): Promise<() => Promise<void>> {
  const { client, server } = await world.session();
  return async () => {
    const stream = await client.createUnidirectionalStream();
    await stream.writeAll("lives");
    expect(text(await given(await server.incomingUnidirectionalStreams.next()).readAll())).toBe("lives");
    expect((await world.session()).client.isReady).toBe(true);
  };
}

export function headerSizeCases(factory: EngineFactory): void {
  describe("header sections", () => {
    it.each([
      ["a long URL", { url: `https://localhost/test?q=${"v".repeat(150_000)}` }],
      ["a long header", { headers: { "x-long": "v".repeat(150_000) } }],
      ["many headers", { headers: Array.from({ length: 10_000 }, (_, i): [string, string] => [`x-${i}`, "v"]) }],
      ["many subprotocols", { protocols: Array.from({ length: 10_000 }, (_, index) => `protocol-${index}`) }],
    ])("that the server does not take are not sent: %s", async (_, options) => {
      await withSessions(
        factory,
        async (world) => {
          const lives = await neighbour(world);
          const error = await rejection(world.open(options));
          expect(error).toMatchObject({ name: "ClientError", code: "ERR_WT_CLIENT", handshakeStage: "http" });
          const { size, limit } = (error as { details: { size: number; limit: number } }).details;
          expect(limit).toBe(2000);
          expect(size).toBeGreaterThan(100_000);
          expect((error as Error).message).toContain(`${size} bytes, and the server takes no more than 2000`);
          await lives();
        },
        smallServer,
      )();
    });

    it(
      "that the server takes arrive, however long they are",
      withSessions(factory, async (world) => {
        const url = `https://localhost/test?q=${"v".repeat(3000)}`;
        const client = await world.open({ url, headers: { "x-long": "\u00e9".repeat(3000) } });
        const [server] = world.server.connection.sessions;
        expect(server?.url.href).toBe(url);
        expect(server?.headers.get("x-long")).toBe("\u00e9".repeat(3000));
        expect(client.isReady).toBe(true);
      }),
    );

    it.each([
      ["names with other characters than a token's", [["a b", "v"]], "TypeError"],
      ["values with a line feed", [["a", "v\nw"]], "TypeError"],
      ["pseudo-headers", [[":path", "/"]], "TypeError"],
    ] as [string, [string, string][], string][])("with %s are not sent", async (_, headers, name) => {
      await withSessions(factory, async (world) => {
        const lives = await neighbour(world);
        expect(await rejection(world.open({ headers }))).toMatchObject({ name });
        await lives();
      })();
    });

    it.each(answers)("that the client does not take are refused: %s", async (_, answer, expected) => {
      const errors: unknown[] = [];
      const note = (error: unknown): void => {
        errors.push(error);
      };
      await withSessions(
        factory,
        async (world) => {
          const opening = world.open({ url: "https://localhost/long" });
          const outcome = await opening.then(({ responseHeaders }) => responseHeaders.get("x-short"), statusOf);
          expect(outcome).toBe(expected);
          expect(errors).toMatchObject([
            { name: "ConfigurationError", configKey: "headers", details: { limit: 2000 } },
          ]);
          expect((await world.open()).isReady).toBe(true);
        },
        {
          ...smallClient,
          server: { events: { listens: () => false, forward: () => false, reportListenerError: note } },
          onSession: async (request) => {
            if (request.path === "/long") await answer(request, note);
            else await request.accept();
          },
        },
      )();
    });

    it(
      "that are larger than the server keeps harm no other session of the connection",
      withSessions(
        factory,
        async (world) => {
          const lives = await neighbour(world);
          const { quic } = world.client;
          const stream = given(quic.open("bidirectional"));
          quic.write(stream, encodeFrame(FrameType.headers, new Uint8Array(5000)), false);
          await lives();
          expect(world.client.connection.state).toBe("connected");
        },
        smallServer,
      ),
    );

    it(
      "that are larger than the client keeps end the request that they answer and no other session",
      withSessions(
        factory,
        async (world) => {
          const neighbour = await world.open();
          const error = await rejection(world.open({ url: "https://localhost/raw" }));
          expect(error).toMatchObject({ name: "ProtocolError", errorCode: 0x107 });
          expect((error as Error).message).toContain("too large");
          expect(neighbour.isReady).toBe(true);
          expect((await world.open()).isReady).toBe(true);
        },
        {
          client: live,
          onSession: async (request) => {
            // The client has not said how little it takes.
            await request.accept(request.path === "/raw" ? { headers: { "x-long": "\u00ff".repeat(5000) } } : {});
          },
        },
      ),
    );
  });
}
