import { WebTransportConnection } from "../../../src/transport/connection/connection.ts";
import { connectionSettings } from "../../../src/transport/connection/settings.ts";
import type { ConnectionSettingsInit } from "../../../src/transport/connection/settings.ts";
import type { AcceptOptions, IncomingSession } from "../../../src/transport/session/request.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import { controlStreamPreamble } from "../../../src/protocol/options.ts";

import { Link } from "./linked-quic.ts";
import { VirtualTime } from "./virtual-time.ts";

export interface PairOptions {
  readonly client?: ConnectionSettingsInit;
  readonly server?: ConnectionSettingsInit;
  readonly onSession?: (request: IncomingSession) => void | Promise<void>;
}

/** A client's and a server's connection over a link without packets. */
export class Pair {
  readonly link = new Link();
  readonly time = new VirtualTime();
  readonly client: WebTransportConnection;
  readonly server: WebTransportConnection;
  readonly accepted: WebTransportSession[] = [];

  constructor(options: PairOptions = {}) {
    const { link, time } = this;
    const common = { now: (): number => time.now, setTimer: time.setTimer };
    const settings = {
      client: connectionSettings({ ...common, ...options.client }),
      server: connectionSettings({ ...common, ...options.server }),
    };
    this.client = new WebTransportConnection({ settings: settings.client, role: "client", quic: link.client });
    link.client.listener = this.client.listener;
    this.server = new WebTransportConnection({
      settings: settings.server,
      role: "server",
      quic: link.server,
      info: link.server.info(),
      owner: {
        answerRequest:
          options.onSession ??
          (async (request) => {
            this.accepted.push(await this.accept(request));
          }),
      },
    });
    link.server.listener = this.server.listener;
    link.client.listener.connected(link.client.info());
    for (const end of [link.client, link.server]) {
      const role = end === link.client ? "client" : "server";
      const streamId = end.open("unidirectional");
      const preamble = controlStreamPreamble(settings[role].core);
      if (streamId !== undefined) end.write(streamId, preamble, false);
    }
  }

  /** Accepts as `onSession` would by default. */
  accept(request: IncomingSession, options: AcceptOptions = {}): Promise<WebTransportSession> {
    return request.accept(options);
  }

  settle(): Promise<void> {
    return this.link.settle();
  }

  /** Waits for a promise while the link goes on. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    await this.settle();
    return promise;
  }

  /** A session of both sides. */
  async session(): Promise<{ client: WebTransportSession; server: WebTransportSession }> {
    const client = await this.wait(this.client.openSession({ url: "https://localhost:4433/test?x=1" }));
    const server = this.accepted.at(-1);
    if (server === undefined) throw new Error("The server has accepted no session");
    return { client, server };
  }
}
