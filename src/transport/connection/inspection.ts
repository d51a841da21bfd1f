import { holdersText, sizeText } from "../streams/unread.ts";
import type { ConnectionContext } from "./context.ts";

/** What is alive on a connection. */
export interface ConnectionCounts {
  readonly sessions: number;
  readonly streams: number;
  readonly waiters: number;
  readonly requests: number;
  readonly deadlines: number;
}

/** What all streams of the connection wait for, and who holds it. */
export function diagnoseConnection(context: ConnectionContext): string[] {
  const issues: string[] = [];
  const { receiveWindow, settings, connection } = context;
  const { totalBudget } = settings;
  if (receiveWindow.isExhausted) {
    const limit =
      receiveWindow.isRefused && totalBudget !== undefined
        ? `maxTotalBufferSize, ${sizeText(totalBudget.limit)}, allows no more: ${sizeText(totalBudget.used)} are unread, ` +
          `${sizeText(totalBudget.reserved)} are set aside for unread streams of all connections`
        : `maxSessionBufferSize for each of ${settings.maxSessions} sessions`;
    issues.push(
      `Connection ${connection.id} holds ${sizeText(receiveWindow.held)} of ${sizeText(receiveWindow.size)} unread ` +
        `(${limit}), so all of its streams wait: ${holdersText(context.holders)}`,
    );
  }
  if (totalBudget?.isFull === true) {
    issues.push(
      `All connections hold ${sizeText(totalBudget.used + totalBudget.reserved)} of ${sizeText(totalBudget.limit)} unread ` +
        `(maxTotalBufferSize), so all streams wait. Of connection ${connection.id}: ${holdersText(context.holders)}`,
    );
  }
  return issues;
}
