/** Servers that answer with bytes of the test's own, over real UDP. */
import { once } from "node:events";
import { createSocket } from "node:dgram";

import { FrameType } from "../../../src/constants/http3.ts";
import type { QuicConnection, QuicEndpoint } from "../../../src/engine/engine.ts";
import { nativeEngine } from "../../../src/engine/native/native-engine.ts";
import { encodeFrame } from "../../../src/protocol/http3/frames.ts";
import { encodeFieldSection } from "../../../src/protocol/qpack/field-section.ts";
import { controlStreamPreamble } from "../../../src/protocol/options.ts";

export interface RawServerOptions {
  readonly identity: { readonly cert: string; readonly key: string };
  /** Default "h3". */
  readonly alpn?: string;
  /** What the control stream begins with. Default: what a WebTransport server sends. None: "none". */
  readonly control?: Uint8Array | "none";
  /** What a request stream is answered with. Default: nothing. */
  readonly answer?: (connection: QuicConnection, streamId: number) => void;
}

export interface RawServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A HEADERS frame. */
export function headersFrame(...fields: readonly (readonly [string, string])[]): Uint8Array {
  return encodeFrame(FrameType.headers, encodeFieldSection(fields));
}

export async function startRawServer(options: RawServerOptions): Promise<RawServer> {
  const engine = nativeEngine();
  const { control = controlStreamPreamble(), answer } = options;
  const endpoint: QuicEndpoint = await engine.createEndpoint(
    {
      host: "127.0.0.1",
      port: 0,
      server: { identity: options.identity, alpn: [options.alpn ?? "h3"] },
      transport: control === "none" ? {} : { preamble: [control] },
    },
    {
      connection: (connection) => {
        const ignore = (): void => {};
        return {
          connected: ignore,
          streamOpened: ignore,
          data: (streamId) => {
            if (streamId % 4 === 0) answer?.(connection, streamId);
          },
          reset: ignore,
          stopped: ignore,
          accepted: ignore,
          finished: ignore,
          streamsAvailable: ignore,
          datagram: ignore,
          datagramsWritable: ignore,
          receiveWindowLow: ignore,
          addressChanged: ignore,
          closed: ignore,
          turnEnded: ignore,
        };
      },
      failed: () => {},
    },
  );
  return { port: endpoint.localAddress.port, close: () => endpoint.close(0n, "") };
}

/** A UDP socket that never answers. */
export async function startSilence(): Promise<RawServer> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const close = async (): Promise<void> => {
    socket.close();
    await once(socket, "close");
  };
  return { port: socket.address().port, close };
}
