/** A target whose figures a test sets: for what no server does in a moment, such as losing packets or a worker. */
import type { Logger } from "../../../src/config/logger.ts";
import { mergeSamples } from "../../../src/monitor/merge.ts";
import { EventLoopMeter } from "../../../src/monitor/process-figures.ts";
import { sampleServer } from "../../../src/monitor/sample-server.ts";
import type {
  Figures,
  MonitorTarget,
  SessionDetail,
  SessionList,
  TargetSample,
  WorkerSample,
} from "../../../src/monitor/target.ts";
import { WebTransportServer } from "../../../src/server/server.ts";

import { recorder } from "../server/app/app-world.ts";
import type { Line } from "../server/app/app-world.ts";

type Deep<T> = T extends readonly unknown[] | number ? T : { readonly [Key in keyof T]?: Deep<T[Key]> };
export type FigureChanges = Deep<Figures>;

/** Of a server that has not listened yet: everything is 0, but for the limits and the process's own. */
export const idleFigures: Figures = await sampleServer(new WebTransportServer(), new EventLoopMeter());

export function figuresWith(changes: FigureChanges, base: Figures = idleFigures): Figures {
  return merged(base, changes) as Figures;
}

/** A worker of a cluster that serves. */
export function workerOf(
  id: string,
  changes: FigureChanges | undefined,
  more: Partial<WorkerSample> = {},
): WorkerSample {
  const figures = changes && figuresWith(changes);
  return { id, instance: `${id}-1`, pid: 1000 + Number(id), state: "serving", restarts: 0, figures, ...more };
}

export class ScriptedTarget implements MonitorTarget {
  readonly lines: Line[] = [];
  readonly logger: Logger = recorder(this.lines);
  isServing = true;
  isDraining = false;
  hasServed = true;
  isAlive = true;
  /** Of a server; see `workers` for a cluster. */
  figures: Figures = idleFigures;
  workers: readonly WorkerSample[] | undefined;
  /** What the next samples fail with. */
  failure: Error | undefined;
  samples = 0;
  measuring = 0;

  change(changes: FigureChanges): void {
    this.figures = figuresWith(changes, this.figures);
  }

  measure(): () => void {
    this.measuring += 1;
    return () => {
      this.measuring -= 1;
    };
  }

  async sample(): Promise<TargetSample> {
    this.samples += 1;
    if (this.failure !== undefined) throw this.failure;
    const { isServing, isDraining, hasServed, figures } = this;
    const state = { timestamp: Date.now(), isServing, isDraining, hasServed };
    if (this.workers === undefined) {
      const worker = { id: "", instance: "", pid: 1, state: "serving", restarts: 0, figures } as const;
      return { ...state, workers: [worker], figures };
    }
    return mergeSamples(this.workers, state);
  }

  async listSessions(): Promise<SessionList> {
    return { rows: [], matching: 0, total: 0 };
  }

  async session(): Promise<SessionDetail | undefined> {
    return undefined;
  }
}

function merged(base: unknown, changes: unknown): unknown {
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) return changes;
  const result: Record<string, unknown> = { ...(base as Record<string, unknown>) };
  for (const [name, value] of Object.entries(changes)) result[name] = merged(result[name], value);
  return result;
}
