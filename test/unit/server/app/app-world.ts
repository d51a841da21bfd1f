import type { Logger } from "../../../../src/config/logger.ts";
import { ServerApp } from "../../../../src/server/app.ts";
import type { ServerAppConfigOptions } from "../../../../src/server/app.ts";
import { createTestPair } from "../../../../src/testing/index.ts";
import type { TestClientOptions, TestPair } from "../../../../src/testing/index.ts";
import type { WebTransportSession } from "../../../../src/transport/session/session.ts";

export type Line = readonly [level: string, message: string, fields: Readonly<Record<string, unknown>>];

export function recorder(lines: Line[]): Logger {
  const note = (level: string) => (fields: object, message: string) =>
    void lines.push([level, message, fields as Record<string, unknown>]);
  return { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
}

/** An app on a network in memory, and what it has logged. */
export class AppWorld {
  readonly lines: Line[] = [];
  readonly app: ServerApp;
  #pair: TestPair | undefined;

  constructor(config: ServerAppConfigOptions<Record<string, unknown>> = {}) {
    this.app = new ServerApp({ config: { logger: recorder(this.lines), accessLog: false, ...config } });
  }

  async listen(): Promise<this> {
    this.#pair = await createTestPair(this.app);
    return this;
  }

  get pair(): TestPair {
    if (this.#pair === undefined) throw new Error("The app does not listen");
    return this.#pair;
  }

  connect(path: string, options: TestClientOptions = {}): Promise<WebTransportSession> {
    return this.pair.connect(path, { maxRetries: 0, ...options });
  }

  /** 200, or the status of the refusal. */
  async statusOf(path: string, options: TestClientOptions = {}): Promise<unknown> {
    return this.connect(path, options).then(
      () => 200,
      (error: unknown) => (error as { status?: number }).status ?? error,
    );
  }

  async close(): Promise<void> {
    await this.#pair?.close();
  }
}
