/** How bad it is: only a problem makes `doctor` exit with 1. */
export type Severity = "ok" | "note" | "warning" | "problem";

/** One thing that `doctor` has looked at. */
export interface Finding {
  /** Stable, for scripts: "node", "addon", "udp-buffers" … */
  readonly id: string;
  readonly severity: Severity;
  readonly text: string;
  /** What to do. */
  readonly remedy?: string;
}

/** One look: what is told while it takes long, and its findings. What it throws becomes a problem of this id. */
export interface Check {
  readonly id: string;
  readonly title: string;
  run(): Promise<readonly Finding[]>;
}

export function ok(id: string, text: string): Finding {
  return { id, severity: "ok", text };
}

export function note(id: string, text: string, remedy?: string): Finding {
  return { id, severity: "note", text, ...(remedy !== undefined && { remedy }) };
}

export function warning(id: string, text: string, remedy: string): Finding {
  return { id, severity: "warning", text, remedy };
}

export function problem(id: string, text: string, remedy?: string): Finding {
  return { id, severity: "problem", text, ...(remedy !== undefined && { remedy }) };
}

/** "What is wrong: figures. What to do" as the library says it, cut into its two parts. A path in quotes has points, too. */
export function problemOf(id: string, error: unknown): Finding {
  const message = error instanceof Error ? error.message : String(error);
  const [, text = message, remedy] = /^([^]*?(?:[^.]{20}|'))\. (\p{L}[^]*)$/u.exec(message) ?? [];
  return problem(id, text, remedy);
}
