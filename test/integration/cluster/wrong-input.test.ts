import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { CertificateError } from "../../../src/errors/errors.ts";

import { ClusterWorld, fixture } from "./cluster-world.ts";
import type { WorldOptions } from "./cluster-world.ts";

/** The causes for which a cluster of two could not start. Nothing of it may be left. */
async function causesOf(options: WorldOptions): Promise<Error[]> {
  await using world = new ClusterWorld(options);
  const error: unknown = await world.cluster.startAll().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AggregateError);
  expect([world.cluster.isRunning, world.cluster.getServerCount()]).toEqual([false, 0]);
  const { errors, message } = error as AggregateError;
  expect(message).toBe(`${errors.length} of 2 servers could not start`);
  return errors as Error[];
}

const syntaxFault = `data:text/javascript,${encodeURIComponent(readFileSync(fixture("syntax.txt"), "utf8"))}`;

describe("a cluster that cannot start rejects with every cause", () => {
  it.each([
    ["a module that does not exist", fixture("nowhere.mjs"), /Cannot find module/],
    ["a module that is no JavaScript", syntaxFault, /Unexpected token/],
    ["a module that throws", fixture("throws.mjs"), /it throws when it is loaded/],
    ["a module without a default export", fixture("no-default.mjs"), /has no default export: it must be a ServerApp/],
    ["a default export that makes no app", fixture("no-app.mjs"), /Cannot use what the default export of .* returns/],
    [
      "a default export that makes half an app",
      fixture("half-app.mjs"),
      /Cannot use what the default export of .* returns/,
    ],
    ["a default export that rejects", fixture("rejects.mjs"), /it makes no app/],
    ["a module that ends its process", fixture("exits.mjs"), /its process has ended \(exit code 7\)/],
    ["a startup hook that throws", fixture("hook.mjs"), /no database/],
  ])("of %s", async (_, app, text) => {
    const causes = await causesOf({ app });
    expect(causes).toHaveLength(2);
    for (const cause of causes) {
      expect(cause).toMatchObject({ name: "ServerError" });
      expect(cause.message).toMatch(/^Cannot start a worker: /);
      expect(cause.message).toMatch(text);
    }
  });

  it.each([
    ["a module that never ends loading", fixture("never.mjs")],
    ["an app that never listens", fixture("never-listens.mjs")],
  ])("of %s, after startTimeout", async (_, app) => {
    const causes = await causesOf({ app, startTimeout: 500 });
    expect(causes.map(({ message }) => message)).toEqual(
      Array.from({ length: 2 }, () => "Cannot start a worker: The server does not listen after 500 ms (startTimeout)"),
    );
  });

  it("of a certificate that cannot be read, as the worker says it", async () => {
    const { certfile, keyfile } = { certfile: "/nowhere/cert.pem", keyfile: "/nowhere/key.pem" };
    await using world = new ClusterWorld();
    const cluster = new ClusterWorld({ workers: 1 }).cluster;
    expect(cluster.isRunning).toBe(false);
    const server = await world.cluster
      .addServer({ bindHost: "127.0.0.1", bindPort: 0, certfile, keyfile })
      .then(() => world.cluster.startAll())
      .catch((reason: unknown) => reason);
    const { errors } = server as AggregateError;
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ cause: { name: CertificateError.name } });
    expect((errors[0] as Error).message).toContain("/nowhere/cert.pem");
  });

  it("of a port that another program has", async () => {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    try {
      const causes = await causesOf({ config: { bindPort: socket.address().port } });
      expect(causes).toHaveLength(1);
      expect(causes[0]).toMatchObject({ name: "ServerError", code: "ERR_WT_ADDRESS_IN_USE" });
      expect(causes[0]!.message).toMatch(/is in use\. End the program that has it, or choose another port/);
    } finally {
      socket.close();
    }
  });

  it("of a port that another program has, though it shares it (SO_REUSEPORT)", async () => {
    const socket = createSocket({ type: "udp4", reusePort: true } as Parameters<typeof createSocket>[0] & object);
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    try {
      const causes = await causesOf({ config: { bindPort: socket.address().port } });
      expect(causes[0]).toMatchObject({ code: "ERR_WT_ADDRESS_IN_USE" });
    } finally {
      socket.close();
    }
  });
});
