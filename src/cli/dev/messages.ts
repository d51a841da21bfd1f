/** What the process of `dev` and the one that runs the app tell each other. */

export interface StartMessage {
  readonly type: "start";
  readonly host: string;
  /** UDP; 0 for a free one. */
  readonly port: number;
  /** TCP port of the monitor; 0 for a free one. */
  readonly monitorPort: number;
  readonly cert: string;
  readonly key: string;
}

export interface ListeningMessage {
  readonly type: "listening";
  readonly port: number;
  readonly paths: readonly string[];
  /** Of the dashboard. */
  readonly monitorUrl: string;
}

export type SupervisorMessage = StartMessage | { readonly type: "stop" };

export type WorkerMessage =
  | { readonly type: "ready" }
  /** A file that the app has imported, outside of node_modules. */
  | { readonly type: "imported"; readonly path: string }
  | ListeningMessage
  | { readonly type: "failed"; readonly message: string };
