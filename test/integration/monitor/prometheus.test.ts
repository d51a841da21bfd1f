import { readFileSync } from "node:fs";

import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { registerPrometheus } from "../../../src/monitor/prometheus/register.ts";
import { ServerMonitor } from "../../../src/monitor/server-monitor.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { ScriptedTarget, workerOf } from "../../unit/monitor/scripted-target.ts";
import { LocalServer, turnsUntil } from "../end-to-end/local-server.ts";
import { runLoad } from "./load.ts";
import type { LoadCounts } from "./load.ts";
import { lint, PrometheusProcess } from "./prometheus-process.ts";

const token = "scraped-with-this-token";

/** Every query of the dashboard, with what Grafana puts into it. */
function dashboardQueries(): readonly { readonly panel: string; readonly query: string }[] {
  const file = new URL("../../../docs/grafana/tswebtransport.json", import.meta.url);
  const dashboard = JSON.parse(readFileSync(file, "utf8")) as {
    readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
  };
  return dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({
      panel: title,
      query: expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*"),
    })),
  );
}

describe("a Prometheus that scrapes a monitor", () => {
  let server: LocalServer;
  let monitor: ServerMonitor;
  let prometheus: PrometheusProcess | undefined;
  let url: string;
  let counts: LoadCounts;
  let open: readonly WebTransportSession[];

  beforeAll(async () => {
    server = await LocalServer.start((app) => app.route("/echo", echoHandler));
    monitor = new ServerMonitor(server.app, { monitoringInterval: 3_600_000 });
    const endpoint = await monitor.serve({ host: "127.0.0.1", port: 0, token });
    ({ url } = endpoint);
    prometheus = await PrometheusProcess.start(`127.0.0.1:${endpoint.address.port}`, token);
    // A rate needs two samples: one before the load.
    await prometheus.scraped(2);
    ({ counts, open } = await runLoad(server, { sessions: 8, each: 10, refused: 2 }));
    await Promise.all(open.slice(0, 3).map((session) => session.close()));
    await turnsUntil(() => server.stats.sessions === 5);
    // One may have been under way, and the last may not be stored yet.
    await prometheus.scraped(3);
  });
  afterAll(async () => {
    await prometheus?.end();
    await monitor.stop();
    await server.close();
  });

  const valueOf = (query: string): Promise<number> => prometheus!.valueOf(query);

  it("has the values that the clients have counted", async () => {
    expect(await valueOf("tswebtransport_serving")).toBe(1);
    expect(await valueOf("tswebtransport_draining")).toBe(0);
    expect(await valueOf("tswebtransport_worker_up")).toBe(1);
    expect(await valueOf("tswebtransport_connections_accepted_total")).toBe(10);
    expect(await valueOf("tswebtransport_sessions_active")).toBe(5);
    expect(await valueOf("tswebtransport_session_requests_total")).toBe(counts.sessions + counts.refused);
    expect(await valueOf("tswebtransport_sessions_accepted_total")).toBe(counts.sessions);
    expect(await valueOf('tswebtransport_session_requests_refused_total{reason="route"}')).toBe(counts.refused);
    expect(await valueOf("sum(tswebtransport_session_requests_refused_total)")).toBe(counts.refused);
    expect(await valueOf('tswebtransport_sessions_closed_total{reason="peer"}')).toBe(3);
    expect(await valueOf('tswebtransport_streams_opened_total{initiator="peer"}')).toBe(counts.streams);
    expect(await valueOf('tswebtransport_streams_opened_total{initiator="local"}')).toBe(0);
    for (const direction of ["in", "out"]) {
      expect(await valueOf(`tswebtransport_stream_bytes_total{direction="${direction}"}`)).toBe(counts.bytes);
      expect(await valueOf(`tswebtransport_datagrams_total{direction="${direction}"}`)).toBe(counts.datagrams);
      expect(await valueOf(`tswebtransport_packets_total{direction="${direction}"}`)).toBeGreaterThan(counts.datagrams);
    }
    expect(await valueOf("tswebtransport_handshake_duration_seconds_count")).toBe(10);
    expect(await valueOf('tswebtransport_handshake_duration_seconds_bucket{le="+Inf"}')).toBe(10);
    expect(await valueOf('tswebtransport_handshake_duration_seconds_bucket{le="10.0"}')).toBe(10);
    expect(await valueOf("tswebtransport_session_duration_seconds_count")).toBe(3);
    expect(await valueOf("tswebtransport_certificate_expiry_timestamp_seconds - time()")).toBeGreaterThan(12 * 86_400);
    expect(await valueOf("tswebtransport_memory_resident_bytes")).toBeGreaterThan(10e6);
    expect(await valueOf('tswebtransport_rtt_seconds{quantile="0.5"}')).toBeLessThan(10);
    expect(
      await valueOf("histogram_quantile(0.9, tswebtransport_event_loop_delay_seconds_bucket)"),
    ).toBeGreaterThanOrEqual(0);
  });

  it.each(dashboardQueries())("answers the dashboard's query of “$panel”: $query", async ({ query }) => {
    const series = await prometheus!.query(query);
    expect(series).not.toEqual([]);
    // A query for a metric that is not there would be empty; one that divides by 0 has no figure.
    for (const { value } of series) expect(Number(value[1])).not.toBeNaN();
  });

  it("promtool finds nothing to mend in the older format", async () => {
    const response = await fetch(`${url}metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect(response.headers.get("content-type")).toContain("text/plain");
    expect(lint(await response.text())).toBe("");
  });

  it("has no label that a client chooses", async () => {
    const secret = `x${Date.now()}`;
    await expect(server.connect(`/${secret}?token=${secret}`, { maxRetries: 0 })).rejects.toThrow();
    const session = await server.connect(`/echo?token=${secret}`, { headers: { origin: `https://${secret}.example` } });
    await session.close({ code: 4711, reason: secret });
    expect(await monitor.toPrometheus()).not.toMatch(new RegExp(`${secret}|4711`));
  });
});

describe("the metrics of a cluster", () => {
  it("differ by the label worker, and tell which worker is away", async () => {
    const target = new ScriptedTarget();
    target.workers = [
      workerOf("0", { sessions: { active: 3 } }),
      workerOf("1", undefined, { state: "missing", restarts: 2 }),
      workerOf("2", { sessions: { active: 4 } }),
    ];
    await using monitor = new ServerMonitor(target);
    await monitor.start();
    const text = await monitor.toPrometheus();
    expect(lint(text)).toBe("");
    for (const line of [
      'tswebtransport_sessions_active{worker="0"} 3',
      'tswebtransport_sessions_active{worker="2"} 4',
      'tswebtransport_worker_up{worker="0"} 1',
      'tswebtransport_worker_up{worker="1"} 0',
      'tswebtransport_worker_restarts_total{worker="1"} 2',
      'tswebtransport_alert_active{alert="workers",status="degraded"} 1',
    ]) {
      expect(text.split("\n")).toContain(line);
    }
    expect(text).not.toContain('tswebtransport_sessions_active{worker="1"}');
  });
});

describe("registerPrometheus()", () => {
  it.each([Registry.PROMETHEUS_CONTENT_TYPE, Registry.OPENMETRICS_CONTENT_TYPE])(
    "puts every metric into a registry of prom-client that speaks %s",
    async (contentType) => {
      const target = new ScriptedTarget();
      target.change({
        sessions: { active: 3, accepted: 7 },
        certificates: [{ serverName: "", notBefore: 0, notAfter: 5000 }],
      });
      const monitor = new ServerMonitor(target);
      const registry = new Registry();
      registry.setContentType(contentType as typeof Registry.PROMETHEUS_CONTENT_TYPE);
      registry.setDefaultLabels({ app: "mine" });
      registerPrometheus(registry, monitor);
      const text = await registry.metrics();
      expect(text).toContain('tswebtransport_sessions_active{app="mine"} 3\n');
      expect(text).toContain('tswebtransport_sessions_accepted_total{app="mine"} 7\n');
      expect(text).toContain('tswebtransport_sessions_closed_total{reason="peer",app="mine"} 0\n');
      expect(text).toMatch(/tswebtransport_handshake_duration_seconds_bucket\{le="0.001",app="mine"\} 0\n/);
      // All of them share one reading.
      expect(target.samples).toBe(1);
      const format = contentType === Registry.PROMETHEUS_CONTENT_TYPE ? "prometheus" : "openmetrics";
      const names = (exposed: string): string[] =>
        [...exposed.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name).sort();
      expect(names(text)).toEqual(names(await monitor.toPrometheus({ format })));
      if (format === "prometheus") expect(lint(text)).toBe("");
      registry.resetMetrics();
      target.change({ sessions: { active: 4 } });
      expect(await registry.metrics()).toContain('tswebtransport_sessions_active{app="mine"} 4\n');
    },
  );

  it("throws when the registry has one of the names already", () => {
    const monitor = new ServerMonitor(new ScriptedTarget());
    const registry = new Registry();
    registerPrometheus(registry, monitor);
    expect(() => {
      registerPrometheus(registry, monitor);
    }).toThrow(/already been registered/);
  });
});
