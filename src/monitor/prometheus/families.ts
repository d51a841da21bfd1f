/** Every metric that is exposed. What each of them means stands in docs/guide/monitoring.md, too; a test compares the two. */
import type { Figures, WorkerSample } from "../target.ts";
import { counter, counterBy, gauge, gaugeBy, histogram, quantiles } from "./family.ts";
import type { FamilyDefinition } from "./family.ts";

/** Of each worker that has answered. */
export const figureFamilies: readonly FamilyDefinition<Figures>[] = [
  gauge("connections_active", "Connections that are open.", (f) => f.connections.active),
  gauge("connections_limit", "Connections that may be open (maxConnections).", (f) => f.connections.limit),
  gauge("handshakes_pending", "Handshakes that have begun and not ended.", (f) => f.connections.pendingHandshakes),
  counter("connections_accepted", "Connections whose handshake has completed.", (f) => f.connections.accepted),
  counterBy(
    "handshake_failures",
    "reason",
    "Clients that did not become connections.",
    (f) => f.connections.handshakeFailures,
  ),
  counterBy("connections_closed", "reason", "Connections that have ended.", (f) => f.connections.ended),
  counter("protocol_errors", "Clients that broke the protocol.", (f) => f.connections.protocolErrors),
  histogram(
    "handshake_duration_seconds",
    "Time from a client's first packet to its completed handshake.",
    (f) => f.durations.handshake,
  ),

  gauge("sessions_active", "Sessions that are open.", (f) => f.sessions.active),
  gauge("sessions_limit", "Sessions that may be open (maxSessions).", (f) => f.sessions.limit),
  gauge("session_requests_pending", "Session requests that are not answered yet.", (f) => f.sessions.pendingRequests),
  counter("session_requests", "Session requests, whatever has become of them.", (f) => f.sessions.requested),
  counter("sessions_accepted", "Session requests that were accepted.", (f) => f.sessions.accepted),
  counter(
    "session_requests_abandoned",
    "Session requests whose client had gone before they were answered.",
    (f) => f.sessions.abandoned,
  ),
  counterBy("session_requests_refused", "reason", "Session requests that were refused.", (f) => f.sessions.refused),
  counterBy("sessions_closed", "reason", "Sessions that have ended.", (f) => f.sessions.ended),
  histogram(
    "session_request_duration_seconds",
    "Time from a session request to its answer.",
    (f) => f.durations.request,
  ),
  histogram("session_duration_seconds", "Time that ended sessions were open.", (f) => f.durations.session),

  gauge("streams_active", "Streams that are not over on the wire.", (f) => f.streams.active),
  counterBy("streams_opened", "initiator", "Streams that were opened.", ({ streams }) => ({
    local: streams.opened,
    peer: streams.accepted,
  })),
  counter("stream_errors", "Halves of streams that the peer has reset or stopped.", (f) => f.streams.errors),
  counterBy("stream_bytes", "direction", "Bytes that streams have carried.", (f) => directions(f.bytes)),

  counterBy("datagrams", "direction", "Datagrams that have arrived or were handed to QUIC.", (f) =>
    directions(f.datagrams),
  ),
  counterBy("datagrams_dropped", "reason", "Datagrams that were dropped here.", (f) => f.datagrams.dropped),

  counterBy("packets", "direction", "Packets of connections: QUIC packets out, UDP datagrams in.", ({ transport }) =>
    directions({ received: transport.packetsReceived, sent: transport.packetsSent }),
  ),
  counter("packets_lost", "QUIC packets that were lost on their way to clients.", (f) => f.transport.packetsLost),
  counterBy("udp_bytes", "direction", "Bytes in UDP packets of connections.", ({ transport }) =>
    directions({ received: transport.bytesReceived, sent: transport.bytesSent }),
  ),
  quantiles("rtt_seconds", "Round-trip times of the connections that are open now.", (f) => f.rtt),

  gauge("buffer_used_bytes", "Unread bytes that streams hold.", (f) => f.buffers.used),
  gauge("buffer_reserved_bytes", "Bytes set aside for connections that are not read.", (f) => f.buffers.reserved),
  gauge("buffer_limit_bytes", "Bytes that may be unread (maxTotalBufferSize).", (f) => f.buffers.limit),
  gauge("session_buffer_max_bytes", "Unread bytes of the session that holds most.", (f) => f.buffers.largestSession),
  gauge(
    "session_buffer_limit_bytes",
    "Bytes that a session may hold unread (maxSessionBufferSize).",
    (f) => f.buffers.sessionLimit,
  ),

  histogram("event_loop_delay_seconds", "How much later than due timers ran.", (f) => f.eventLoop.delay),
  counter("event_loop_active_seconds", "Time in which the event loop worked.", (f) => f.eventLoop.active / 1000),
  counter("event_loop_idle_seconds", "Time in which the event loop waited.", (f) => f.eventLoop.idle / 1000),

  gauge("memory_resident_bytes", "Resident memory of the process.", (f) => f.memory.resident),
  gauge("memory_heap_used_bytes", "Used memory of the JavaScript heap.", (f) => f.memory.heapUsed),
  gauge("memory_heap_size_bytes", "Memory of the JavaScript heap.", (f) => f.memory.heapTotal),
  gauge("memory_heap_limit_bytes", "Memory that the JavaScript heap may grow to.", (f) => f.memory.heapLimit),
  gauge("memory_external_bytes", "Memory of buffers outside the JavaScript heap.", (f) => f.memory.external),
  gauge(
    "memory_native_bytes",
    "Resident memory that is none of JavaScript's: the engine and the runtime.",
    (f) => f.memory.native,
  ),
  gauge("memory_limit_bytes", "Memory of the container or the machine.", (f) => f.memory.limit),

  gaugeBy("certificate_expiry_timestamp_seconds", "When the certificate ends, since the epoch.", (f) =>
    f.certificates.map(({ serverName, notAfter }) => [{ server_name: serverName }, notAfter / 1000]),
  ),
  gauge("uptime_seconds", "Time since the server began to listen.", (f) => f.uptime / 1000),
];

/** Of every worker, those that do not answer included. */
export const workerFamilies: readonly FamilyDefinition<WorkerSample>[] = [
  gauge("worker_up", "1 when the worker has answered, 0 when it is missing or hangs.", (w) =>
    w.figures === undefined ? 0 : 1,
  ),
  counter("worker_restarts", "How often a worker was replaced after a crash.", (w) => w.restarts),
];

/** Of server or cluster as a whole. */
export interface Overview {
  readonly isServing: boolean;
  readonly isDraining: boolean;
  /** Ids of the rules that have found something. */
  readonly alerts: readonly { readonly id: string; readonly status: string }[];
}

export const overviewFamilies: readonly FamilyDefinition<Overview>[] = [
  gauge("serving", "1 when the server takes connections.", ({ isServing }) => Number(isServing)),
  gauge("draining", "1 when the server lets its sessions come to an end.", ({ isDraining }) => Number(isDraining)),
  gaugeBy("alert_active", "1 for each health alert that is not over.", ({ alerts }) =>
    alerts.map(({ id, status }) => [{ alert: id, status }, 1]),
  ),
];

function directions({ received, sent }: { readonly received: number; readonly sent: number }): Record<string, number> {
  return { in: received, out: sent };
}
