/** For a file of tests: an app that is traced, new for each test, and what the SDK was told of it. */
import { afterAll, afterEach, beforeEach } from "vitest";

import { instrument } from "../../../src/opentelemetry/index.ts";
import { AppWorld } from "../server/app/app-world.ts";

import { Telemetry } from "./telemetry.ts";

export const telemetry = new Telemetry().register();

export let world: AppWorld;

beforeEach(() => {
  telemetry.reset();
  world = new AppWorld();
  instrument(world.app);
});
afterEach(async () => {
  await world.close();
});
afterAll(async () => {
  await telemetry.shutdown();
});

/** A trace context of a client's (W3C Trace Context §3.2). */
export const traceId = "0af7651916cd43dd8448eb211c80319c";
export const parentId = "b7ad6b7169203331";
export const traceparent = `00-${traceId}-${parentId}-01`;
