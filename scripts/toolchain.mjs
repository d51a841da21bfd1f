// The two things that must be there beforehand: Node and, to compile the addon, Rust.
import { spawnSync } from "node:child_process";

import { SetUpError } from "./set-up-error.mjs";

export const minimumNode = "20.19.0";
export const minimumRust = "1.88.0";

const getRust =
  "Get it from https://rustup.rs (curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh)\n" +
  "or, when rustup is there already: rustup update stable";

/** Throws when this Node is too old. */
export function requireNode() {
  if (isOlder(process.versions.node, minimumNode)) {
    throw new SetUpError(
      `Node ${minimumNode} or newer is needed; this is Node ${process.versions.node}.\n` +
        "Get it from https://nodejs.org/en/download or with your version manager (nvm install --lts, fnm install --lts).",
    );
  }
}

/** Throws when Rust is missing or too old. */
export function requireRust() {
  const rust = versionOf("rustc");
  if (rust === undefined || versionOf("cargo") === undefined) {
    throw new SetUpError(
      `Rust ${minimumRust} or newer is needed to compile the native addon; ${rust === undefined ? "rustc" : "cargo"} was not found.\n${getRust}`,
    );
  }
  if (isOlder(rust, minimumRust)) {
    throw new SetUpError(
      `Rust ${minimumRust} or newer is needed to compile the native addon; this is Rust ${rust}.\n${getRust}`,
    );
  }
}

/** Throws when the tools that only the tests need are missing. */
export function requireRustTestTools() {
  requireRust();
  for (const [component, subcommand] of [
    ["rustfmt", "fmt"],
    ["clippy", "clippy"],
  ]) {
    if (spawnSync("cargo", [subcommand, "--version"], { stdio: "ignore" }).status !== 0) {
      throw new SetUpError(
        `The tests need "cargo ${subcommand}".\nGet it with: rustup component add ${component}\n` +
          `(Debian's own packages: apt-get install ${component === "clippy" ? "rust-clippy" : "rustfmt"})`,
      );
    }
  }
}

function versionOf(command) {
  const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  return status === 0 ? /\d+\.\d+\.\d+/.exec(stdout)?.[0] : undefined;
}

/** Compares dotted versions number by number. */
export function isOlder(version, minimum) {
  const have = version.split(".").map((part) => Number.parseInt(part, 10));
  const need = minimum.split(".").map((part) => Number.parseInt(part, 10));
  for (const [index, part] of need.entries()) {
    if (have[index] !== part) {
      return (have[index] ?? 0) < part;
    }
  }
  return false;
}
