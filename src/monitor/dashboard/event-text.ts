export interface FeedEvent {
  readonly event: string;
  /** What a browser sends back as Last-Event-ID; undefined: it keeps the one before. */
  readonly id: string | undefined;
  readonly data: unknown;
}

/** As `text/event-stream` has it. JSON has no line breaks, so the data is one line. */
export function eventText({ event, id, data }: FeedEvent): string {
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return `event: ${event}\n${idLine}data: ${JSON.stringify(data)}\n\n`;
}

/** The time of the last point that a page has; 0 for what is none. */
export function lastTime(text: string | null | undefined): number {
  return /^\d{1,15}$/.test(text ?? "") ? Number(text) : 0;
}
