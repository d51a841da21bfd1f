/**
 * Spans and metrics through `@opentelemetry/api`, an optional peer dependency.
 *
 * @module tswebtransport/opentelemetry
 */
export { contextOf } from "./contexts.ts";
export { instrument } from "./instrument.ts";
export type { InstrumentTarget } from "./instrument.ts";
export { instrumentConnect } from "./instrument-connect.ts";
export { WebTransportInstrumentation } from "./instrumentation.ts";
export type { WebTransportInstrumentationConfig } from "./instrumentation.ts";
export type { Instrumented, InstrumentOptions } from "./options.ts";
