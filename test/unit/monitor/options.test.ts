import { describe, expect, it } from "vitest";

import { ConfigurationError } from "../../../src/errors/errors.ts";
import { ServerMonitor } from "../../../src/monitor/server-monitor.ts";
import { WebTransportServer } from "../../../src/server/server.ts";
import { ServerApp } from "../../../src/server/app.ts";

import { ScriptedTarget } from "./scripted-target.ts";

const rule = { id: "mine", check: () => undefined };

describe("new ServerMonitor()", () => {
  it("takes a server, an app, and whatever fulfils a target", () => {
    for (const monitored of [new WebTransportServer(), new ServerApp(), new ScriptedTarget()]) {
      expect(ServerMonitor.create(monitored).isMonitoring).toBe(false);
    }
  });

  it.each([[undefined], [null], [{}], [{ server: {} }], ["server"]])(
    "refuses %j as what it is to watch",
    (monitored) => {
      expect(() => new ServerMonitor(monitored as never)).toThrow(ConfigurationError);
      expect(() => new ServerMonitor(monitored as never)).toThrow(
        /give a WebTransportServer, a ServerApp or a cluster/,
      );
    },
  );

  it.each<[options: object | null, message: string]>([
    [{ monitoringInterval: 0 }, "monitoringInterval must be an integer from 10 to 86400000: current value is 0"],
    [{ monitoringInterval: Infinity }, "monitoringInterval must be an integer from 10 to 86400000"],
    [{ window: -1 }, "window must be an integer from 10 to 86400000: current value is -1"],
    [{ historySize: 1 }, "historySize must be an integer from 2 to 10000: current value is 1"],
    [{ historySize: 1.5 }, "historySize must be an integer"],
    [{ interval: 5 }, "interval is not an option of ServerMonitor"],
    [{ monitorInterval: 5 }, "monitorInterval is not an option of ServerMonitor; did you mean monitoringInterval?"],
    [{ thresholds: { memry: false } }, "thresholds.memry is no alert; did you mean memory?"],
    [null, "options must be an object"],
    [{ thresholds: null }, "thresholds must be an object"],
    [{ thresholds: { memory: { degrade: 0.5 } } }, "thresholds.memory.degrade is no level"],
    [{ thresholds: { memory: 5 } }, "thresholds.memory must be false or an object of degraded and unhealthy"],
    [
      { thresholds: { memory: { degraded: "1" } } },
      "thresholds.memory.degraded must be false or a number of 0 or more",
    ],
    [
      { thresholds: { memory: { degraded: NaN } } },
      "thresholds.memory.degraded must be false or a number of 0 or more",
    ],
    [
      { thresholds: { memory: { degraded: 0.99 } } },
      "thresholds.memory.unhealthy must be at least as large as degraded (0.99)",
    ],
    [
      { thresholds: { success_rate: { unhealthy: 0.95 } } },
      "must be at most as large as degraded (0.9): current value is 0.95",
    ],
    [{ rules: rule }, "rules must be an array"],
    [{ rules: [rule, undefined] }, "rules[1] must be an object"],
    [{ rules: [{ check: rule.check }] }, "rules[0] must have an id that is a string"],
    [{ rules: [{ id: "mine" }] }, "rules[0] has a check that must be a function"],
    [{ rules: [rule, rule] }, 'rules[1] has the id "mine", which another rule has'],
    [{ rules: [{ ...rule, id: "memory" }] }, 'rules[0] has the id "memory", which another rule has'],
    [{ rules: [{ ...rule, id: "not_serving" }] }, 'has the id "not_serving", which another rule has'],
  ])("refuses %j", (options, message) => {
    const make = (): unknown => new ServerMonitor(new WebTransportServer(), options as never);
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(message);
  });
});

describe("monitor.serve()", () => {
  const needed = "can be reached from other machines, so authorize or token is needed";
  it.each<[options: object | null, message: string]>([
    [null, "options must be an object"],
    // Without the check the page would be open to every user of the machine.
    [{ authorise: () => false }, "authorise is not an option of monitor.serve(); did you mean authorize?"],
    [{ host: "0.0.0.0" }, `host ${needed}: current value is '0.0.0.0'`],
    [{ host: "::" }, needed],
    [{ host: "127.evil.example" }, needed],
    [{ host: "localhost.example" }, needed],
    [{ host: "" }, "host must be a string that is not empty"],
    [{ port: 65_536 }, "port must be an integer from 0 to 65535: current value is 65536"],
    [{ token: "short" }, "token must be at least 16 visible ASCII characters without spaces"],
    [{ token: "0123456789 123456789" }, "token must be at least 16 visible ASCII characters"],
    [{ token: 5 }, "token must be at least 16 visible ASCII characters"],
    [{ authorize: true }, "authorize must be a function"],
    [{ allowedHosts: "a.example" }, "allowedHosts must be an array"],
  ])("refuses %j at the call, and shows no token", (options, message) => {
    const monitor = new ServerMonitor(new WebTransportServer());
    const serve = (): unknown => monitor.serve(options as never);
    expect(serve).toThrow(ConfigurationError);
    expect(serve).toThrow(message);
    expect(serve).not.toThrow(/short|0123456789 /);
    expect(monitor.isMonitoring).toBe(false);
  });
});
