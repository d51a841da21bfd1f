// A user's program: only its types are checked.
import { connect, ServerApp } from "tswebtransport";
import type { Middleware, SessionHandler, WebTransportError, WebTransportSession } from "tswebtransport";
import { connect as connectFromClient } from "tswebtransport/client";
import { ProtocolConnection } from "tswebtransport/protocol";
import type { ProtocolOutput } from "tswebtransport/protocol";
import { createCorsMiddleware, RejectionResponse, WebTransportServer } from "tswebtransport/server";
import { createTestPair } from "tswebtransport/testing";
import { WebTransport } from "tswebtransport/w3c";

const refuse: Middleware = (request) =>
  request.origin === undefined ? new RejectionResponse(403, { reason: "no origin" }) : true;
const app = new ServerApp<{ user: string }>({ config: { cert: "", key: "", middleware: [refuse] } });
app.addMiddleware(createCorsMiddleware({ allowedOrigins: ["https://app.example"] }));
app.route("/rooms/:room", async (session) => {
  const room: string = session.params.room;
  const user: string = session.locals.user;
  // @ts-expect-error: the path has no such parameter.
  const other: unknown = session.params.other;
  for await (const stream of session.incomingBidirectionalStreams) {
    const bytes: Uint8Array<ArrayBuffer> | null = await stream.read();
    if (bytes !== null) await stream.write(`${room} ${user} ${String(other)} ${bytes.byteLength}`);
  }
});
export const handler: SessionHandler = async (session) => {
  await session.datagrams.send(new Uint8Array(1));
};
export async function run(): Promise<readonly unknown[]> {
  const session: WebTransportSession = await connect("https://example.com/", { headers: { a: "b" } });
  const info = await session.closed;
  if (!info.clean) throw info.error satisfies WebTransportError;
  const code: number = info.code;
  // @ts-expect-error: a session's code is a number.
  const text: string = info.code;
  const transport = new WebTransport("https://example.com/", { allowPooling: true });
  const readable: ReadableStream<Uint8Array> = transport.datagrams.readable;
  const core = new ProtocolConnection("server");
  const output: ProtocolOutput | undefined = core.pollOutput();
  if (output?.type === "write") output.data satisfies Uint8Array;
  return [code, text, readable, connectFromClient, createTestPair, new WebTransportServer()];
}
