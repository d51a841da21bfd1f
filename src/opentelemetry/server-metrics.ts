import { createNoopMeter, ValueType } from "@opentelemetry/api";
import type {
  Attributes,
  BatchObservableCallback,
  BatchObservableResult,
  Histogram,
  Meter,
  Observable,
} from "@opentelemetry/api";

import { inspectServer } from "../server/server.ts";
import type { WebTransportServer } from "../server/server.ts";

import { protocolAttributes } from "./attributes.ts";
import { Attribute, OwnAttribute } from "./names.ts";

/** Seconds, as the semantic conventions have them for requests of HTTP. */
const requestBoundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** Seconds: sessions last from a moment to a day. */
const sessionBoundaries = [0.1, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400];

const prefix = "webtransport.server";

/** What a meter gives while no SDK is registered. */
const noHistogram = createNoopMeter().createHistogram("");

/** A server's metrics: two histograms, and figures that are read when somebody collects them. */
export class ServerMetrics {
  readonly #meter: Meter;
  readonly #requestDuration: Histogram;
  readonly #sessionDuration: Histogram;

  constructor(meter: Meter) {
    this.#meter = meter;
    this.#requestDuration = meter.createHistogram(`${prefix}.request.duration`, {
      description: "Time from the arrival of a session request to its answer.",
      unit: "s",
      advice: { explicitBucketBoundaries: requestBoundaries },
    });
    this.#sessionDuration = meter.createHistogram(`${prefix}.session.duration`, {
      description: "Time from the acceptance of a session to its end.",
      unit: "s",
      advice: { explicitBucketBoundaries: sessionBoundaries },
    });
  }

  /** Somebody may collect what is recorded. */
  get isRecording(): boolean {
    return this.#requestDuration !== noHistogram;
  }

  requestAnswered(seconds: number, attributes: Attributes): void {
    this.#requestDuration.record(seconds, { ...protocolAttributes, ...attributes });
  }

  sessionEnded(seconds: number, attributes: Attributes): void {
    this.#sessionDuration.record(seconds, { ...protocolAttributes, ...attributes });
  }

  /** Gives the server's figures to every collection, until the result is called or the server is garbage. */
  observe(server: WebTransportServer): () => void {
    const figures = makeFigures(this.#meter);
    const observables = Object.values(figures);
    // A meter lives as long as the process: it must not hold every server that there was.
    const observed = new WeakRef(server);
    const callback: BatchObservableCallback = (result) => {
      const living = observed.deref();
      if (living === undefined) end();
      else observeServer(result, figures, living);
    };
    const end = (): void => {
      this.#meter.removeBatchObservableCallback(callback, observables);
    };
    this.#meter.addBatchObservableCallback(callback, observables);
    return end;
  }
}

type Figures = ReturnType<typeof makeFigures>;

function makeFigures(meter: Meter) {
  const options = (unit: string, description: string) => ({ unit, description, valueType: ValueType.INT });
  const now = (name: string, unit: string, description: string): Observable =>
    meter.createObservableUpDownCounter(`${prefix}.${name}`, options(unit, description));
  const total = (name: string, unit: string, description: string): Observable =>
    meter.createObservableCounter(`${prefix}.${name}`, options(unit, description));
  return {
    activeConnections: now("active_connections", "{connection}", "Connections that are open."),
    activeSessions: now("active_sessions", "{session}", "Sessions that are open."),
    activeRequests: now("active_requests", "{request}", "Session requests that are not answered yet."),
    activeStreams: now("active_streams", "{stream}", "Streams of sessions that are open."),
    connections: total("connections", "{connection}", "Connections by what became of their handshake."),
    requests: total("requests", "{request}", "Session requests by their outcome."),
    sessionsAborted: total("sessions.aborted", "{session}", "Sessions that ended without a goodbye."),
    protocolErrors: total("protocol_errors", "{error}", "Violations of the protocol by clients."),
    streams: total("streams", "{stream}", "Streams that either side has opened in sessions."),
    streamErrors: total("stream.errors", "{error}", "Streams of sessions that ended in an error."),
    io: total("io", "By", "Bytes of streams that sessions have sent and received."),
    datagrams: total("datagrams", "{datagram}", "Datagrams that sessions have sent and received."),
    datagramsDropped: total("datagrams.dropped", "{datagram}", "Datagrams that were dropped, of both directions."),
  };
}

function observeServer(result: BatchObservableResult, figures: Figures, server: WebTransportServer): void {
  const { localAddress } = server;
  // It has never listened, as that of an app that is mounted in another.
  if (localAddress === undefined) return;
  const shared = {
    [Attribute.NETWORK_TRANSPORT]: "quic",
    [Attribute.NETWORK_LOCAL_ADDRESS]: localAddress.host,
    [Attribute.NETWORK_LOCAL_PORT]: localAddress.port,
  };
  const observe = (metric: Observable, value: number, attributes: Attributes = {}): void => {
    result.observe(metric, value, { ...shared, ...attributes });
  };
  const stats = server.getServerStats();
  observe(figures.activeConnections, stats.connections);
  observe(figures.activeSessions, stats.sessions);
  observe(figures.activeRequests, stats.requests);
  observe(figures.activeStreams, stats.streams);
  const { connections, requests } = figures;
  observe(connections, stats.connectionsAccepted, { [OwnAttribute.CONNECTION_OUTCOME]: "accepted" });
  observe(connections, stats.connectionsRefused, { [OwnAttribute.CONNECTION_OUTCOME]: "refused" });
  observe(connections, stats.handshakeFailures, { [OwnAttribute.CONNECTION_OUTCOME]: "failed" });
  observe(requests, stats.sessionsAccepted, { [OwnAttribute.REQUEST_OUTCOME]: "accepted" });
  observe(requests, stats.sessionsAbandoned, { [OwnAttribute.REQUEST_OUTCOME]: "abandoned" });
  for (const [kind, count] of Object.entries(stats.refusals)) {
    if (count === 0) continue;
    observe(requests, count, { [OwnAttribute.REQUEST_OUTCOME]: "rejected", [OwnAttribute.REJECTION_KIND]: kind });
  }
  observe(figures.sessionsAborted, stats.ended.sessionsAborted);
  observe(figures.protocolErrors, stats.protocolErrors);
  const { traffic } = inspectServer(server).account;
  const sent = { [OwnAttribute.DIRECTION]: "sent" };
  const received = { [OwnAttribute.DIRECTION]: "received" };
  observe(figures.streams, traffic.streamsOpened + traffic.streamsAccepted);
  observe(figures.streamErrors, traffic.streamErrors);
  observe(figures.io, traffic.bytesSent, sent);
  observe(figures.io, traffic.bytesReceived, received);
  observe(figures.datagrams, traffic.datagramsSent, sent);
  observe(figures.datagrams, traffic.datagramsReceived, received);
  observe(
    figures.datagramsDropped,
    traffic.datagramsDroppedIncoming +
      traffic.datagramsExpiredIncoming +
      traffic.datagramsDroppedOutgoing +
      traffic.datagramsExpiredOutgoing,
  );
}
