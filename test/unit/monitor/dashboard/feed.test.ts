import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { eventText, lastTime } from "../../../../src/monitor/dashboard/event-text.ts";
import { Feed } from "../../../../src/monitor/dashboard/feed.ts";
import { pointFields } from "../../../../src/monitor/dashboard/point.ts";
import type { DashboardState } from "../../../../src/monitor/dashboard/state.ts";
import { ServerMonitor } from "../../../../src/monitor/server-monitor.ts";

import { ScriptedTarget, workerOf } from "../scripted-target.ts";

interface Update {
  readonly id: string | undefined;
  readonly points: readonly (readonly (number | null)[])[];
  readonly state: DashboardState;
}

/** A page's connection: what was written to it is what its browser gets. */
class Viewer {
  readonly response = new ServerResponse(new IncomingMessage(new Socket()));
  readonly #gone = new AbortController();
  #text = "";

  constructor() {
    const write = this.response.write.bind(this.response) as (text: string) => boolean;
    this.response.write = ((text: string) => {
      this.#text += text;
      return write(text);
    }) as typeof this.response.write;
  }

  join(feed: Feed, after = 0): boolean {
    return feed.add(this.response, after, this.#gone.signal);
  }

  leave(): void {
    this.#gone.abort();
  }

  get events(): { readonly event: string; readonly id: string | undefined; readonly data: unknown }[] {
    return this.#text
      .split("\n\n")
      .map((block) => new Map(block.split("\n").map((line): [string, string] => [line.split(": ")[0]!, valueOf(line)])))
      .filter((fields) => fields.has("event"))
      .map((fields) => ({
        event: fields.get("event")!,
        id: fields.get("id"),
        data: JSON.parse(fields.get("data")!) as unknown,
      }));
  }

  get updates(): Update[] {
    return this.events
      .filter(({ event }) => event === "update")
      .map(({ id, data }) => ({ id, ...(data as Omit<Update, "id">) }));
  }

  get times(): number[] {
    return this.updates.flatMap(({ points }) => points.map(([time]) => time!));
  }
}

function valueOf(line: string): string {
  return line.slice(line.indexOf(": ") + 2);
}

describe("the dashboard's feed", () => {
  let target: ScriptedTarget;
  let monitor: ServerMonitor;
  let feed: Feed;

  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
    target = new ScriptedTarget();
    monitor = new ServerMonitor(target, { monitoringInterval: 30_000 });
    feed = new Feed(monitor);
  });
  afterEach(async () => {
    await monitor.stop();
    vi.useRealTimers();
  });

  const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);

  it("reads nothing until somebody looks, each second while somebody does, and nothing again afterwards", async () => {
    await monitor.start();
    await pass(5000);
    expect(target.samples).toBe(1);
    const [one, other] = [new Viewer(), new Viewer()];
    one.join(feed);
    await pass(2500);
    expect(target.samples).toBe(4);
    other.join(feed);
    await pass(2000);
    // Two that look cost as much as one.
    expect(target.samples).toBe(6);
    one.leave();
    await pass(1000);
    expect(target.samples).toBe(7);
    other.leave();
    expect(feed.viewers).toBe(0);
    await pass(10_000);
    expect(target.samples).toBe(7);
    expect(one.response.writableEnded).toBe(true);
  });

  it("tells the fields, what the monitor knows already, and then what is new", async () => {
    await monitor.start();
    await pass(60_000);
    const viewer = new Viewer();
    viewer.join(feed);
    expect(viewer.events[0]).toEqual({ event: "fields", id: undefined, data: pointFields });
    expect(viewer.times).toEqual([1_000_000, 1_030_000, 1_060_000]);
    target.change({ sessions: { active: 7, accepted: 7 } });
    await pass(1000);
    target.change({ sessions: { active: 9, accepted: 9 } });
    await pass(1000);
    expect(viewer.times.slice(3)).toEqual([1_061_000, 1_062_000]);
    const { points, state } = viewer.updates.at(-1)!;
    const value = (name: (typeof pointFields)[number]): unknown => points[0]![pointFields.indexOf(name)];
    expect([value("sessions"), value("sessionRate")]).toEqual([9, 4.5]);
    expect(state.now).toMatchObject({ sessions: 9, sessionsAccepted: 9 });
    expect(state.health.status).toBe("idle");
  });

  it("sends to a page that comes again what it has missed, and nothing twice", async () => {
    await monitor.start();
    const [page, other] = [new Viewer(), new Viewer()];
    other.join(feed);
    page.join(feed);
    await pass(3000);
    page.leave();
    const last = lastTime(page.updates.at(-1)!.id);
    expect(last).toBe(page.times.at(-1));
    await pass(3000);
    const again = new Viewer();
    again.join(feed, last);
    await pass(2000);
    const all = [...page.times, ...again.times];
    expect(all).toEqual([...new Set(all)].toSorted((left, right) => left - right));
    expect(again.times.slice(0, 3)).toEqual([last + 1000, last + 2000, last + 3000]);
    expect([...new Set(all)]).toEqual([...new Set(other.times)]);
  });

  it("goes on after a restart of the monitor with what is newer than the page has", async () => {
    await monitor.start();
    const page = new Viewer();
    page.join(feed);
    await pass(2000);
    page.leave();
    await monitor.stop();
    monitor = new ServerMonitor(target, { monitoringInterval: 30_000 });
    await pass(5000);
    await monitor.start();
    const again = new Viewer();
    again.join(new Feed(monitor), page.times.at(-1));
    await pass(1000);
    expect(again.times[0]).toBe(1_007_000);
    expect(again.times).toEqual([...new Set(again.times)]);
  });

  it("has no points while the clock is set back, and goes on when it is later again", async () => {
    const viewer = new Viewer();
    viewer.join(feed);
    await pass(2000);
    const { length } = viewer.times;
    vi.setSystemTime(990_000);
    await pass(3000);
    expect(viewer.times).toHaveLength(length);
    expect(viewer.updates.at(-1)!.state.now).toBeDefined();
    vi.setSystemTime(1_010_000);
    await pass(1000);
    expect(viewer.times.length).toBeGreaterThan(length);
  });

  it("says that there are no figures when they cannot be read, and goes on", async () => {
    const viewer = new Viewer();
    viewer.join(feed);
    await pass(1000);
    target.failure = new Error("on purpose");
    await pass(1000);
    expect(viewer.updates.at(-1)).toMatchObject({ points: [], state: { workers: [] } });
    expect(viewer.updates.at(-1)!.state.now).toBeUndefined();
    target.failure = undefined;
    await pass(1000);
    expect(viewer.updates.at(-1)!.points).toHaveLength(1);
  });

  it("shows a worker that does not answer", async () => {
    target.workers = [workerOf("0", {}), workerOf("1", undefined, { state: "unresponsive" })];
    const viewer = new Viewer();
    viewer.join(feed);
    await pass(10);
    expect(viewer.updates.at(-1)!.state.workers.map(({ id, state }) => [id, state])).toEqual([
      ["0", "serving"],
      ["1", "unresponsive"],
    ]);
  });

  it("takes sixteen viewers", async () => {
    const viewers = Array.from({ length: 16 }, () => new Viewer());
    for (const viewer of viewers) expect(viewer.join(feed)).toBe(true);
    const late = new Viewer();
    expect(late.join(feed)).toBe(false);
    expect(late.response.headersSent).toBe(false);
    viewers[3]!.leave();
    expect(late.join(feed)).toBe(true);
  });

  it("drops a viewer that does not take what it is sent, and keeps the others", async () => {
    const [slow, quick] = [new Viewer(), new Viewer()];
    slow.join(feed);
    quick.join(feed);
    slow.response.write("x".repeat(300_000));
    const { length } = slow.updates;
    await pass(2000);
    expect(feed.viewers).toBe(1);
    expect(slow.response.destroyed).toBe(true);
    expect(slow.updates.length).toBeLessThanOrEqual(length + 1);
    expect(quick.updates.length).toBeGreaterThan(length);
  });
});

describe("an event's text", () => {
  it("is one line of data, whatever the data holds", () => {
    const text = eventText({ event: "update", id: "12", data: { text: "a\nb\r\n\ndata: c" } });
    expect(text).toBe('event: update\nid: 12\ndata: {"text":"a\\nb\\r\\n\\ndata: c"}\n\n');
    expect(eventText({ event: "x", id: undefined, data: 1 })).toBe("event: x\ndata: 1\n\n");
  });

  it.each([
    ["1764432000000", 1_764_432_000_000],
    ["", 0],
    [undefined, 0],
    [null, 0],
    ["-1", 0],
    ["1e9", 0],
    ["12345678901234567890", 0],
  ])("takes the last id %j as %i", (text, time) => {
    expect(lastTime(text)).toBe(time);
  });
});
