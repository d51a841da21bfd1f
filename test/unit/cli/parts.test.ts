import { describe, expect, it } from "vitest";

import { typeScriptFlags } from "../../../src/cli/apps/typescript.ts";
import { LiveTable, benchLines } from "../../../src/cli/bench/bench-table.ts";
import { Latencies } from "../../../src/cli/bench/latencies.ts";
import { certificateHint, certificateRemedy } from "../../../src/cli/certificate-hints.ts";
import { urlOf } from "../../../src/cli/client-options.ts";
import { closeText, dataText, typedData } from "../../../src/cli/connect/session-texts.ts";
import { isBlockedPort } from "../../../src/cli/doctor/blocked-ports.ts";
import { problemOf } from "../../../src/cli/doctor/finding.ts";
import { clockFinding, nodeFinding } from "../../../src/cli/doctor/machine-checks.ts";
import { clockFindings } from "../../../src/cli/doctor/server-checks.ts";
import { UsageError } from "../../../src/cli/usage-error.ts";
import { Terminal } from "../../../src/cli/terminal/terminal.ts";
import { CertificateError } from "../../../src/errors/errors.ts";

describe("typeScriptFlags()", () => {
  const facts = { version: "20.20.2", runsTypeScript: false, tsx: undefined };

  it("needs none for JavaScript, and where TypeScript runs by itself", () => {
    expect(typeScriptFlags("app.js", facts)).toEqual([]);
    expect(typeScriptFlags("app.mjs", facts)).toEqual([]);
    expect(typeScriptFlags("app.ts", { ...facts, runsTypeScript: true })).toEqual([]);
  });

  it("lets Node 22.6 to 22.17 strip types, and older ones use the app's tsx", () => {
    expect(typeScriptFlags("app.ts", { ...facts, version: "22.6.0" })).toContain("--experimental-strip-types");
    expect(typeScriptFlags("app.mts", { ...facts, tsx: "/app/node_modules/tsx/loader.mjs" })).toEqual([
      "--import",
      "file:///app/node_modules/tsx/loader.mjs",
    ]);
  });

  it("says what to do when nothing can run it", () => {
    expect(() => typeScriptFlags("app.ts", facts)).toThrow(/Node 20\.20\.2 does not run TypeScript\. Install tsx/);
    expect(() => typeScriptFlags("app.ts", { ...facts, version: "22.5.0" })).toThrow(/Install tsx/);
  });
});

describe("Latencies", () => {
  it("gives percentiles by the nearest rank", () => {
    const latencies = new Latencies();
    expect(latencies.summary()).toBeUndefined();
    for (let sample = 100; sample >= 1; sample -= 1) latencies.add(sample);
    expect(latencies.count).toBe(100);
    expect(latencies.summary()).toEqual({ min: 1, p50: 50, p90: 90, p99: 99, max: 100 });
  });

  it("is one sample's own when there is one", () => {
    const latencies = new Latencies();
    latencies.add(3);
    expect(latencies.summary()).toEqual({ min: 3, p50: 3, p90: 3, p99: 3, max: 3 });
  });
});

describe("benchLines()", () => {
  it("has rates, percentiles, losses and failures", () => {
    const run = async () => ({ count: 0, seconds: 0 });
    const latency = { min: 1, p50: 1, p90: 2, p99: 30, max: 40 };
    const lines = benchLines([
      {
        measurement: { title: "datagrams", unit: "datagrams", run },
        outcome: { count: 900, sent: 1000, seconds: 2, latency },
      },
      { measurement: { title: "upload", unit: "bytes", run }, outcome: { count: 1e9, seconds: 2 } },
      { measurement: { title: "streams", unit: "streams", run }, failure: "no answer" },
    ]);
    expect(lines[1]).toMatch(/^datagrams +450 \/s +1\.00 ms +2\.00 ms +30\.0 ms +40\.0 ms +10\.0 % lost$/);
    expect(lines[2]).toMatch(/^upload +4000 Mbit\/s$/);
    expect(lines[3]).toMatch(/^streams +failed +no answer$/);
  });

  it("leaves latencies out where there is no room", () => {
    const run = async () => ({ count: 0, seconds: 0 });
    const latency = { min: 1, p50: 1, p90: 2, p99: 30, max: 40 };
    const rows = [
      { measurement: { title: "latency", unit: "round trips", run }, outcome: { count: 900, seconds: 2, latency } },
    ] as const;
    expect(benchLines(rows, 40)).toEqual(["         result      p50      p99", "latency  450 /s  1.00 ms  30.0 ms"]);
    expect(benchLines(rows, 10)).toEqual(["         result", "latency  450 /s"]);
  });
});

describe("LiveTable", () => {
  const run = async () => ({ count: 0, seconds: 0 });
  const rows = [{ measurement: { title: "latency", unit: "round trips", run } }] as const;

  function drawn(size: { columns: number; rows: number }, whileItGrows: (size: { rows: number }) => void): string {
    let text = "";
    const output = { isTTY: true, ...size, write: (more: string | Uint8Array) => (text += String(more)) };
    const table = new LiveTable(new Terminal(output, output, { NO_COLOR: "1" }), () => rows);
    whileItGrows(output);
    table.end();
    return text;
  }

  it("moves up to draw the table again", () => {
    expect(drawn({ columns: 80, rows: 24 }, () => {})).toMatch(/\[2A[^]*latency/);
  });

  it("waits for the end where the terminal is too low, because its first lines would have left the screen", () => {
    const text = drawn({ columns: 80, rows: 2 }, () => {});
    expect(text).not.toMatch(/\[\d+A/);
    expect(text.match(/latency/g)).toHaveLength(1);
  });

  it("writes the table anew below one that the terminal has become too low for", () => {
    const text = drawn({ columns: 80, rows: 24 }, (size) => {
      size.rows = 2;
    });
    expect(text).not.toMatch(/\[\d+A/);
    expect(text.match(/latency/g)).toHaveLength(2);
  });
});

describe("what helps with a certificate that was refused", () => {
  const refused = (certificateError: string, by = "local"): CertificateError =>
    new CertificateError("refused", { code: "ERR_WT_CERTIFICATE_REFUSED", certificateError, details: { by } });

  it("is an option of the command", () => {
    expect(certificateHint(refused("its authority is unknown"))).toMatch(/--hash SHA256 .*--ca FILE.*--insecure/);
    expect(certificateHint(refused("it is not for this name"))).toContain("--server-name NAME");
    expect(certificateHint(refused("it has expired"))).toBe("With this command: --insecure, for a test only");
    expect(certificateHint(refused("its authority is unknown to the server", "peer"))).toContain("--cert FILE");
    expect(certificateHint(new CertificateError("unreadable"))).toBeUndefined();
  });

  it("is told for a page and a program, too, where the certificate can be trusted as it is", () => {
    const remedy = certificateRemedy(refused("its authority is unknown"), "Trust the authority with the option ca");
    expect(remedy).toMatch(/^With this command: --hash .*\. In a browser's page: .*serverCertificateHashes/);
    expect(remedy).toMatch(/In a program: trust the authority with the option ca$/);
    expect(certificateRemedy(refused("it has expired"), "Renew it")).toBe(
      "Renew it. With this command: --insecure, for a test only",
    );
  });
});

describe("urlOf()", () => {
  it("completes what has no scheme, and refuses other ones", () => {
    expect(urlOf("localhost:4433/echo").href).toBe("https://localhost:4433/echo");
    expect(urlOf("https://example.com/a?b=c").href).toBe("https://example.com/a?b=c");
    expect(() => urlOf("http://example.com")).toThrow('begins with https:, not "http:"');
    expect(() => urlOf("https://")).toThrow("is no URL");
    for (const text of ["localhost:0", "https://user:secret@localhost", "https://localhost/#x", "localhost:99999"]) {
      expect(() => urlOf(text)).toThrow(UsageError);
    }
  });
});

describe("what connect shows", () => {
  it("shows text as text and anything else as hexadecimal digits", () => {
    expect(dataText(new TextEncoder().encode("grüße\n"))).toBe("grüße");
    expect(dataText(new TextEncoder().encode("a\nb"))).toBe("a\\u000ab");
    expect(dataText(Uint8Array.of(0xff, 0))).toBe("hex:ff00 (2 bytes)");
    expect(dataText(new TextEncoder().encode("\u001B[31m"))).toBe("hex:1b5b33316d (5 bytes)");
    expect(dataText(new Uint8Array(100))).toBe(`hex:${"00".repeat(64)}… (100 bytes)`);
  });

  it("takes text and hexadecimal digits", () => {
    expect(typedData("hex:00 fF")).toEqual(Uint8Array.of(0, 255));
    expect(typedData("hex:0")).toBeUndefined();
    expect(typedData("hex:xy")).toBeUndefined();
    expect(typedData("ü")).toEqual(Uint8Array.of(0xc3, 0xbc));
  });

  it("tells how a session ended, without its peer's control characters", () => {
    expect(closeText({ clean: true, by: "peer", code: 7, reason: "\u001Bbye" })).toBe(
      'The session was closed by the server with code 7, reason "\\u001bbye"',
    );
  });
});

describe("the doctor's findings", () => {
  it("judge Node's version", () => {
    expect(nodeFinding({ node: "20.18.0" })).toMatchObject({
      severity: "problem",
      remedy: expect.stringContaining("20.19") as string,
    });
    expect(nodeFinding({ node: "20.19.0" }).severity).toBe("ok");
    expect(nodeFinding({ node: "24.0.0" }).severity).toBe("ok");
    expect(nodeFinding({ node: "24.0.0", bun: "1.3.0" }).severity).toBe("note");
  });

  it("judge the clock", () => {
    const now = Date.UTC(2030, 0, 1);
    expect(clockFinding(now, true).severity).toBe("ok");
    expect(clockFinding(now, undefined).severity).toBe("note");
    expect(clockFinding(now, false).severity).toBe("warning");
    expect(clockFinding(0, true).severity).toBe("problem");
  });

  it("compare the server's clock", () => {
    const now = Date.UTC(2030, 0, 1, 12);
    const severityOf = (date: string | null) => clockFindings(date, now)[0]?.severity;
    expect(severityOf("Tue, 01 Jan 2030 12:00:30 GMT")).toBe("ok");
    expect(severityOf("Tue, 01 Jan 2030 12:05:00 GMT")).toBe("warning");
    expect(severityOf("nonsense")).toBe("note");
    expect(severityOf(null)).toBe("note");
  });

  it("know the ports that browsers refuse", () => {
    expect([4433, 443, 8443].some(isBlockedPort)).toBe(false);
    expect([6000, 10_080, 22].every(isBlockedPort)).toBe(true);
  });

  it("cut an error into what is wrong and what to do", () => {
    expect(problemOf("x", new Error("Cannot listen on a:1: it is in use by others. End that program. Now"))).toEqual({
      id: "x",
      severity: "problem",
      text: "Cannot listen on a:1: it is in use by others",
      remedy: "End that program. Now",
    });
    expect(problemOf("x", "odd")).toEqual({ id: "x", severity: "problem", text: "odd" });
  });
});
