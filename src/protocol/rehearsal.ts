import { FrameType } from "../constants/http3.ts";

import { encodeCloseSession } from "./capsule/capsule-reader.ts";
import { ProtocolConnection } from "./connection.ts";
import { encodeVarints } from "./http3/frames.ts";
import { encodeHeaders } from "./http3/headers-frame.ts";
import { controlStreamPreamble } from "./options.ts";
import type { HeaderList, ProtocolOutput } from "./output.ts";

const request: HeaderList = [
  [":method", "CONNECT"],
  [":scheme", "https"],
  [":authority", "localhost"],
  [":path", "/"],
  [":protocol", "webtransport"],
  ["origin", "https://localhost"],
];

const [connectStream, controlStream, bidirectionalStream] = [0, 2, 4];

let isDone = false;

/**
 * Takes a session through the core, once in a process. V8 compiles a function when it is first called: of the functions that
 * a process's first session needs, a third are compiled here, before there is a client that waits for it.
 */
export function rehearseOnce(): void {
  if (isDone) return;
  isDone = true;
  rehearse();
}

/** A server's core and a session with a stream and a datagram, from its request to its end. Answers what the core told. */
export function rehearse(): readonly ProtocolOutput["type"][] {
  const core = new ProtocolConnection("server");
  const told: ProtocolOutput["type"][] = [];
  const drain = (): void => {
    for (let output = core.pollOutput(); output !== undefined; output = core.pollOutput()) told.push(output.type);
  };
  const receive = (streamId: number, bytes: Uint8Array, fin = false): void => {
    core.handleStreamData(streamId, Uint8Array.from(bytes), fin, 0);
    drain();
  };
  core.handleConnected(0, { datagrams: true });
  for (const streamId of [connectStream, controlStream, bidirectionalStream]) core.handleStreamOpened(streamId, 0);
  receive(controlStream, controlStreamPreamble());
  receive(connectStream, encodeHeaders(request));
  core.acceptSession(connectStream, { headers: [] });
  drain();
  receive(bidirectionalStream, encodeVarints(FrameType.webTransportStream, connectStream, 0));
  core.handleDatagram(new Uint8Array([connectStream / 4, 0]), 0);
  drain();
  receive(connectStream, encodeCloseSession(0, ""), true);
  core.handleTurnEnded();
  drain();
  return told;
}
