/** A Prometheus of a test's own: scrapes one address each second, keeps its data in a directory that goes with it. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface PromSeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Of an instant query. */
  readonly value: readonly [time: number, value: string];
}

interface ScrapeTarget {
  readonly health: "up" | "down" | "unknown";
  readonly lastError: string;
  readonly lastScrape: string;
}

/** Milliseconds; less than what a test's hook has. */
const startTimeout = 45_000;

export class PrometheusProcess {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #url: string;
  /** Seconds since the epoch: when it last scraped well. */
  #scrapedAt = 0;

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.#url = url;
  }

  /** `target`: "host:port" of what has `/metrics`; `token`: what it wants as bearer token. Resolves when it answers. */
  static async start(target: string, token?: string): Promise<PrometheusProcess> {
    const program = programOf("TSWEBTRANSPORT_PROMETHEUS");
    const folder = await mkdtemp(join(tmpdir(), "prometheus-"));
    const config = {
      global: { scrape_interval: "1s", scrape_timeout: "1s" },
      scrape_configs: [
        {
          job_name: "webtransport",
          static_configs: [{ targets: [target] }],
          ...(token !== undefined && { authorization: { credentials: token } }),
        },
      ],
    };
    // JSON is YAML.
    await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config));
    const args = [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      "--web.listen-address=127.0.0.1:0",
      "--log.format=json",
    ];
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    // A start that hangs would leave it behind.
    const tooLong = setTimeout(() => child.kill("SIGKILL"), startTimeout);
    let log = "";
    let address: string | undefined;
    let isReady = false;
    for await (const line of createInterface({ input: child.stderr })) {
      log += `${line}\n`;
      const entry = JSON.parse(line) as { readonly msg?: string; readonly address?: string };
      // In either order: two parts of it tell.
      if (entry.msg === "Listening on") address = entry.address;
      if (entry.msg === "Server is ready to receive web requests.") isReady = true;
      if (!isReady || address === undefined) continue;
      clearTimeout(tooLong);
      child.stderr.resume();
      return new PrometheusProcess(child, folder, `http://${address}`);
    }
    clearTimeout(tooLong);
    await rm(folder, { recursive: true, force: true });
    throw new Error(`Prometheus has ended before it was ready:\n${log}`);
  }

  /**
   * PromQL as of the last scrape that {@link scraped} has seen: a busy machine lets a later one time out, and then
   * Prometheus has no values until the next. Rejects with what Prometheus says of a query that it does not
   * understand.
   */
  async query(promql: string): Promise<readonly PromSeries[]> {
    const body = await this.#get(`/api/v1/query?time=${this.#scrapedAt}&query=${encodeURIComponent(promql)}`);
    return (body as { readonly data: { readonly result: readonly PromSeries[] } }).data.result;
  }

  /** The value of the one series that a query gives. */
  async valueOf(promql: string): Promise<number> {
    const series = await this.query(promql);
    if (series.length !== 1) throw new Error(`${promql} has ${series.length} series`);
    return Number(series[0]?.value[1]);
  }

  async target(): Promise<ScrapeTarget | undefined> {
    const body = await this.#get("/api/v1/targets");
    return (body as { readonly data: { readonly activeTargets: readonly ScrapeTarget[] } }).data.activeTargets[0];
  }

  /**
   * Resolves when it has scraped `times` times more; rejects with the reason of a scrape that failed. One that took longer
   * than a busy machine allows is not counted. What has just been scraped may not be stored yet: ask for one more.
   */
  async scraped(times = 1): Promise<void> {
    for (let count = 0, last = await this.target(); count < times;) {
      const target = await this.target();
      const isLate = target?.lastError.includes("context deadline exceeded") === true;
      if (target?.health === "down" && !isLate) throw new Error(`The scrape failed: ${target.lastError}`);
      if (target?.health === "up" && target.lastScrape !== last?.lastScrape) {
        last = target;
        count += 1;
        // Prometheus moves a sample by up to 2 ms, so that its times are even.
        this.#scrapedAt = Date.parse(target.lastScrape) / 1000 + 0.01;
      }
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  async end(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await exit;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(`${this.#url}${path}`);
    const text = await response.text();
    if (!response.ok) throw new Error(`Prometheus answers ${response.status} to ${path}: ${text}`);
    return JSON.parse(text);
  }
}

/** What `promtool check metrics` finds in a text of the older format; "" when all is well. */
export function lint(text: string): string {
  const program = programOf("TSWEBTRANSPORT_PROMTOOL");
  const { status, stdout, stderr } = spawnSync(program, ["check", "metrics"], { input: text, encoding: "utf8" });
  return `${stdout}${stderr}${status === 0 ? "" : `exit code ${String(status)}`}`;
}

function programOf(variable: string): string {
  const program = process.env[variable];
  if (program === undefined) throw new Error("No Prometheus: `node scripts/find-prometheus.mjs` says what to do");
  return program;
}
