import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { EventEmitter } from "node:events";
import { describe, expect, it, vi } from "vitest";

import { TimeoutError } from "../../../src/errors/errors.ts";
import { TypedEmitter } from "../../../src/events/emitter.ts";

interface Events {
  session_ready: { readonly timestamp: number; readonly name: string };
  session_closed: { readonly timestamp: number };
}

const ready = { timestamp: 1, name: "a" };

describe("TypedEmitter", () => {
  it("gives events to listeners, once-listeners and onAny in this order", () => {
    const emitter = new TypedEmitter<Events>();
    const seen: string[] = [];
    emitter.on("session_ready", ({ name }) => seen.push(`on ${name}`));
    emitter.once("session_ready", ({ name }) => seen.push(`once ${name}`));
    const any = (type: string): void => {
      seen.push(`any ${type}`);
    };
    emitter.onAny(any);
    expect(emitter.publish("session_ready", ready)).toBe(true);
    emitter.offAny(any);
    emitter.publish("session_ready", ready);
    expect(seen).toEqual(["on a", "once a", "any session_ready", "on a"]);
  });

  it("has every method of node:events before anybody listens", async () => {
    const make = (): TypedEmitter<Events> => new TypedEmitter<Events>();
    const nobody = (): void => {};
    expect(make().listens("session_ready")).toBe(false);
    expect(make().publish("session_ready", ready)).toBe(false);
    expect(make().listenerCount("session_ready")).toBe(0);
    expect(make().eventNames()).toEqual([]);
    expect([make().listeners("session_ready"), make().rawListeners("session_ready")]).toEqual([[], []]);
    expect(make().off("session_ready", nobody).removeAllListeners().eventNames()).toEqual([]);
    expect(make().prependListener("session_ready", nobody).eventNames()).toEqual(["session_ready"]);
    const emitter = make();
    const waiting = once(emitter as EventEmitter, "session_ready");
    emitter.publish("session_ready", ready);
    expect(await waiting).toEqual([ready]);
  });

  it("reports a listener that throws or rejects and calls the others", async () => {
    const report = vi.fn();
    const emitter = new TypedEmitter<Events>({ report });
    const last = vi.fn();
    emitter.on("session_ready", () => {
      throw new Error("sync");
    });
    const rejecting: () => unknown = () => Promise.reject(new Error("async"));
    emitter.on("session_ready", rejecting);
    emitter.on("session_ready", last);
    emitter.publish("session_ready", ready);
    await new Promise(setImmediate);
    expect(last).toHaveBeenCalledOnce();
    expect(report.mock.calls.map(([error]) => (error as Error).message)).toEqual(["sync", "async"]);
  });

  it("survives a listener that throws what cannot be shown", () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const emitter = new TypedEmitter<Events>();
    const last = vi.fn();
    for (const thrown of [
      Object.create(null),
      Object.defineProperty(new Error(), "stack", { get: fail }),
      Symbol("x"),
    ]) {
      emitter.on("session_ready", () => {
        throw thrown;
      });
    }
    emitter.on("session_ready", last);
    emitter.publish("session_ready", ready);
    expect(last).toHaveBeenCalledOnce();
    expect(warned).toHaveBeenCalledTimes(3);
    warned.mockRestore();
  });

  it("hands events on to its parent, which publishes them only once", () => {
    const parent = new TypedEmitter<Events>();
    const child = new TypedEmitter<Events>({ parent });
    const above = vi.fn();
    const published = vi.fn();
    parent.on("session_ready", above);
    subscribe("tswebtransport:session_ready", published);
    child.publish("session_ready", ready);
    unsubscribe("tswebtransport:session_ready", published);
    expect(above).toHaveBeenCalledWith(ready);
    expect(published).toHaveBeenCalledOnce();
  });

  it("listens() is false until somebody would hear the event", () => {
    const parent = new TypedEmitter<Events>();
    const child = new TypedEmitter<Events>({ parent });
    expect(child.listens("session_ready")).toBe(false);
    const listener = (): void => {};
    parent.on("session_ready", listener);
    expect(child.listens("session_ready")).toBe(true);
    expect(child.listens("session_closed")).toBe(false);
    parent.off("session_ready", listener);
    parent.onAny(listener);
    expect(child.listens("session_closed")).toBe(true);
  });

  it("waitFor() resolves with the first event that meets the condition", async () => {
    const emitter = new TypedEmitter<Events>();
    const waiting = emitter.waitFor("session_ready", { condition: ({ name }) => name === "b" });
    emitter.publish("session_ready", ready);
    emitter.publish("session_ready", { timestamp: 2, name: "b" });
    expect(await waiting).toEqual({ timestamp: 2, name: "b" });
    expect(emitter.listenerCount("session_ready")).toBe(0);
  });

  it("waitFor() rejects where its condition answers with a promise", async () => {
    const emitter = new TypedEmitter<Events>();
    const condition = () => Promise.reject(new Error("nobody awaits this")) as unknown as boolean;
    const waiting = emitter.waitFor("session_ready", { condition });
    emitter.publish("session_ready", ready);
    await expect(waiting).rejects.toThrow(/^condition must answer at once, not with a promise/);
    expect(emitter.listenerCount("session_ready")).toBe(0);
  });

  it("waitFor() rejects with what its condition throws", async () => {
    const emitter = new TypedEmitter<Events>();
    const waiting = emitter.waitFor("session_ready", {
      condition: () => {
        throw new Error("on purpose");
      },
    });
    emitter.publish("session_ready", ready);
    await expect(waiting).rejects.toThrow("on purpose");
    expect(emitter.listenerCount("session_ready")).toBe(0);
  });

  it("waitFor() rejects with the signal's reason and with TimeoutError", async () => {
    vi.useFakeTimers();
    try {
      const emitter = new TypedEmitter<Events>();
      const abort = new AbortController();
      const aborted = emitter.waitFor("session_ready", { signal: abort.signal });
      abort.abort(new Error("enough"));
      await expect(aborted).rejects.toThrow("enough");
      const late = emitter.waitFor("session_ready", { timeout: 50 });
      vi.advanceTimersByTime(50);
      await expect(late).rejects.toBeInstanceOf(TimeoutError);
      expect(emitter.listenerCount("session_ready")).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each<[string, unknown, unknown]>([
    ["type", 5, {}],
    ["type", "", {}],
    ["options", "a", null],
    ["options", "a", 50],
    ["timeout", "a", { timeout: "50" }],
    ["timeout", "a", { timeout: -1 }],
    ["timeout", "a", { timeout: NaN }],
    ["timeout", "a", { timeout: 2 ** 31 }],
    ["condition", "a", { condition: true }],
    ["signal", "a", { signal: {} }],
    ["timeOut", "a", { timeOut: 50 }],
  ])("waitFor() rejects with what is wrong with %s, for %j and %j", async (configKey, type, options) => {
    const emitter = new TypedEmitter<Events>();
    const waiting = emitter.waitFor(type as "session_ready", options as object);
    await expect(waiting).rejects.toMatchObject({ name: "ConfigurationError", configKey });
    expect(emitter.eventNames()).toEqual([]);
  });

  it.each([undefined, null, 5, "listener", {}])("onAny() refuses %j instead of a listener", (listener) => {
    const emitter = new TypedEmitter<Events>();
    expect(() => emitter.onAny(listener as () => void)).toThrow(
      expect.objectContaining({ name: "ConfigurationError", configKey: "listener" }) as Error,
    );
    expect(emitter.listens("session_ready")).toBe(false);
  });

  it("waitFor() may reject before anybody awaits it", async () => {
    const abort = new AbortController();
    const waiting = new TypedEmitter<Events>().waitFor("session_ready", { signal: abort.signal });
    abort.abort(new Error("enough"));
    // Node tells of unhandled rejections after this turn; test/setup fails a test that has one.
    await new Promise(setImmediate);
    await expect(waiting).rejects.toThrow("enough");
  });
});

function fail(): never {
  throw new Error("a getter's own failure");
}
