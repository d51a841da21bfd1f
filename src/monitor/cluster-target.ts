import type { Logger } from "../config/logger.ts";
import type { ModuleCall } from "../cluster/workers/messages.ts";
import { inspectCluster } from "../cluster/cluster.ts";
import type { ServerCluster } from "../cluster/cluster.ts";
import type { AppModule } from "../cluster/cluster-options.ts";
import type { InspectedProcess } from "../cluster/inspection.ts";
import { TimeoutError } from "../errors/errors.ts";
import { WebTransportServer } from "../server/server.ts";

import { LocalServers } from "./local-servers.ts";
import { countsOf, mergeSamples, mergeSessionLists } from "./merge.ts";
import { EventLoopMeter } from "./process-figures.ts";
import { sampleServer } from "./sample-server.ts";
import { sessionQuery } from "./session-query.ts";
import { WorkerState } from "./target.ts";
import type { MonitorTarget, SessionDetail, SessionList, SessionQuery, TargetSample, WorkerSample } from "./target.ts";
import type { AgentAnswers, AgentCall } from "./worker-agent.ts";

/** A cluster: its worker processes, or its servers of this process together as one. */
export class ClusterTarget implements MonitorTarget {
  readonly logger: Logger;
  readonly #cluster: ServerCluster<AppModule | undefined>;
  readonly #local: LocalServers;
  readonly #meter = new EventLoopMeter();
  /** Names this one to the workers while it measures. */
  readonly #measurement = process.getBuiltinModule("node:crypto").randomUUID();
  readonly #reported = new Set<string>();
  #measuring = 0;
  #hasServed = false;

  constructor(cluster: ServerCluster<AppModule | undefined>) {
    this.#cluster = cluster;
    this.logger = inspectCluster(cluster).logger;
    this.#local = new LocalServers(() => inspectCluster(cluster).servers ?? [], this.#meter);
  }

  get isServing(): boolean {
    const { isRunning, isStopping } = inspectCluster(this.#cluster);
    return isRunning && !isStopping && this.#cluster.getServers().some((member) => member.isServing);
  }

  get isDraining(): boolean {
    return inspectCluster(this.#cluster).isStopping;
  }

  get hasServed(): boolean {
    // It runs once all of its members serve, so nobody has to have looked then.
    this.#hasServed ||= this.isDraining || (inspectCluster(this.#cluster).isRunning && this.#hasMembers);
    return this.#hasServed;
  }

  get isAlive(): boolean {
    if (this.isServing || this.isDraining || !this.hasServed) return true;
    const { isRunning, processes } = inspectCluster(this.#cluster);
    // A worker that starts, or has crashed and is replaced, will serve; one that was given up will not. Without any it waits
    // for some.
    return isRunning && (!this.#hasMembers || processes.some(({ state }) => state !== "failed"));
  }

  measure(): () => void {
    this.#measuring += 1;
    const end = this.#meter.start();
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      end();
      this.#measuring -= 1;
      if (this.#measuring > 0) return;
      const call = { name: "endMeasurement", measurement: this.#measurement } as const;
      for (const { process } of this.#processes) void this.#ask(process, call);
    };
  }

  async sample(): Promise<TargetSample> {
    const { servers } = inspectCluster(this.#cluster);
    const workers = servers === undefined ? await this.#sampleProcesses() : await this.#local.sample(this.#localState);
    const { isServing, isDraining, hasServed } = this;
    const sample = mergeSamples(workers, { timestamp: Date.now(), isServing, isDraining, hasServed });
    if (sample.figures !== undefined || hasServed) return sample;
    // It has not been started: there is nothing that could fail to answer.
    return { ...sample, figures: countsOf(await sampleServer(new WebTransportServer(), this.#meter)) };
  }

  async listSessions(query: SessionQuery = {}): Promise<SessionList> {
    const complete = sessionQuery(query);
    if (inspectCluster(this.#cluster).servers !== undefined) return this.#local.listSessions(complete);
    const asked = this.#processes.map(({ id, process }) =>
      this.#ask(process, { name: "listSessions", worker: id, query }),
    );
    const lists = await Promise.all(asked);
    return mergeSessionLists(
      lists.flatMap(({ answer }) => (answer === undefined ? [] : [answer])),
      complete,
    );
  }

  async session(id: string): Promise<SessionDetail | undefined> {
    if (inspectCluster(this.#cluster).servers !== undefined) return this.#local.session(id);
    const found = this.#processes.find((each) => id.startsWith(`${each.id}:`));
    if (found === undefined) return undefined;
    return (await this.#ask(found.process, { name: "session", worker: found.id, id })).answer;
  }

  get #localState(): WorkerState {
    if (this.isServing) return WorkerState.SERVING;
    return this.isDraining ? WorkerState.DRAINING : WorkerState.IDLE;
  }

  get #hasMembers(): boolean {
    const { servers, processes } = inspectCluster(this.#cluster);
    return processes.length > 0 || (servers?.length ?? 0) > 0;
  }

  get #processes(): readonly { readonly id: string; readonly process: InspectedProcess }[] {
    const { processes } = inspectCluster(this.#cluster);
    // A worker that was given up has none any more.
    const ports = processes.flatMap(({ port }) => (port === undefined ? [] : [port]));
    const hasOnePort = new Set(ports).size <= 1;
    return processes.map((process) => ({ id: nameOf(process, hasOnePort), process }));
  }

  #sampleProcesses(): Promise<readonly WorkerSample[]> {
    const measurement = this.#measuring > 0 ? this.#measurement : undefined;
    return Promise.all(
      this.#processes.map(async ({ id, process }): Promise<WorkerSample> => {
        const { pid, restarts } = process;
        const { answer, isLate } = await this.#ask(process, { name: "sample", measurement });
        const state = isLate && answer === undefined ? WorkerState.UNRESPONSIVE : stateOf(process);
        return { id, instance: String(pid ?? ""), pid, state, restarts, figures: answer };
      }),
    );
  }

  /** Never rejects. A process that hangs is not asked: its answer would come when nobody waits for it any more. */
  async #ask<Call extends AgentCall>(
    process: InspectedProcess,
    argument: Call,
  ): Promise<{ readonly answer: AgentAnswers[Call["name"]] | undefined; readonly isLate: boolean }> {
    if (process.call === undefined || process.isHung) return { answer: undefined, isLate: process.isHung };
    const call: ModuleCall = { module: agentModule(), name: "answerMonitor", argument };
    try {
      const answer = await process.call(call, inspectCluster(this.#cluster).answerTimeout);
      return { answer: answer as AgentAnswers[Call["name"]], isLate: false };
    } catch (error) {
      // Its end is told by the cluster, and its silence by an alert.
      const isLate = error instanceof TimeoutError;
      if (!isLate) this.#report(error);
      return { answer: undefined, isLate };
    }
  }

  /** Once for each cause: every sample would tell it again. */
  #report(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (text.includes("has ended") || this.#reported.has(text)) return;
    this.#reported.add(text);
    this.logger.warn({ error }, "a worker of the cluster cannot be monitored");
  }
}

/** The slot; where several ports have each its own slots, with the port. */
function nameOf({ id, slot, port }: InspectedProcess, hasOnePort: boolean): string {
  if (slot === undefined) return `lost-${id}`;
  return hasOnePort ? String(slot) : `${port ?? 0}-${slot}`;
}

function stateOf({ state }: InspectedProcess): WorkerState {
  switch (state) {
    case "starting":
      return WorkerState.STARTING;
    case "active":
      return WorkerState.SERVING;
    case "draining":
      return WorkerState.DRAINING;
    case "crashed":
    case "failed":
      return WorkerState.MISSING;
  }
}

/** Beside this file, compiled as this file is. */
function agentModule(): string {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`./worker-agent.${extension}`, import.meta.url).href;
}
