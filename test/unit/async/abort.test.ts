import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { onAbort } from "../../../src/async/abort.ts";
import { connect } from "../../../src/client/connect.ts";

import { uncaughtDuring } from "../../conformance/engine/uncaught.ts";
import { FakeEngine } from "../client/fake-engine.ts";

describe("onAbort()", () => {
  it("runs what waits in the order of the calls, once, and not what was taken back", () => {
    const abort = new AbortController();
    const run: string[] = [];
    onAbort(abort.signal, () => {
      run.push("first");
      takeBackLast();
    });
    const takeBack = onAbort(abort.signal, () => run.push("taken back"));
    onAbort(abort.signal, () => run.push("second"));
    const takeBackLast = onAbort(abort.signal, () => run.push("taken back by the first"));
    takeBack();
    abort.abort();
    abort.abort();
    expect(run).toEqual(["first", "second"]);
  });

  it("runs what waits behind one that throws, and the process hears of the error", async () => {
    const abort = new AbortController();
    const run: string[] = [];
    onAbort(abort.signal, () => {
      throw new Error("on purpose");
    });
    onAbort(abort.signal, () => run.push("second"));
    const errors = await uncaughtDuring(async () => {
      abort.abort();
    });
    expect(run).toEqual(["second"]);
    expect(errors).toEqual([new Error("on purpose")]);
  });

  it("does nothing without a signal, or with one that has aborted", () => {
    onAbort(undefined, () => expect.unreachable())();
    onAbort(AbortSignal.abort(), () => expect.unreachable())();
  });

  it("has one listener for any number of calls, and none when all are taken back", () => {
    const { signal } = new AbortController();
    const takeBack = Array.from({ length: 100 }, () => onAbort(signal, () => {}));
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    for (const each of takeBack) each();
    takeBack[0]?.();
    expect(getEventListeners(signal, "abort")).toEqual([]);
    onAbort(signal, () => {});
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
  });
});

describe("calls that share a signal", () => {
  const warnings: string[] = [];
  const note = ({ message }: Error): void => void warnings.push(message);
  beforeEach(() => {
    process.on("warning", note);
  });
  afterEach(() => {
    process.off("warning", note);
  });

  it("are any number, without a warning of a leak", async () => {
    const abort = new AbortController();
    const { signal } = abort;
    const many = <T>(call: () => Promise<T>): Promise<T>[] => Array.from({ length: 20 }, call);
    const options = { engine: new FakeEngine(), insecure: true, signal };
    const sessions = await Promise.all(many(() => connect("https://127.0.0.1/", options)));
    const [session] = sessions;
    const streams = await Promise.all(many(() => session!.createBidirectionalStream({ signal })));
    const waiting = [
      ...many(() => connect("https://127.0.0.1/", { ...options, engine: new FakeEngine("never") })),
      ...streams.map((stream) => stream.read({ signal })),
      ...many(() => session!.datagrams.receive({ signal })),
      ...many(() => session!.incomingUnidirectionalStreams.next({ signal })),
      ...many(() => session!.waitFor("session_closed", { signal })),
    ];
    const outcomes = Promise.allSettled(waiting);
    await new Promise(setImmediate);
    expect(getEventListeners(signal, "abort").length).toBe(1);
    abort.abort(new Error("enough"));
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { message: "enough" } });
    await new Promise(setImmediate);
    expect(warnings.filter((text) => text.includes("leak"))).toEqual([]);
    await Promise.all(sessions.map((each) => each.close({ abort: true })));
  });
});
