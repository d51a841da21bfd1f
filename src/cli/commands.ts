/** Every command: its line in the help, and its file. */
import type { CommandEntry } from "./command.ts";

export const commands: Readonly<Record<string, CommandEntry>> = {
  dev: {
    summary: "development server with a page; restarts when the app's files change",
    load: async () => (await import("./dev.ts")).devCommand,
  },
  serve: {
    summary: "serves an app in production, on one or more processes",
    load: async () => (await import("./serve.ts")).serveCommand,
  },
  echo: {
    summary: "a server that echoes streams and datagrams",
    load: async () => (await import("./echo.ts")).echoCommand,
  },
  cert: {
    summary: "makes a certificate for development, or an authority of your own",
    load: async () => (await import("./cert.ts")).certCommand,
  },
  connect: {
    summary: "opens a session, by hand or from a script",
    load: async () => (await import("./connect.ts")).connectCommand,
  },
  bench: {
    summary: "measures throughput, streams, datagrams and latency",
    load: async () => (await import("./bench.ts")).benchCommand,
  },
  doctor: {
    summary: "finds out why something does not work, and says what to do",
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
  "dev-worker": {
    summary: "the process of `dev` that runs the app",
    hidden: true,
    load: async () => (await import("./dev/worker.ts")).devWorkerCommand,
  },
};
