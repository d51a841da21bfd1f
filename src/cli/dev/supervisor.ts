import { randomUUID } from "node:crypto";
import { dirname, relative } from "node:path";

import { hostAndPort } from "../../base/host-and-port.ts";
import { generateSelfSignedCertificate } from "../../certificates/self-signed.ts";
import type { SelfSignedCertificate } from "../../certificates/self-signed.ts";
import { PageServer } from "../../server/development/page-server.ts";
import type { PageInfo } from "../../server/development/page-server.ts";

import type { Terminal } from "../terminal/terminal.ts";
import { AppProcess } from "./app-process.ts";
import { FileWatch } from "./file-watch.ts";
import type { ListeningMessage } from "./messages.ts";

/** Browsers accept 14 days at most; a new one takes over a day before the old one ends. */
const certificateDays = 13;
const rotationInterval = (certificateDays - 1) * 24 * 3600 * 1000;

export interface SupervisorOptions {
  /** The app's module, absolute. */
  readonly path: string;
  /** Of Node, for the process that runs the app. */
  readonly flags: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly pagePort: number;
  readonly monitorPort: number;
  /** Its files instead of the development page. */
  readonly publicDirectory: string | undefined;
  /** Files and folders to watch beside the app's. */
  readonly watched: readonly string[];
  readonly terminal: Terminal;
}

/** Runs an app in a process of its own, again after each change of its files. Address, certificate and page stay the same. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #page: PageServer;
  readonly #watch: FileWatch;
  #certificate: SelfSignedCertificate | undefined;
  #rotation: NodeJS.Timeout | undefined;
  #process: AppProcess | undefined;
  #port: number;
  #monitorPort: number;
  #pageUrl = "";
  #paths: readonly string[] = [];
  #state: PageInfo["state"] = "starting";
  #problem: string | undefined;
  #instance = "";
  #isAnnounced = false;
  /** Restarts that were asked for while one was under way become one. */
  #restarting: Promise<void> | undefined;
  #isRestartWanted = false;
  #isClosed = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#monitorPort = options.monitorPort;
    this.#page = new PageServer(() => this.#info(), options.publicDirectory);
    this.#watch = new FileWatch({
      changed: (path) => {
        this.#changed(path);
      },
      failed: (path, error) => {
        options.terminal.note(`Cannot watch ${this.#shown(path)}: ${error.message}`);
      },
    });
  }

  async start(): Promise<void> {
    const { path, watched, pagePort } = this.#options;
    await this.#renewCertificate();
    this.#pageUrl = await this.#page.listen(pagePort);
    await this.#watch.add(dirname(path));
    for (const each of watched) await this.#watch.add(each);
    this.#rotation = setInterval(() => {
      void this.#renewCertificate().then(() => {
        this.restart("the certificate ends soon");
      });
    }, rotationInterval);
    this.#run();
  }

  /** Runs the app anew. */
  restart(why: string): void {
    if (this.#isClosed) return;
    this.#isRestartWanted = true;
    if (this.#restarting !== undefined) return;
    const { terminal } = this.#options;
    terminal.note(terminal.err.cyan(`Restarting: ${why} …`));
    this.#restarting = this.#restart().finally(() => {
      this.#restarting = undefined;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#rotation);
    this.#watch.close();
    await this.#process?.stop();
    await this.#page.close();
  }

  /** Ends the app's process at once. */
  kill(): void {
    this.#process?.kill();
  }

  async #restart(): Promise<void> {
    while (this.#isRestartWanted && !this.#isClosed) {
      this.#isRestartWanted = false;
      this.#state = "starting";
      await this.#process?.stop();
    }
    if (!this.#isClosed) this.#run();
  }

  #run(): void {
    const { path, flags, host } = this.#options;
    this.#problem = undefined;
    this.#instance = randomUUID();
    const { cert = "", key = "" } = this.#certificate ?? {};
    this.#process = new AppProcess({
      path,
      flags,
      start: { type: "start", host, port: this.#port, monitorPort: this.#monitorPort, cert, key },
      listener: {
        listening: (message) => {
          this.#listening(message);
        },
        imported: (file) => {
          this.#watch.addFile(file);
        },
        failed: (message) => {
          this.#problem = message;
        },
        ended: (code) => {
          this.#ended(code);
        },
      },
    });
  }

  #listening({ port, paths, monitorUrl }: ListeningMessage): void {
    const { terminal } = this.#options;
    this.#port = port;
    this.#paths = paths;
    // An open dashboard finds the next process at the same address.
    this.#monitorPort = Number(new URL(monitorUrl).port);
    this.#state = "serving";
    if (this.#isAnnounced) {
      terminal.note(terminal.err.green(`Serving ${this.#url()} again`));
      return;
    }
    this.#isAnnounced = true;
    terminal.print(`Page:              ${this.#pageUrl}`);
    terminal.print(`Monitor:           ${monitorUrl}`);
    terminal.print(`WebTransport:      ${this.#url()}`);
    terminal.print(`Certificate hash:  ${this.#hash()}`);
    terminal.note("The app restarts when its files change. Ctrl-C stops it.");
  }

  #ended(code: number | null): void {
    const { terminal } = this.#options;
    this.#state = "failed";
    this.#problem ??= `the app's process has ended${code === null ? "" : ` with code ${code}`}`;
    const { bold, red } = terminal.err;
    terminal.note(`${red(bold("The app does not run."))} It starts again when one of its files changes; Ctrl-C stops.`);
  }

  #changed(path: string): void {
    this.restart(`${this.#shown(path)} has changed`);
  }

  async #renewCertificate(): Promise<void> {
    const hostname = [...new Set([this.#options.host, "localhost", "127.0.0.1", "::1"])];
    this.#certificate = await generateSelfSignedCertificate({ hostname, days: certificateDays });
  }

  #info(): PageInfo {
    return {
      url: this.#url(),
      certificateHash: this.#hash(),
      state: this.#state,
      instance: this.#instance,
      paths: this.#paths,
      ...(this.#problem !== undefined && { problem: this.#problem }),
    };
  }

  #hash(): string {
    return Buffer.from(this.#certificate?.certificateHash.value ?? []).toString("hex");
  }

  #url(): string {
    const { host } = this.#options;
    const name = host === "::" || host === "0.0.0.0" ? "localhost" : host;
    const path = this.#paths.find((each) => !each.includes(":")) ?? this.#paths[0] ?? "/";
    return `https://${hostAndPort(name, this.#port)}${path}`;
  }

  #shown(path: string): string {
    const shown = relative(process.cwd(), path);
    return shown.startsWith("..") ? path : shown;
  }
}
