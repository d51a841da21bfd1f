import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../../engine/under-test.ts";
import type { IncomingSession } from "../../../../src/transport/session/request.ts";
import { rejection, withSessions } from "../with-sessions.ts";

export function openingCases(factory: EngineFactory): void {
  describe("opening a session", () => {
    const requests: IncomingSession[] = [];
    it(
      "shows the request to the server and the answer to the client",
      withSessions(
        factory,
        async (world) => {
          const client = await world.open({
            protocols: ["a", "b"],
            headers: { "X-Question": "?", origin: "https://a.test" },
          });
          const [request] = requests.splice(0);
          expect(request).toMatchObject({
            path: "/test",
            method: "CONNECT",
            origin: "https://a.test",
            authority: "localhost",
            scheme: "https",
            protocols: ["a", "b"],
          });
          expect(request?.url.href).toBe("https://localhost/test?x=1");
          expect(request?.headers.get("x-question")).toBe("?");
          expect(request?.rawHeaders).toContainEqual([":method", "CONNECT"]);
          expect(request?.remoteAddress).toEqual(world.server.connection.remoteAddress);
          const server = world.server.connection.sessions[0];
          for (const session of [client, server]) {
            expect(session).toMatchObject({ protocol: "b", state: "connected", isReady: true, isClosed: false });
            expect(session?.url.href).toBe("https://localhost/test?x=1");
            expect(session?.responseHeaders.get("x-answer")).toBe("42");
            await session?.ready;
          }
        },
        {
          onSession: async (request) => {
            requests.push(request);
            await request.accept({ protocol: "b", headers: { "x-answer": "42" } });
          },
        },
      ),
    );

    it(
      "is rejected with a status and headers, and leaves the connection as it was",
      withSessions(
        factory,
        async (world) => {
          const error = await rejection(world.open({ url: "https://localhost/no" }));
          expect(error).toMatchObject({ name: "HttpError", status: 418 });
          const session = await world.open({ url: "https://localhost/yes" });
          expect(session.isReady).toBe(true);
          expect(world.client.connection.sessions).toEqual([session]);
        },
        {
          onSession: async (request) => {
            if (request.path === "/yes") await request.accept();
            else await request.reject(418, { headers: { "x-why": "teapot" } });
          },
        },
      ),
    );

    it(
      "is refused when nobody answers and when the handler throws",
      withSessions(
        factory,
        async (world) => {
          expect(await rejection(world.open())).toMatchObject({ name: "HttpError", status: 500 });
        },
        {
          server: { events: { listens: () => false, forward: () => false, reportListenerError: () => {} } },
          onSession: () => {
            throw new Error("a bug");
          },
        },
      ),
    );

    it(
      "is taken back by the client's signal, and aborts the request's",
      withSessions(
        factory,
        async (world) => {
          const abort = new AbortController();
          const opening = world.open({ signal: abort.signal });
          opening.catch(() => {});
          const request = await asked.promise;
          abort.abort(new Error("changed my mind"));
          expect(await rejection(opening)).toMatchObject({ message: "changed my mind" });
          if (!request.signal.aborted) {
            await new Promise((resolve) => {
              request.signal.addEventListener("abort", resolve);
            });
          }
          expect(await rejection(request.accept())).toMatchObject({ code: "ERR_WT_SESSION_CANCELLED" });
        },
        {
          onSession: (request) => {
            asked.resolve(request);
          },
        },
      ),
    );
    const asked = resolvable<IncomingSession>();

    it(
      "times out",
      withSessions(
        factory,
        async (world) => {
          const error = await world.elapsing(300, rejection(world.open({ timeout: 200 })));
          expect(error).toMatchObject({ name: "TimeoutError", timeoutDuration: 200 });
        },
        { onSession: () => {} },
      ),
    );

    it(
      "gives both sides the same keying material, and other sessions another",
      withSessions(factory, async (world) => {
        const first = await world.session();
        const second = await world.session();
        const material = await first.client.exportKeyingMaterial("label", "context", 32);
        expect(await first.server.exportKeyingMaterial("label", "context", 32)).toEqual(material);
        expect(await second.client.exportKeyingMaterial("label", "context", 32)).not.toEqual(material);
        expect(await first.client.exportKeyingMaterial("other", "context", 32)).not.toEqual(material);
      }),
    );
  });

  describe("what the client sends before the answer", () => {
    it(
      "is parked and handed over with the session",
      withSessions(
        factory,
        async (world) => {
          const opening = world.open();
          const request = await early.promise;
          // Streams of session 0 (protocol.md: prefix 4054 and 4041), while it is not accepted.
          const { quic } = world.client;
          const unidirectional = quic.open("unidirectional") ?? 0;
          quic.write(unidirectional, new Uint8Array([0x40, 0x54, 0x00, 0x61]), true);
          const bidirectional = quic.open("bidirectional") ?? 0;
          quic.write(bidirectional, new Uint8Array([0x40, 0x41, 0x00, 0x62]), true);
          const server = await request.accept();
          const streams = [await server.incomingStreams().next(), await server.incomingStreams().next()];
          const texts = await Promise.all(streams.map(async (stream) => Buffer.from((await stream?.readAll()) ?? [])));
          expect(texts.map(String).sort()).toEqual(["a", "b"]);
          await opening;
        },
        {
          onSession: (request) => {
            early.resolve(request);
          },
        },
      ),
    );
    const early = resolvable<IncomingSession>();

    it(
      "is refused when the session is rejected",
      withSessions(
        factory,
        async (world) => {
          const opening = rejection(world.open());
          const request = await rejected.promise;
          const { quic } = world.client;
          quic.write(quic.open("unidirectional") ?? 0, new Uint8Array([0x40, 0x54, 0x00, 0x61]), false);
          await request.reject(404);
          expect(await opening).toMatchObject({ status: 404 });
        },
        {
          onSession: (request) => {
            rejected.resolve(request);
          },
        },
      ),
    );
    const rejected = resolvable<IncomingSession>();
  });
}

function resolvable<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
