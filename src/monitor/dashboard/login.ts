import type { IncomingMessage } from "node:http";

import { answer } from "../http/exchange.ts";
import type { Exchange, MonitorRoute } from "../http/exchange.ts";

import { answerLogin } from "./assets.ts";

/** Bytes of a form. */
const longestForm = 4096;

/** An EventSource cannot send the token; a cookie goes with each of its requests. */
export const loginRoute: MonitorRoute = {
  path: "/login",
  methods: ["GET", "HEAD", "POST"],
  isOpen: "to-log-in",
  handle: async (exchange) => {
    const { access, request, response } = exchange;
    const { login } = access;
    if (login === undefined) {
      redirect(exchange, "./");
      return;
    }
    if (request.method !== "POST") {
      await answerLogin(exchange, exchange.url.searchParams.has("wrong"));
      return;
    }
    if (!isOwnForm(request)) {
      answer(exchange, 403, "Not allowed\n");
      return;
    }
    const form = await formOf(request);
    if (form === undefined) {
      answer(exchange, 413, "Too large\n", { connection: "close" });
      return;
    }
    if (!access.isToken(form.get("token") ?? "")) {
      redirect(exchange, "login?wrong");
      return;
    }
    response.setHeader("set-cookie", login.grant(request));
    redirect(exchange, "./");
  },
};

export const logoutRoute: MonitorRoute = {
  path: "/logout",
  methods: ["POST"],
  isOpen: "to-log-in",
  handle: (exchange) => {
    const { access, request, response } = exchange;
    if (!isOwnForm(request)) {
      answer(exchange, 403, "Not allowed\n");
      return;
    }
    if (access.login !== undefined) response.setHeader("set-cookie", access.login.revoke(request));
    redirect(exchange, access.login === undefined ? "./" : "login");
  },
};

/** Relative, so that a proxy may serve it below a path of its own. */
function redirect(exchange: Exchange, location: string): void {
  answer(exchange, 303, "See there\n", { location });
}

/** Not one that another site's page has sent. Browsers tell; other clients need not. */
function isOwnForm({ headers }: IncomingMessage): boolean {
  const site = headers["sec-fetch-site"];
  return site === undefined || site === "same-origin" || site === "none";
}

/** Undefined when it is too large. */
async function formOf(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += part.byteLength;
    if (size > longestForm) return undefined;
    parts.push(part);
  }
  return new URLSearchParams(Buffer.concat(parts).toString("utf8"));
}
