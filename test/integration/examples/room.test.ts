import { randomBytes } from "node:crypto";
import { HttpError } from "tswebtransport";
import { createTestPair } from "tswebtransport/testing";
import type { TestPair } from "tswebtransport/testing";
import { afterEach, describe, expect, it } from "vitest";

import { CloseCode, MAX_TEXT, decodeCursors, encodeCursor } from "../../../examples/room/page/protocol.js";
import { createRoomApp } from "../../../examples/room/room-app.mjs";
import type { RoomAppOptions } from "../../../examples/room/room-app.mjs";
import { TOKEN_LIFETIME, issueToken } from "../../../examples/room/token.mjs";

import { Guest } from "./guest.ts";

const secret = randomBytes(32);

describe("the example's room", () => {
  let pair: TestPair | undefined;
  /** Lines of the log that are no refusals and no accesses. */
  const failures: string[] = [];

  async function start(options: Omit<RoomAppOptions, "secret"> = {}): Promise<TestPair> {
    const fail = (_: object, message: string): void => void failures.push(message);
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: fail };
    pair = await createTestPair(createRoomApp({ secret, config: { logger, ...options.config }, ...options }));
    return pair;
  }

  /** Enters, and takes the welcome. */
  async function enter(name: string, room?: string): Promise<Guest> {
    const guest = await Guest.named(pair!, secret, name, room);
    expect(await guest.next()).toMatchObject({ type: "welcome" });
    return guest;
  }

  async function statusOf(path: string): Promise<number | undefined> {
    const outcome = await pair!.connect(path, { maxRetries: 0 }).catch((error: unknown) => error);
    return outcome instanceof HttpError ? outcome.status : undefined;
  }

  afterEach(async () => {
    await pair?.close();
    expect(failures.splice(0)).toEqual([]);
  });

  it("tells everybody who comes, what is said, and who goes", async () => {
    await start();
    const ada = await enter("Ada");
    const bob = await Guest.named(pair!, secret, "Bob");
    const members = [
      { id: 1, name: "Ada" },
      { id: 2, name: "Bob" },
    ];
    expect(await bob.next()).toEqual({ type: "welcome", you: 2, members });
    expect(await ada.next()).toEqual({ type: "joined", id: 2, name: "Bob" });
    await bob.say("hello");
    for (const guest of [ada, bob]) {
      expect(await guest.next()).toEqual({ type: "chat", id: 2, name: "Bob", text: "hello" });
    }
    await bob.session.close();
    expect(await ada.next()).toEqual({ type: "left", id: 2 });
    ada.stream.finish();
    expect(await ada.dismissal()).toBe(CloseCode.GOODBYE);
  });

  it("keeps rooms apart, and forgets an empty one", async () => {
    await start();
    const ada = await enter("Ada", "one");
    const bob = await Guest.named(pair!, secret, "Bob", "two");
    expect(await bob.next()).toMatchObject({ members: [{ name: "Bob" }] });
    await ada.session.close();
    const cleo = await Guest.named(pair!, secret, "Cleo", "one");
    expect(await cleo.next()).toEqual({ type: "welcome", you: 1, members: [{ id: 1, name: "Cleo" }] });
  });

  it("passes the newest cursor on to the others, by datagram", async () => {
    await start();
    const [ada, bob] = [await enter("Ada"), await enter("Bob")];
    const point = async (sequence: number): Promise<void> => {
      await ada.session.datagrams.send(encodeCursor({ sequence, x: 100 * sequence, y: 65_535 }));
    };
    const seen: number[] = [];
    const sees = async (sequence: number): Promise<void> => {
      while (seen.at(-1) !== sequence) {
        const [cursor, ...others] = decodeCursors((await bob.session.datagrams.receive())!);
        expect(cursor).toMatchObject({ id: 1, x: 100 * cursor!.sequence, y: 65_535 });
        expect(others).toEqual([]);
        seen.push(cursor!.sequence);
      }
    };
    for (const sequence of [1, 3, 2]) await point(sequence);
    await ada.session.datagrams.send("no cursor");
    await sees(3);
    await point(4);
    await sees(4);
    expect(seen).not.toContain(2);
    expect(ada.session.datagrams.tryReceive()).toBeUndefined();
  });

  it("admits with a token only: in the query, or in a header", async () => {
    await start();
    const token = issueToken("Ada", secret);
    expect(await statusOf("/rooms/lobby")).toBe(401);
    expect(await statusOf("/rooms/lobby?token=nonsense")).toBe(401);
    expect(await statusOf(`/rooms/lobby?token=${issueToken("Ada", randomBytes(32))}`)).toBe(401);
    const [head, , signature] = token.split(".");
    const [, other] = issueToken("Bob", secret).split(".");
    expect(await statusOf(`/rooms/lobby?token=${[head, other, signature].join(".")}`)).toBe(401);
    const expired = issueToken("Ada", secret, Date.now() - TOKEN_LIFETIME * 1000);
    expect(await statusOf(`/rooms/lobby?token=${expired}`)).toBe(401);
    const session = await pair!.connect("/rooms/lobby", { headers: { authorization: `Bearer ${token}` } });
    expect(session.isReady).toBe(true);
  });

  it("refuses joins over the rate with 429, and rooms of other names with 404", async () => {
    await start({ joins: 2 });
    const token = issueToken("Ada", secret);
    expect(await statusOf(`/rooms/No_Room?token=${token}`)).toBe(404);
    expect(await statusOf("/rooms/lobby")).toBe(401);
    expect(await statusOf(`/rooms/lobby?token=${token}`)).toBe(429);
  });

  it("gives a name to one user only, who may come again", async () => {
    await start();
    const token = issueToken("Ada", secret);
    const first = await Guest.enter(pair!, token);
    await first.next();
    const other = await pair!.connect(`/rooms/lobby?token=${issueToken("ADA", secret)}`);
    expect(await other.closed).toMatchObject({ code: CloseCode.NAME_TAKEN });
    const bob = await enter("Bob");
    const again = await Guest.enter(pair!, token);
    expect(await first.dismissal()).toBe(CloseCode.REPLACED);
    expect(await again.next()).toMatchObject({ you: 3, members: [{ id: 2 }, { id: 3 }] });
    expect(await bob.next()).toEqual({ type: "left", id: 1 });
    expect(await bob.next()).toEqual({ type: "joined", id: 3, name: "Ada" });
  });

  it("takes no more members than it has room for", async () => {
    await start({ limits: { members: 1 } });
    await enter("Ada");
    const bob = await pair!.connect(`/rooms/lobby?token=${issueToken("Bob", secret)}`);
    expect(await bob.closed).toMatchObject({ code: CloseCode.ROOM_FULL });
  });

  it.each([
    ["that is empty", JSON.stringify({ text: "" })],
    ["over the limit", JSON.stringify({ text: "x".repeat(MAX_TEXT + 1) })],
    ["that is no text", JSON.stringify({ text: 5 })],
    ["that is no object", "null"],
    ["that is no JSON", "hello"],
    ["without an end", "x".repeat(100_000)],
  ])("sends one away whose message is one %s", async (_, line) => {
    await start();
    const [ada, bob] = [await enter("Ada"), await enter("Bob")];
    await bob.stream.write(`${line}\n`).catch(() => {});
    expect(await bob.dismissal()).toBe(CloseCode.BAD_MESSAGE);
    await ada.next();
    expect(await ada.next()).toEqual({ type: "left", id: 2 });
  });

  it("takes the longest message there is", async () => {
    await start();
    const ada = await enter("Ada");
    await ada.say("\u0001".repeat(MAX_TEXT));
    expect(await ada.next()).toMatchObject({ text: "\u0001".repeat(MAX_TEXT) });
  });

  it("sends one away who does not read, and lets nobody wait for it", async () => {
    await start({ limits: { chatBacklog: 4096, chatInterval: 0 } });
    const [slow, ada, bob] = [await enter("Slow"), await enter("Ada"), await enter("Bob")];
    const text = "x".repeat(MAX_TEXT);
    const told = new Set<string>();
    // Each message is read by the others before the next is said: what waits, waits for the slow one.
    while (!told.has("left")) {
      await ada.say(text);
      for (const guest of [ada, bob]) {
        let message = await guest.next();
        for (; message.type !== "chat"; message = await guest.next()) told.add(message.type);
      }
    }
    expect(await slow.dismissal()).toBe(CloseCode.TOO_SLOW);
    expect([ada, bob].map(({ session }) => session.isReady)).toEqual([true, true]);
  });

  it("reads one member's chat no faster than the pace allows", async () => {
    await start({ limits: { chatInterval: 3_600_000, chatBurst: 2 } });
    const [ada, bob] = [await enter("Ada"), await enter("Bob")];
    for (const text of ["one", "two", "three"]) await ada.say(text);
    await bob.say("mine");
    await ada.next();
    const texts = [await ada.next(), await ada.next(), await ada.next()].map(
      (message) => "text" in message && message.text,
    );
    expect(texts.sort()).toEqual(["mine", "one", "two"]);
  });
});
