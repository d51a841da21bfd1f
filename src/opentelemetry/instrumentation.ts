import { subscribe, unsubscribe } from "node:diagnostics_channel";

import type { MeterProvider, TextMapPropagator, TracerProvider } from "@opentelemetry/api";

import { serverCreated } from "../server/server-channel.ts";
import type { WebTransportServer } from "../server/server.ts";

import { instrumentConnect } from "./instrument-connect.ts";
import { instrument } from "./instrument.ts";
import { scope } from "./names.ts";
import type { Instrumented, InstrumentOptions } from "./options.ts";

export interface WebTransportInstrumentationConfig {
  /** Begin in the constructor. Default true. */
  readonly enabled?: boolean;
  /** Default: the global one. */
  readonly propagator?: TextMapPropagator;
}

/**
 * Instruments every server of the process that is made while it is enabled, and every call of `connect()`: for
 * `registerInstrumentations` and `NodeSDK`. It patches nothing, so it does not matter what was imported first.
 *
 * ```ts
 * registerInstrumentations({ instrumentations: [new WebTransportInstrumentation()] });
 * ```
 */
export class WebTransportInstrumentation {
  readonly instrumentationName = scope.name;
  readonly instrumentationVersion = scope.version;
  #config: WebTransportInstrumentationConfig;
  #tracerProvider: TracerProvider | undefined;
  #meterProvider: MeterProvider | undefined;
  #connect: Instrumented | undefined;
  readonly #servers = new InstrumentedServers();
  readonly #created = (message: unknown): void => {
    this.#servers.add((message as { server: WebTransportServer }).server, this.#options);
  };

  constructor(config: WebTransportInstrumentationConfig = {}) {
    this.#config = { enabled: true, ...config };
    if (this.#config.enabled !== false) this.enable();
  }

  enable(): void {
    if (this.#connect !== undefined) return;
    this.#connect = instrumentConnect(this.#options);
    subscribe(serverCreated.name, this.#created);
  }

  /** As `disable()` of what `instrument` returns, for all of them. */
  disable(): void {
    this.#connect?.disable();
    this.#connect = undefined;
    unsubscribe(serverCreated.name, this.#created);
    this.#servers.disable();
  }

  /** Servers that exist are instrumented anew. */
  setTracerProvider(tracerProvider: TracerProvider): void {
    this.#tracerProvider = tracerProvider;
    this.#renew();
  }

  /** Servers that exist are instrumented anew. */
  setMeterProvider(meterProvider: MeterProvider): void {
    this.#meterProvider = meterProvider;
    this.#renew();
  }

  setConfig(config: WebTransportInstrumentationConfig): void {
    this.#config = { enabled: true, ...config };
    this.#renew();
  }

  getConfig(): WebTransportInstrumentationConfig {
    return this.#config;
  }

  get #options(): InstrumentOptions {
    const { propagator } = this.#config;
    return {
      ...(this.#tracerProvider && { tracerProvider: this.#tracerProvider }),
      ...(this.#meterProvider && { meterProvider: this.#meterProvider }),
      ...(propagator && { propagator }),
    };
  }

  #renew(): void {
    if (this.#connect === undefined) return;
    this.#connect = instrumentConnect(this.#options);
    this.#servers.renew(this.#options);
  }
}

/** Those of the process that were made while the instrumentation was enabled; it keeps none of them alive. */
class InstrumentedServers {
  readonly #servers = new Set<WeakRef<WebTransportServer>>();
  readonly #byServer = new WeakMap<WebTransportServer, Instrumented>();
  readonly #collected = new FinalizationRegistry<WeakRef<WebTransportServer>>((reference) => {
    this.#servers.delete(reference);
  });

  add(server: WebTransportServer, options: InstrumentOptions): void {
    const reference = new WeakRef(server);
    this.#servers.add(reference);
    this.#collected.register(server, reference);
    this.#byServer.set(server, instrument(server, options));
  }

  renew(options: InstrumentOptions): void {
    for (const [server, before] of this.#living()) {
      // The application has instrumented it itself meanwhile.
      if (before.isDisabled) continue;
      this.#byServer.set(server, instrument(server, options));
    }
  }

  disable(): void {
    for (const [, instrumented] of this.#living()) instrumented.disable();
    this.#servers.clear();
  }

  *#living(): Generator<[WebTransportServer, Instrumented]> {
    for (const reference of this.#servers) {
      const server = reference.deref();
      const instrumented = server && this.#byServer.get(server);
      if (server !== undefined && instrumented !== undefined) yield [server, instrumented];
    }
  }
}
