import { diag, metrics, propagation, trace } from "@opentelemetry/api";
import type { Meter, MeterProvider, TextMapPropagator, Tracer, TracerProvider } from "@opentelemetry/api";

import { scope } from "./names.ts";

export interface InstrumentOptions {
  /** Default: the global one, also when it is registered later. */
  readonly tracerProvider?: TracerProvider;
  /** Default: the one that is registered globally at the call. */
  readonly meterProvider?: MeterProvider;
  /** Reads the parent of a session's span from the request's headers, and writes it there. Default: the global one. */
  readonly propagator?: TextMapPropagator;
}

/** What is instrumented; ends with `disable()` or `using`. */
export interface Instrumented {
  /** New requests are not followed any more, and no figures are given; spans that have begun end as they would have. Idempotent. */
  disable(): void;
  readonly isDisabled: boolean;
  [Symbol.dispose](): void;
}

/** The part of a propagator that is used; the global one has no `fields` to ask for. */
export type Propagation = Pick<TextMapPropagator, "inject" | "extract">;

export function tracerOf({ tracerProvider }: InstrumentOptions): Tracer {
  return (tracerProvider ?? trace).getTracer(scope.name, scope.version);
}

/**
 * Whether spans of {@link tracerOf} can be recorded: they cannot while no SDK is registered. The API has no such question.
 * Its global provider stands for the SDK's, which it gives by a method of its own.
 */
export function spanRecording({ tracerProvider }: InstrumentOptions): () => boolean {
  const provider = (tracerProvider ?? trace.getTracerProvider()) as TracerProvider & DelegatingProvider;
  let isRegistered = provider.getDelegateTracer === undefined;
  return () => {
    isRegistered ||= provider.getDelegateTracer?.(scope.name, scope.version) !== undefined;
    return isRegistered;
  };
}

interface DelegatingProvider {
  /** Undefined while nothing is registered. */
  getDelegateTracer?(name: string, version: string): Tracer | undefined;
}

export function meterOf({ meterProvider }: InstrumentOptions): Meter {
  return (meterProvider ?? metrics).getMeter(scope.name, scope.version);
}

export function propagationOf({ propagator }: InstrumentOptions): Propagation {
  return propagator ?? globalPropagation;
}

const globalPropagation: Propagation = {
  inject: (from, carrier, setter) => propagation.inject(from, carrier, setter),
  extract: (from, carrier, getter) => propagation.extract(from, carrier, getter),
};

export function instrumented(end: () => void): Instrumented {
  let isEnded = false;
  const disable = (): void => {
    if (isEnded) return;
    isEnded = true;
    end();
  };
  return {
    disable,
    get isDisabled() {
      return isEnded;
    },
    [Symbol.dispose]: disable,
  };
}

/** A fault of a provider or a propagator is told, but ends nothing of the application. */
export function safely<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    diag.error("tswebtransport: what has happened could not be recorded", error);
    return undefined;
  }
}
