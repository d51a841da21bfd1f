// The cases in a real Firefox, driven through Marionette (its own remote protocol: length-prefixed JSON over TCP).
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { runInPage, startPageServer } from "./page.mjs";

/** Milliseconds for all cases together. */
const scriptTimeout = 180_000;

const preferences = {
  // 0: it picks a free port and writes it to a file of its profile.
  "marionette.port": 0,
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "toolkit.telemetry.enabled": false,
};

export async function runFirefox({ executablePath, url, hash, names, values, unsupported, report }) {
  const page = await startPageServer();
  const profile = mkdtempSync(join(tmpdir(), "interop-firefox-"));
  writeFileSync(
    join(profile, "user.js"),
    Object.entries(preferences)
      .map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`)
      .join(""),
  );
  const args = ["--headless", "--marionette", "--no-remote", "--profile", profile];
  const firefox = spawn(executablePath, args, { stdio: ["ignore", "ignore", "ignore"] });
  const exited = once(firefox, "exit");
  let marionette;
  try {
    marionette = await Marionette.connect(await activePort(profile, exited));
    const { capabilities } = await marionette.send("WebDriver:NewSession", { strictFileInteractability: true });
    await marionette.send("WebDriver:SetTimeouts", { script: scriptTimeout });
    await marionette.send("WebDriver:Navigate", { url: page.url });
    const script = `const done = arguments[1]; (${runInPage})(arguments[0]).then(done, (error) => done(String(error)));`;
    const lines = await marionette.send("WebDriver:ExecuteAsyncScript", {
      script,
      args: [{ url, hash, names, values, unsupported }],
      // The page's own realm: its classes are what is tested.
      sandbox: null,
    });
    if (!Array.isArray(lines.value)) throw new Error(`the page failed: ${lines.value}`);
    for (const line of lines.value) report(line);
    return capabilities.browserVersion;
  } finally {
    await marionette?.quit();
    firefox.kill("SIGTERM");
    const insist = setTimeout(() => firefox.kill("SIGKILL"), 5000);
    await exited;
    clearTimeout(insist);
    rmSync(profile, { recursive: true, force: true });
    await page.close();
  }
}

async function activePort(profile, exited) {
  let gone = false;
  void exited.then(() => (gone = true));
  for (let waited = 0; waited < 60_000; waited += 100) {
    try {
      const port = Number(readFileSync(join(profile, "MarionetteActivePort"), "utf8"));
      if (port > 0) return port;
    } catch {
      // Not written yet.
    }
    if (gone) throw new Error("Firefox has ended before it could be driven");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("Firefox did not open its remote port within 60 s");
}

class Marionette {
  #socket;
  #received = Buffer.alloc(0);
  #waiting = new Map();
  #greeted;
  #lastId = 0;

  static async connect(port) {
    const marionette = new Marionette();
    await marionette.#open(port);
    return marionette;
  }

  async #open(port) {
    this.#socket = connect({ host: "127.0.0.1", port });
    const greeting = new Promise((resolve) => (this.#greeted = resolve));
    const failed = once(this.#socket, "close").then(() => {
      const error = new Error("Firefox has closed its remote port");
      for (const { reject } of this.#waiting.values()) reject(error);
      throw error;
    });
    failed.catch(() => {});
    this.#socket.on("error", () => {});
    this.#socket.on("data", (data) => this.#data(data));
    await Promise.race([greeting, failed]);
  }

  send(command, parameters = {}) {
    this.#lastId += 1;
    const text = JSON.stringify([0, this.#lastId, command, parameters]);
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    return new Promise((resolve, reject) => this.#waiting.set(this.#lastId, { resolve, reject }));
  }

  async quit() {
    await this.send("Marionette:Quit", { flags: ["eForceQuit"] }).catch(() => {});
    this.#socket.destroy();
  }

  #data(data) {
    this.#received = Buffer.concat([this.#received, data]);
    for (;;) {
      const colon = this.#received.indexOf(":");
      if (colon < 0) return;
      const end = colon + 1 + Number(this.#received.toString("latin1", 0, colon));
      if (this.#received.length < end) return;
      this.#message(JSON.parse(this.#received.toString("utf8", colon + 1, end)));
      this.#received = this.#received.subarray(end);
    }
  }

  #message(message) {
    if (!Array.isArray(message)) {
      this.#greeted();
      return;
    }
    const [, id, error, result] = message;
    const { resolve, reject } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) reject(new Error(`${error.error}: ${error.message}`));
    else resolve(result);
  }
}
