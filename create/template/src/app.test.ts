import assert from "node:assert/strict";
import { test } from "node:test";

import { createTestPair } from "tswebtransport/testing";

import createApp from "./app.ts";

test("/shout answers in capital letters", async () => {
  const pair = await createTestPair(createApp());
  const session = await pair.connect("/shout");
  const stream = await session.createBidirectionalStream();
  await stream.writeAll("hello\n");
  assert.equal(new TextDecoder().decode(await stream.readAll()), "HELLO!");
  await pair.close();
});

test("other paths are refused", async () => {
  const pair = await createTestPair(createApp());
  await assert.rejects(pair.connect("/nowhere"), { name: "HttpError", status: 404 });
  await pair.close();
});
