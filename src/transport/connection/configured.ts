/** What a server's or client's configuration means to the engine and to the live objects of a connection. */
import type { ConnectionConfigValues } from "../../config/connection-options.ts";
import type { TransportOptions } from "../../engine/engine.ts";

import { connectionSettings } from "./settings.ts";
import type { ConnectionSettings, ConnectionSettingsInit } from "./settings.ts";

/** The peer's control stream and its two QPACK streams, beside its WebTransport streams (RFC 9114 §6.2). */
const peerControlStreams = 3;

export function transportOf(values: ConnectionConfigValues): TransportOptions {
  return {
    maxIdleTimeout: values.connectionIdleTimeout,
    keepAliveInterval: values.keepaliveInterval,
    handshakeTimeout: values.handshakeTimeout,
    maxIncomingBidirectionalStreams: values.maxIncomingStreams,
    maxIncomingUnidirectionalStreams: values.maxIncomingStreams + peerControlStreams,
    initialCredit: values.streamBufferSize,
    streamReceiveWindow: values.maxStreamBufferSize,
    receiveWindow: firstReceiveWindow(values),
    maxDatagramFrameSize: values.maxDatagramSize,
    congestionControl: values.congestionControl,
    ...(values.keylog && { keyLog: values.keylog }),
    ...(values.qlogDirectory !== undefined && { qlogDirectory: values.qlogDirectory }),
  };
}

/** Half a session's buffer is enough for what is read; {@link ReceiveWindow} adds to it what is not. */
function firstReceiveWindow({ maxSessionBufferSize, maxStreamBufferSize }: ConnectionConfigValues): number {
  return Math.max(Math.ceil(maxSessionBufferSize / 2), maxStreamBufferSize);
}

/** `more`: what stands in no configuration of both, and what is to be other than configured. */
export function connectionSettingsOf(values: ConnectionConfigValues, more: ConnectionSettingsInit): ConnectionSettings {
  return connectionSettings({
    closeTimeout: values.closeTimeout,
    streamBufferSize: values.streamBufferSize,
    outgoingHighWaterMark: values.streamBufferSize,
    maxStreamBufferSize: values.maxStreamBufferSize,
    maxSessionBufferSize: values.maxSessionBufferSize,
    receiveWindow: firstReceiveWindow(values),
    maxIncomingStreams: values.maxIncomingStreams,
    drafts: values.drafts,
    streamCreationTimeout: values.streamCreationTimeout,
    readTimeout: values.readTimeout,
    writeTimeout: values.writeTimeout,
    ...more,
  });
}
