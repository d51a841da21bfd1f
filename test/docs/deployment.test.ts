/** The examples of docs/deploy.md that are no TypeScript, as far as a machine without systemd and Kubernetes can check them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";

import { clusterDefaults } from "../../src/cluster/defaults.ts";
import { ServerConfig } from "../../src/config/server-config.ts";

import { codeBlocks } from "./code-blocks.ts";
import { root } from "./compile.ts";

const blocks = codeBlocks(readFileSync(join(root, "docs/deploy.md"), "utf8"), "docs/deploy.md");

function example(name: string): string {
  const found = blocks.find(({ words }) => words.includes(`file=${name}`));
  if (found === undefined) throw new Error(`docs/deploy.md has no example ${name}`);
  return found.code;
}

/** Seconds that a cluster takes at most to end, with the default options. */
const endsWithin = (clusterDefaults.closeTimeout + clusterDefaults.exitTimeout) / 1000;

const environmentNames = Object.keys(ServerConfig.create().values).map(
  (name) => `WT_${name.replaceAll(/[A-Z]/g, "_$&").toUpperCase()}`,
);

/** Directives of systemd.unit(5), systemd.service(5), systemd.exec(5) and systemd.kill(5) that the example may use. */
const directives: Readonly<Record<string, readonly string[]>> = {
  Unit: ["Description", "After", "Wants"],
  Service: [
    ...["Type", "ExecStart", "ExecReload", "WorkingDirectory", "Environment", "LoadCredential", "DynamicUser"],
    ...["AmbientCapabilities", "CapabilityBoundingSet", "KillMode", "KillSignal", "TimeoutStopSec", "Restart"],
    ...["RestartSec", "LimitNOFILE", "NoNewPrivileges", "PrivateTmp", "ProtectSystem", "ProtectHome"],
  ],
  Install: ["WantedBy"],
};

interface Entry {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

function entriesOf(ini: string): Entry[] {
  const entries: Entry[] = [];
  let section = "";
  for (const line of ini.split("\n").filter((text) => text !== "" && !text.startsWith("#"))) {
    const header = /^\[(\w+)\]$/.exec(line)?.[1];
    if (header !== undefined) {
      section = header;
      continue;
    }
    const [, name, value] = /^([\w.]+) ?= ?(.+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`no assignment: ${line}`);
    entries.push({ section, name, value });
  }
  return entries;
}

describe("the systemd unit", () => {
  const unit = example("webtransport.service");
  const entries = entriesOf(unit);
  const valueOf = (name: string): string => entries.find((entry) => entry.name === name)?.value ?? "";

  it("has known directives only, in their sections", () => {
    for (const { section, name } of entries) expect(directives[section]).toContain(name);
  });

  it("gives the cluster the time that it needs, and tells its main process alone", () => {
    expect(Number(valueOf("TimeoutStopSec"))).toBeGreaterThan(endsWithin);
    expect(valueOf("KillMode")).toBe("mixed");
    expect(valueOf("ExecReload")).toContain("-HUP $MAINPID");
  });

  it("sets options that there are", () => {
    const names = entries.flatMap(({ name, value }) =>
      name === "Environment" ? [...value.matchAll(/(WT_\w+)=/g)] : [],
    );
    expect(names.length).toBe(4);
    for (const [, name] of names) expect(environmentNames).toContain(name);
  });

  it("is accepted by systemd, where there is one", () => {
    const folder = mkdtempSync(join(tmpdir(), "unit-"));
    try {
      const path = join(folder, "webtransport.service");
      writeFileSync(path, unit.replace("/usr/bin/node", process.execPath));
      const { error, stderr, status } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
      const isMissing = (error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
      expect(isMissing ? { stderr: "", status: 0 } : { stderr, status }).toEqual({ stderr: "", status: 0 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("the kernel's settings", () => {
  it("are larger than what a server asks for", () => {
    const entries = entriesOf(example("/etc/sysctl.d/60-webtransport.conf"));
    expect(entries.map(({ name }) => name)).toEqual(["net.core.rmem_max", "net.core.wmem_max"]);
    for (const { value } of entries) expect(Number(value)).toBeGreaterThanOrEqual(2 * 1024 * 1024);
  });
});

describe("the Dockerfile", () => {
  it("has known instructions, opens a UDP port, and lets signals reach the program", () => {
    const lines = example("Dockerfile")
      .split("\n")
      .filter((line) => !line.startsWith("#"));
    const known = ["FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "EXPOSE", "STOPSIGNAL", "CMD"];
    for (const line of lines) expect(known).toContain(line.split(" ")[0]);
    const port = /^EXPOSE (\d+)\/udp$/m.exec(lines.join("\n"))?.[1];
    expect(lines.find((line) => line.startsWith("ENV"))).toContain(`WT_BIND_PORT=${port}`);
    const command = lines.find((line) => line.startsWith("CMD "))?.slice("CMD ".length);
    expect(JSON.parse(command ?? "")).toEqual(["node", "main.js"]);
  });
});

interface Port {
  readonly name: string;
  readonly protocol: string;
  readonly containerPort?: number;
  readonly targetPort?: string;
}

interface Container {
  readonly ports: readonly Port[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly volumeMounts: readonly { readonly name: string }[];
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly readinessProbe: { readonly httpGet: { readonly port: string } };
  readonly livenessProbe: { readonly httpGet: { readonly port: string } };
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
}

interface Deployment {
  readonly kind: "Deployment";
  readonly spec: {
    readonly selector: { readonly matchLabels: object };
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
  };
}

interface Service {
  readonly kind: "Service";
  readonly spec: { readonly selector: object; readonly ports: readonly Port[] };
}

describe("the Kubernetes objects", () => {
  const documents = parseAllDocuments(example("webtransport.yaml"), { strict: true, uniqueKeys: true });
  const [deployment, service] = documents.map((document) => document.toJS() as unknown) as [Deployment, Service];
  const { template, selector } = deployment.spec;
  const [container] = template.spec.containers;

  it("are YAML without a fault", () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect([deployment.kind, service.kind]).toEqual(["Deployment", "Service"]);
  });

  it("fit together: labels, ports, volumes", () => {
    expect(template.metadata.labels).toEqual(selector.matchLabels);
    expect(service.spec.selector).toEqual(selector.matchLabels);
    const ports = new Map(container!.ports.map((port) => [port.name, port]));
    for (const { targetPort = "", protocol } of service.spec.ports) {
      expect(protocol).toBe("UDP");
      expect(ports.get(targetPort)?.protocol).toBe("UDP");
    }
    for (const probe of [container!.readinessProbe, container!.livenessProbe]) {
      expect(ports.get(probe.httpGet.port)?.protocol).toBe("TCP");
    }
    expect(template.spec.volumes.map(({ name }) => name)).toEqual(container!.volumeMounts.map(({ name }) => name));
    expect(ports.get("webtransport")?.containerPort).toBe(ServerConfig.create().values.bindPort);
  });

  it("give the cluster the time that it needs to end", () => {
    const pause = container!.lifecycle.preStop.sleep.seconds;
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(pause + endsWithin);
  });

  it("set options that there are, with values that are allowed", () => {
    const environment = Object.fromEntries(container!.env.map(({ name, value }) => [name, value]));
    for (const name of Object.keys(environment)) expect(environmentNames).toContain(name);
    expect(ServerConfig.fromEnvironment("WT_", environment).values).toMatchObject({ certificateReload: true });
  });
});
