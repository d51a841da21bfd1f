import type { IncomingMessage, ServerResponse } from "node:http";

import type { ActiveAlert, MonitorAlert } from "../alerts/alert-book.ts";
import type { HealthStatus } from "../health.ts";
import type { MonitorMetrics } from "../metrics.ts";
import type { ExpositionFormat } from "../prometheus/exposition.ts";
import type { MonitorTarget } from "../target.ts";

/** What a route reads of the monitor. */
export interface MonitorView {
  readonly target: MonitorTarget;
  readonly isMonitoring: boolean;
  getHealthStatus(): HealthStatus;
  getAlerts(limit?: number): readonly MonitorAlert[];
  getActiveAlerts(): readonly ActiveAlert[];
  getMetricsHistory(limit?: number): readonly MonitorMetrics[];
  getCurrentMetrics(): MonitorMetrics | undefined;
  toPrometheus(options?: { readonly format?: ExpositionFormat }): Promise<string>;
  on(type: "sample", listener: (metrics: MonitorMetrics) => void): unknown;
  on(type: "alert", listener: (alert: MonitorAlert) => void): unknown;
  off(type: "sample", listener: (metrics: MonitorMetrics) => void): unknown;
  off(type: "alert", listener: (alert: MonitorAlert) => void): unknown;
}

/** A GET or HEAD request, and how it is answered. */
export interface Exchange {
  readonly monitor: MonitorView;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of the request; its origin is none that anybody can be reached at. */
  readonly url: URL;
  /** Aborts when the client has gone or the monitor's page is closed: for answers that do not end by themselves. */
  readonly signal: AbortSignal;
}

export interface MonitorRoute {
  /** The whole path, or with "*" at its end the beginning of it. */
  readonly path: string;
  /** Whoever reaches the port may ask: for orchestrators' probes, which tell no more than a word. */
  readonly isOpen?: true;
  /** What it throws is answered with 500. */
  handle(exchange: Exchange): void | Promise<void>;
}

/** Answers completely. */
export function answer(
  { request, response }: Pick<Exchange, "request" | "response">,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    ...headers,
    "content-length": String(bytes.byteLength),
  });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

export function answerJson(exchange: Pick<Exchange, "request" | "response">, status: number, body: unknown): void {
  answer(exchange, status, `${JSON.stringify(body)}\n`, { "content-type": "application/json" });
}
