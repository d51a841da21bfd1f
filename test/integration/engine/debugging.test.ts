import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { nativeUnderTest } from "../../conformance/engine/native-under-test.ts";
import { withWorld } from "../../conformance/engine/with-world.ts";
import { bytes, openStream } from "../../conformance/engine/world.ts";
import type { Ends } from "../../conformance/engine/world.ts";

const native = nativeUnderTest("uv");
const keyLogLine =
  /^(CLIENT_HANDSHAKE_TRAFFIC_SECRET|SERVER_HANDSHAKE_TRAFFIC_SECRET|CLIENT_TRAFFIC_SECRET_0|SERVER_TRAFFIC_SECRET_0|EXPORTER_SECRET) [0-9a-f]{64} [0-9a-f]{64,96}$/;

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "qlog-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe("keyLog", () => {
  it(
    "gets the same secrets in either role",
    withWorld(native, async (world) => {
      const [client, server]: [string[], string[]] = [[], []];
      await world.pair({
        clientTransport: { keyLog: (line) => client.push(line) },
        serverTransport: { keyLog: (line) => server.push(line) },
      });
      for (const line of [...client, ...server]) expect(line).toMatch(keyLogLine);
      expect(client.length).toBeGreaterThanOrEqual(5);
      expect(server.sort()).toEqual(client.sort());
    }),
  );

  it(
    "gets the lines of one role only, when the other has none",
    withWorld(native, async (world) => {
      const lines: string[] = [];
      await world.pair({ serverTransport: { keyLog: (line) => lines.push(line) } });
      expect(lines.length).toBeGreaterThanOrEqual(5);
    }),
  );
});

describe("qlogDirectory", () => {
  it(
    "gets one file per connection and role, named after the first connection id",
    withWorld(native, async (world) => {
      const transport = { qlogDirectory: directory };
      const ends = await world.pair({ clientTransport: transport, serverTransport: transport });
      const address = ends.server.endpoint.localAddress;
      const second = world.connect(ends.client.endpoint, address);
      await second.events.first("connected");
      await exchange(ends);
      await Promise.all([ends.client.endpoint.close(0n, ""), ends.server.endpoint.close(0n, "")]);
      const files = readdirSync(directory).sort();
      expect(files).toHaveLength(4);
      for (const file of files) {
        const [, connection = "", role = ""] = /^([0-9a-f]{16,40})_(client|server)\.sqlog$/.exec(file) ?? [];
        expect(files).toContain(`${connection}_${role === "client" ? "server" : "client"}.sqlog`);
        const [header, ...events] = recordsOf(join(directory, file));
        expect(header).toMatchObject({
          qlog_version: "0.3",
          qlog_format: "JSON-SEQ",
          title: `tswebtransport ${role}`,
          trace: { vantage_point: { type: role } },
        });
        const names = new Set(events.map((event) => event["name"]));
        expect([...names]).toEqual(
          expect.arrayContaining(["transport:packet_sent", "transport:packet_received", "recovery:metrics_updated"]),
        );
        const times = events.map((event) => event["time"] as number);
        expect(times).toEqual(times.toSorted((left, right) => left - right));
        // RFC 9002 §6.2.2: 333 ms before anything is measured.
        const [metrics] = events.filter(({ name }) => name === "recovery:metrics_updated");
        expect(metrics?.["data"]).toMatchObject({ smoothed_rtt: 333, latest_rtt: 333 });
        // What qvis needs to plot a packet.
        for (const event of events.filter(({ name }) => name === "transport:packet_sent")) {
          expect(event["data"]).toEqual({
            header: expect.objectContaining({
              packet_type: expect.stringMatching(/^(initial|handshake|1RTT)$/) as string,
              packet_number: expect.any(Number) as number,
            }) as object,
            raw: { length: expect.any(Number) as number },
          });
        }
      }
    }),
  );

  it(
    "that cannot be written to is an invalid option",
    withWorld(native, async (world) => {
      const file = join(directory, "file");
      writeFileSync(file, "");
      for (const qlogDirectory of [join(directory, "absent"), file]) {
        await expect(world.endpoint({ transport: { qlogDirectory } })).rejects.toMatchObject({
          name: "EngineError",
          code: "invalid-option",
          message: expect.stringContaining(qlogDirectory) as string,
        });
      }
      expect(readdirSync(directory)).toEqual(["file"]);
    }),
  );
});

async function exchange({ client, server }: Ends): Promise<void> {
  const streamId = openStream(client.quic, "bidirectional");
  client.quic.write(streamId, bytes("hello"), true);
  await server.events.until(() => server.events.hasFin(streamId));
}

/** RFC 7464: each JSON text stands between a record separator and a line feed. */
function recordsOf(file: string): Record<string, unknown>[] {
  const [before, ...texts] = readFileSync(file, "utf8").split("\u001e");
  expect(before).toBe("");
  return texts.map((text) => JSON.parse(text) as Record<string, unknown>);
}
