import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

import { describe, expect, it } from "vitest";

import { ServerCluster } from "../../../src/cluster/cluster.ts";
import { appModuleUrl } from "../../../src/cluster/workers/app-module.ts";
import { slotsFor } from "../../../src/cluster/workers/check-configs.ts";
import { crossingConfig } from "../../../src/cluster/workers/config-crossing.ts";
import { ServerConfig } from "../../../src/config/server-config.ts";
import type { ServerConfigOptions } from "../../../src/config/server-config.ts";
import { ConfigurationError } from "../../../src/errors/errors.ts";

const app = "./app.js";

function faultOf(configs: readonly ServerConfigOptions[], options: object): ConfigurationError {
  try {
    new ServerCluster(configs, options);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return error as ConfigurationError;
  }
  throw new Error("nothing was refused");
}

describe("new ServerCluster()", () => {
  it.each([
    [{ steering: "hash" }, "steering", "must be one of bpf, forward"],
    [{ slots: 0 }, "slots", "must be an integer from 1 to 256"],
    [{ slots: 257 }, "slots", "must be an integer from 1 to 256"],
    [{ startTimeout: -1 }, "startTimeout", "must be an integer"],
    [{ maxCrashes: 0 }, "maxCrashes", "must be an integer from 1 to 1000"],
    [{ replaceHung: "yes" }, "replaceHung", "must be true or false"],
    [{ app: 7 }, "app", "must be a URL or a path"],
    [{ app: "" }, "app", "must be a URL or a path"],
    [{ app: "file://[" }, "app", "must be a file: URL or a path"],
    [{ app: "https://example.com/app.js" }, "app", "must be a file: URL or a path"],
    [{ execArgv: [1] }, "execArgv", "item 0 must be a string"],
    [{ workers: 2 }, "workers", "is not an option of ServerCluster"],
    [{ hangTimeOut: 2 }, "hangTimeOut", "did you mean hangTimeout?"],
  ])("refuses %o at the call", (options, key, text) => {
    const fault = faultOf([], { ...options });
    expect(fault.configKey).toBe(key);
    expect(fault.message).toContain(text);
  });

  it("refuses one port with two hosts, with `app`", () => {
    const fault = faultOf(
      [
        { bindHost: "localhost", bindPort: 4433 },
        { bindHost: "127.0.0.1", bindPort: 4433 },
      ],
      { app },
    );
    expect(fault.configKey).toBe("bindHost");
    expect(fault.message).toContain('another has "localhost"');
  });

  it("allows port 0 with two hosts: they are two ports", () => {
    const configs = [
      { bindHost: "127.0.0.1", bindPort: 0 },
      { bindHost: "::1", bindPort: 0 },
    ];
    expect(new ServerCluster(configs, { app }).isRunning).toBe(false);
  });

  it("takes as many workers as slots of each port that is picked", () => {
    const configs = ["127.0.0.1", "::1"].map((bindHost) => ({ bindHost, bindPort: 0 }));
    expect(() => new ServerCluster(configs, { app, slots: 1 })).not.toThrow();
    expect(faultOf([...configs, ...configs], { app, slots: 1 }).configKey).toBe("slots");
  });

  it("refuses more workers of a port than slots", () => {
    const fault = faultOf([{}, {}, {}], { app, slots: 2 });
    expect(fault.configKey).toBe("slots");
    expect(fault.message).toContain(
      "needs at least as many slots: 3 configurations have bindPort 4433: current value is 2",
    );
  });

  it("refuses what cannot be sent to another process, naming the option", () => {
    for (const [key, options] of [
      ["logger", { logger: console }],
      ["middleware", { middleware: [() => true] }],
      ["keylog", { keylog: () => {} }],
    ] as const) {
      const fault = faultOf([options], { app });
      expect(fault.configKey).toBe(key);
      expect(fault.message).toContain("set it in the app's module");
    }
    expect(new ServerCluster([{ logger: console }]).getServerCount()).toBe(0);
  });
});

describe("ServerCluster.forEachCore()", () => {
  it("refuses numbers of workers that no cluster can have, and a missing app", () => {
    for (const workers of [0, 257, 1.5, Number.NaN]) {
      expect(() => ServerCluster.forEachCore({}, { app, workers })).toThrow(/workers must be an integer from 1 to 256/);
    }
    expect(() => ServerCluster.forEachCore({}, {} as { app: string })).toThrow(/app is needed/);
  });
});

describe("appModuleUrl()", () => {
  it("takes URLs and paths", () => {
    const url = pathToFileURL(resolve("dir/app.js")).href;
    for (const module of ["dir/app.js", "./dir/app.js", resolve("dir/app.js"), url, new URL(url)]) {
      expect(appModuleUrl(module)).toBe(url);
    }
  });

  it("refuses TypeScript exactly where Node cannot run it", () => {
    const runs = Boolean((process.features as { typescript?: unknown }).typescript);
    const load = (execArgv: readonly string[]) => () => appModuleUrl("app.ts", execArgv);
    if (runs) expect(load([])()).toMatch(/app\.ts$/);
    else expect(load([])).toThrow(/is TypeScript, which Node .* cannot run: use Node 22\.18 or newer/);
    expect(load(["--import", "tsx"])()).toMatch(/app\.ts$/);
  });
});

describe("crossingConfig()", () => {
  it("has what differs from the defaults, as data of its own", () => {
    const authorities = ["example.com"];
    const config = ServerConfig.create({ bindPort: 1, authorities, logLevel: "warn", maxSessions: 10_000 });
    expect(crossingConfig(config)).toEqual({ bindPort: 1, authorities, logLevel: "warn" });
    expect(ServerConfig.create(crossingConfig(config)).values).toEqual(config.values);
  });
});

describe("slotsFor()", () => {
  it("leaves room for every worker's successor, and for two at least", () => {
    expect([1, 2, 4, 200].map(slotsFor)).toEqual([3, 4, 8, 256]);
  });
});
