import { describe, expect, it } from "vitest";

import { Deferred } from "../../../../src/async/promises.ts";
import { ConnectionManager, makeConnectionLedger } from "../../../../src/server/accounts/connection-manager.ts";
import { makeSessionLedger, SessionManager } from "../../../../src/server/accounts/session-manager.ts";
import type { CloseInfo, CloseOptions, Session, SessionState } from "../../../../src/transport/types.ts";

class FakeSession {
  readonly id: string;
  readonly ended = new Deferred<CloseInfo>();
  readonly closed = this.ended.promise;
  readonly closes: CloseOptions[] = [];
  state: SessionState = "connected";
  closeError: Error | undefined;

  constructor(id: string) {
    this.id = id;
  }

  get isClosed(): boolean {
    return this.state === "closed";
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.closes.push(options);
    if (this.closeError !== undefined) return Promise.reject(this.closeError);
    this.end();
    return Promise.resolve();
  }

  end(): void {
    this.state = "closed";
    this.ended.resolve({ clean: true, code: 0, reason: "", by: "local" });
  }

  get asSession(): Session {
    return this as unknown as Session;
  }
}

/** A session that nothing may be asked. */
function untouchable(id: string): Session {
  const forbidden = (): never => {
    throw new Error("a session was looked at");
  };
  return new Proxy({ id }, { get: (target, name) => (name === "id" ? target.id : forbidden()) }) as unknown as Session;
}

const ids = (sessions: Iterable<Session>): string[] => [...sessions].map(({ id }) => id);

describe("SessionManager", () => {
  it("shows its sessions in the order of their arrival, and forgets those that have ended", async () => {
    const manager = SessionManager.create({ maxSessions: 3 });
    const sessions = ["a", "b", "c"].map((id) => new FakeSession(id));
    expect(sessions.map(({ asSession }) => manager.addSession(asSession))).toEqual(["a", "b", "c"]);
    expect(ids(manager)).toEqual(["a", "b", "c"]);
    expect(ids(manager.getAllSessions())).toEqual(["a", "b", "c"]);
    expect(manager.getSession("b")).toBe(sessions[1]);
    expect(manager.getSession("d")).toBeUndefined();
    sessions[1]!.state = "draining";
    expect(ids(manager.getSessionsByState("connected"))).toEqual(["a", "c"]);
    sessions[0]!.end();
    await sessions[0]!.closed;
    expect(ids(manager)).toEqual(["b", "c"]);
    expect(manager.getStats()).toEqual({
      totalCreated: 3,
      totalClosed: 1,
      currentCount: 2,
      maxConcurrent: 3,
      activeSessions: 2,
      states: { connected: 1, draining: 1, closing: 0 },
      maxSessions: 3,
    });
  });

  it("takes no session beyond maxSessions, none that has ended, and the same one once", () => {
    const manager = new SessionManager({ maxSessions: 1 });
    const [first, second, ended] = ["1", "2", "3"].map((id) => new FakeSession(id));
    ended!.end();
    expect(() => manager.addSession(ended!.asSession)).toThrow(/it has ended/);
    manager.addSession(first!.asSession);
    expect(manager.addSession(first!.asSession)).toBe("1");
    expect(() => manager.addSession(second!.asSession)).toThrow(
      expect.objectContaining({
        name: "SessionError",
        sessionId: "2",
        message: expect.stringMatching(/Maximum sessions \(1\) exceeded/) as unknown,
      }) as Error,
    );
    expect(manager.removeSession("1")).toBe(first);
    expect(manager.removeSession("1")).toBeUndefined();
    expect(first!.closes).toEqual([]);
    expect(manager.addSession(second!.asSession)).toBe("2");
  });

  it("takes a server's session out of sight, but not out of the count", () => {
    const ledger = makeSessionLedger();
    const manager = new SessionManager({ maxSessions: 1 }, ledger);
    const session = new FakeSession("own").asSession;
    ledger.add(session);
    expect(manager.removeSession("own")).toBe(session);
    expect(manager.sessionCount).toBe(0);
    expect(ledger.count).toBe(1);
    expect(() => manager.addSession(new FakeSession("other").asSession)).toThrow(/exceeded/);
    expect(manager.addSession(session)).toBe("own");
    expect(manager.sessionCount).toBe(1);
    manager.removeSession("own");
    ledger.remove(session);
    expect(manager.getStats()).toMatchObject({ totalCreated: 1, totalClosed: 1, currentCount: 0, maxConcurrent: 1 });
  });

  it("closes all at once, and tells of failures when every one was tried", async () => {
    const manager = new SessionManager();
    const sessions = ["a", "b", "c"].map((id) => new FakeSession(id));
    for (const { asSession } of sessions) manager.addSession(asSession);
    sessions[1]!.closeError = new Error("broken");
    expect(() => manager.closeAllSessions({ code: -1 })).toThrow(RangeError);
    await expect(manager.shutdown({ code: 7, reason: "over" })).rejects.toMatchObject({
      name: "AggregateError",
      message: "Cannot close 1 of 3 sessions",
      errors: [sessions[1]!.closeError],
    });
    expect(sessions.map(({ closes }) => closes)).toEqual(Array(3).fill([{ code: 7, reason: "over" }]));
    expect(ids(manager)).toEqual(["b"]);
    expect(() => manager.addSession(new FakeSession("d").asSession)).toThrow(/shut down/);
  });

  it("counts ten thousand sessions without a look at any", () => {
    const ledger = makeSessionLedger();
    const manager = new SessionManager({}, ledger);
    for (let count = 0; count < 10_000; count += 1) {
      ledger.add(untouchable(String(count)));
      ledger.moved(undefined, "connected");
    }
    ledger.moved("connected", "closing");
    expect(manager.getStats()).toMatchObject({
      currentCount: 10_000,
      activeSessions: 9999,
      states: { connected: 9999, draining: 0, closing: 1 },
    });
  });
});

describe("ConnectionManager", () => {
  it("tells what there is and what there was", () => {
    const manager = new ConnectionManager(5, makeConnectionLedger());
    expect([...manager]).toEqual([]);
    expect(manager.getConnection("none")).toBeUndefined();
    expect(manager.getStats()).toEqual({
      totalCreated: 0,
      totalClosed: 0,
      currentCount: 0,
      maxConcurrent: 0,
      active: 0,
      states: { connected: 0, draining: 0 },
      maxConnections: 5,
    });
  });
});
