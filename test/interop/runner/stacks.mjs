// The other stacks: how each is installed, which version it is, how its client and its server are run.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { ensureChromium } from "../../../scripts/find-chromium.mjs";
import { inRoot } from "../../../scripts/paths.mjs";
import { isOlder } from "../../../scripts/toolchain.mjs";
import { runChromium } from "../clients/chromium.mjs";
import { runFirefox } from "../clients/firefox.mjs";
import { runOurClient } from "../clients/our-client.mjs";
import { inCache, installOnce, run } from "./cache.mjs";
import { runClientProgram, ServerProgram } from "./program.mjs";

const inPeers = (...parts) => inRoot("test", "interop", "peers", ...parts);

/** What no server of another stack is asked for: paths that only the peer application has. */
const peersOwn = { headers: "no such path", goaway: "no API for it" };
const noSessions = { "several-sessions": "one session a connection" };
const noFin = { "server-fin": "no API for it" };
const noDrain = { drain: "no API for it" };

/**
 * `unsupported`: cases that the stack cannot do, and why. `isPage`: it has the W3C's interface. `client` runs the cases against the peer application,
 * `server` starts a server of the peer application's paths.
 */
export const stacks = {
  tswebtransport: {
    title: "tswebtransport",
    version: () => JSON.parse(readFileSync(inRoot("package.json"), "utf8")).version,
    client: (options) => runOurClient(options),
  },
  chromium: {
    title: "Chromium",
    isPage: true,
    install: () => Promise.resolve(ensureChromium()),
    version: async () => /[\d.]+/.exec(await run(ensureChromium(), ["--version", "--no-sandbox"]))[0],
    client: (options) => runChromium({ ...options, executablePath: ensureChromium() }),
  },
  firefox: {
    title: "Firefox",
    isPage: true,
    install: installFirefox,
    version: async () => /[\d.]+(esr)?/.exec(await run(findFirefox(), ["--version"]))[0],
    unsupported: {
      "client-stop": "its STOP_SENDING carries no application code",
      subprotocol: "it offers none",
    },
    client: (options) => runFirefox({ ...options, executablePath: findFirefox() }),
  },
  rwebtransport: {
    title: "rwebtransport",
    isPage: true,
    unsupported: { "reset-and-stop": "its writer does not tell of STOP_SENDING, with a reset or without" },
    install: () =>
      installOnce("npm", [inPeers("rwebtransport", "package-lock.json")], newerNode(), async () => {
        mkdirSync(inCache("npm"), { recursive: true });
        for (const file of ["package.json", "package-lock.json", ".npmrc"]) {
          copyFileSync(inPeers("rwebtransport", file), inCache("npm", file));
        }
        await run("npm", ["ci"], { cwd: inCache("npm") });
      }),
    version: () => readJson(inCache("npm", "node_modules", "rwebtransport", "package.json")).version,
    client: ({ report, ...options }) =>
      runClientProgram(
        newerNode(),
        [
          inRoot("test", "interop", "clients", "rwebtransport.mjs"),
          "--package",
          inCache("npm"),
          ...argumentsOf(options),
        ],
        report,
      ),
  },
  aioquic: {
    title: "aioquic",
    install: () => installPython("aioquic", "3.10"),
    version: () => pinned("aioquic"),
    client: python("aioquic"),
    unsupportedByServer: { ...peersOwn, ...noSessions, subprotocol: "no API for it" },
    server: ({ cert, key }) =>
      ServerProgram.start(venv("aioquic"), [inPeers("aioquic", "server.py"), "--cert", cert, "--key", key]),
  },
  pywebtransport: {
    title: "pywebtransport",
    install: () => installPython("pywebtransport", "3.12"),
    version: () => pinned("pywebtransport"),
    client: python("pywebtransport"),
  },
  wtransport: {
    title: "wtransport",
    install: () =>
      run("cargo", ["build", "--bins", "--locked", "--manifest-path", inPeers("wtransport", "Cargo.toml")], {
        env: { CARGO_TARGET_DIR: inCache("cargo") },
      }),
    version: () =>
      /name = "wtransport"\nversion = "([^"]+)"/.exec(readFileSync(inPeers("wtransport", "Cargo.lock"), "utf8"))[1],
    unsupported: noSessions,
    client: ({ report, ...options }) =>
      runClientProgram(inCache("cargo", "debug", "client"), argumentsOf(options), report),
    unsupportedByServer: {
      ...peersOwn,
      ...noSessions,
      ...noFin,
      ...noDrain,
      "server-close": "it closes the connection with a code that maps to none",
      subprotocol: "no API for it",
    },
    // It knows two refusals only.
    valuesOfServer: { rejectStatus: 403 },
    server: ({ cert, key }) => ServerProgram.start(inCache("cargo", "debug", "server"), ["--cert", cert, "--key", key]),
  },
  "webtransport-go": goStack("webtransport-go", []),
  "webtransport-go-fc": goStack("webtransport-go, flow control", ["--flow-control"]),
};

function goStack(title, flags) {
  const unsupported = flags.length === 0 ? noSessions : {};
  const asClient = { "server-fin": "it takes an end without a capsule for an error (EOF, H3_DATAGRAM_ERROR)" };
  return {
    title,
    install: () =>
      run("go", ["build", "-o", inCache("go") + "/", "./client", "./server"], { cwd: inPeers("webtransport-go") }),
    version: () => /webtransport-go v(\S+)/.exec(readFileSync(inPeers("webtransport-go", "go.mod"), "utf8"))[1],
    unsupported: { ...unsupported, ...asClient },
    client: ({ report, ...options }) =>
      runClientProgram(inCache("go", "client"), [...flags, ...argumentsOf(options)], report),
    unsupportedByServer: { ...peersOwn, ...unsupported, ...noFin, ...noDrain },
    server: ({ cert, key }) => ServerProgram.start(inCache("go", "server"), [...flags, "--cert", cert, "--key", key]),
  };
}

function argumentsOf({ url, hash, names, values }) {
  return ["--url", url, "--hash", hash, "--input", JSON.stringify({ names, values })];
}

// Firefox.

function findFirefox() {
  const named = process.env["TSWEBTRANSPORT_FIREFOX"];
  if (named !== undefined && named !== "") return named;
  const places = ["/usr/bin/firefox", "/usr/bin/firefox-esr", "/Applications/Firefox.app/Contents/MacOS/firefox"];
  return places.find((path) => existsSync(path));
}

async function installFirefox() {
  if (findFirefox() !== undefined) return;
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    await run("apt-get", ["update"], { env });
    await run("apt-get", ["install", "-y", "--no-install-recommends", "firefox-esr"], { env });
    if (findFirefox() !== undefined) return;
  }
  throw new Error(
    "Firefox was not found: install it (Debian: sudo apt-get install firefox-esr) or name it in TSWEBTRANSPORT_FIREFOX",
  );
}

// Python.

function python(name) {
  return ({ report, ...options }) =>
    runClientProgram(venv(name), [inPeers(name, "client.py"), ...argumentsOf(options)], report);
}

function venv(name) {
  return inCache(`python-${name}`, "bin", "python");
}

async function installPython(name, minimum) {
  const requirements = inPeers(name, "requirements.txt");
  await installOnce(`python-${name}`, [requirements], venv(name), async () => {
    const interpreter = findPython(minimum);
    try {
      await run(interpreter, ["-m", "venv", "--clear", inCache(`python-${name}`)]);
    } catch (error) {
      throw new Error(`${error.message}\n(Debian: apt-get install python3-venv)`, { cause: error });
    }
    await run(venv(name), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
  });
}

/** The first interpreter that is new enough: on the path, or one of pyenv's. */
function findPython(minimum) {
  const ofPyenv = join(process.env["PYENV_ROOT"] ?? join(homedir(), ".pyenv"), "versions");
  const candidates = [
    "python3",
    ...["14", "13", "12", "11"].map((minor) => `python3.${minor}`),
    ...(existsSync(ofPyenv) ? readdirSync(ofPyenv).map((version) => join(ofPyenv, version, "bin", "python3")) : []),
  ];
  for (const candidate of candidates) {
    const { status, stdout } = spawnSync(candidate, ["--version"], { encoding: "utf8" });
    const version = status === 0 ? /\d+\.\d+\.\d+/.exec(stdout)?.[0] : undefined;
    if (version !== undefined && !isOlder(version, `${minimum}.0`)) return candidate;
  }
  throw new Error(`Python ${minimum} or newer is needed: https://www.python.org/downloads/`);
}

function pinned(name) {
  return new RegExp(`${name}==(\\S+)`).exec(readFileSync(inPeers(name, "requirements.txt"), "utf8"))[1];
}

// npm.

function newerNode() {
  return inCache("npm", "node_modules", "node", "bin", "node");
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}
