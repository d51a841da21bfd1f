import type { IncomingMessage, ServerResponse } from "node:http";

import type { ActiveAlert, MonitorAlert } from "../alerts/alert-book.ts";
import type { HealthStatus } from "../health.ts";
import type { MonitorMetrics } from "../metrics.ts";
import type { ExpositionFormat } from "../prometheus/exposition.ts";
import type { MonitorTarget, TargetSample } from "../target.ts";

import type { Access } from "./access.ts";

/** What a route reads of the monitor. */
export interface MonitorView {
  readonly target: MonitorTarget;
  readonly isMonitoring: boolean;
  getHealthStatus(): HealthStatus;
  getAlerts(limit?: number): readonly MonitorAlert[];
  getActiveAlerts(): readonly ActiveAlert[];
  getMetricsHistory(limit?: number): readonly MonitorMetrics[];
  getCurrentMetrics(): MonitorMetrics | undefined;
  read(): Promise<TargetSample>;
  toPrometheus(options?: { readonly format?: ExpositionFormat }): Promise<string>;
  on(type: "sample", listener: (metrics: MonitorMetrics) => void): unknown;
  on(type: "alert", listener: (alert: MonitorAlert) => void): unknown;
  off(type: "sample", listener: (metrics: MonitorMetrics) => void): unknown;
  off(type: "alert", listener: (alert: MonitorAlert) => void): unknown;
}

/** A request, and how it is answered. */
export interface Exchange {
  readonly access: Access;
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
  /** Default: GET and HEAD. */
  readonly methods?: readonly string[];
  /**
   * Whoever reaches the port may ask: for orchestrators' probes, which tell no more than a word. "to-log-in": whoever
   * `authorize` admits may ask without the token.
   */
  readonly isOpen?: true | "to-log-in";
  /**
   * What a request gets that lacks the token. "challenge" (default) asks for it as HTTP's authentication does, "login" leads
   * to the login page, and "silent" only refuses: a browser would ask a person in the middle of a page.
   */
  readonly unauthorized?: "challenge" | "login" | "silent";
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
