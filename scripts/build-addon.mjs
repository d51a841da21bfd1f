// The addon of a release for one platform: release profile, stripped, without this machine's paths; and a look at what
// the file really needs, because a library that a user's system lacks shows only there.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { ensureQuinnProto } from "./patch-quinn-proto.mjs";
import { inRoot, root } from "./paths.mjs";
import { minimumGlibc } from "./platforms.mjs";
import { SetUpError } from "./set-up-error.mjs";
import { isOlder, requireRust } from "./toolchain.mjs";
import { ensureZig } from "./zig.mjs";

/** What every system of a kind has. Everything else that the addon needs is linked into it. */
const systemLibraries = {
  glibc: /^(libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|librt\.so\.1|ld-linux-(x86-64|aarch64)\.so\.[12])$/,
  musl: /^(libc\.so|libc\.musl-(x86_64|aarch64)\.so\.1)$/,
};
const machines = { x64: "Advanced Micro Devices X86-64", arm64: "AArch64" };

/** Compiles the addon and answers the file's path. On Linux zig is the C compiler and the linker: it brings old glibcs. */
export function buildAddon(platform) {
  requireRust();
  ensureQuinnProto();
  const { target, os, libc } = platform;
  requireTarget(target);
  const manifest = inRoot("native", "Cargo.toml");
  const options = ["--locked", "--release", "--package", "tswebtransport-addon", "--manifest-path", manifest];
  const withGlibc = libc === "glibc" ? `${target}.${minimumGlibc}` : target;
  const [command, path] = os === "linux" ? ["zigbuild", ensureZig()] : ["build", process.env["PATH"]];
  const { status } = spawnSync("cargo", [command, ...options, "--target", withGlibc], {
    // cargo reads native/.cargo/config.toml from there.
    cwd: inRoot("native"),
    env: { ...process.env, PATH: path, ...flagsOf(platform) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0)
    throw new SetUpError(`The addon for ${platform.name} does not compile: cargo's messages stand above.`);
  const file = { linux: "libtswebtransport.so", darwin: "libtswebtransport.dylib", win32: "tswebtransport.dll" }[os];
  return inRoot("native", "target", target, "release", file);
}

/**
 * Panics and C assertions name source files: not by where they were on the machine that built them.
 *
 * @param {Pick<import("./platforms.mjs").Platform, "os" | "libc">} platform
 */
export function flagsOf({ libc, os }) {
  const cargoHome = process.env["CARGO_HOME"] ?? join(homedir(), ".cargo");
  const registries = join(cargoHome, "registry", "src");
  // The last that fits counts.
  const prefixes = [
    [root.replace(/[/\\]$/, ""), "tswebtransport"],
    [cargoHome, "cargo"],
    ...readdirSync(registries).map((name) => [join(registries, name), "crates"]),
  ];
  const rust = prefixes.map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
  // Node's own musl is linked dynamically, and a library that brings a second one cannot be loaded.
  if (libc === "musl") rust.push("-Ctarget-feature=-crt-static");
  // Node has the C runtime in itself, so that a fresh Windows need not have vcruntime140.dll.
  if (os === "win32") rust.push("-Ctarget-feature=+crt-static");
  // macOS's linker writes into a library where it was made, unless it is told a name.
  if (os === "darwin") rust.push("-Clink-arg=-Wl,-install_name,@rpath/tswebtransport.node");
  const c = os === "win32" ? [] : prefixes.map(([from, to]) => `-ffile-prefix-map=${from}=${to}`);
  return { CARGO_ENCODED_RUSTFLAGS: rust.join("\x1f"), ...(c.length > 0 && { CFLAGS: c.join(" ") }) };
}

function requireTarget(target) {
  const { stdout } = spawnSync("rustc", ["--print", "target-libdir", "--target", target], { encoding: "utf8" });
  try {
    if (readdirSync(stdout.trim()).some((name) => name.startsWith("libstd-"))) return;
  } catch {
    // Not there at all.
  }
  throw new SetUpError(`Rust's standard library for ${target} is missing.\nGet it with: rustup target add ${target}`);
}

/** Throws for a file that would not load on the oldest system it is meant for. Answers what was found, for the reader. */
export function inspectAddon(file, platform) {
  const size = statSync(file).size;
  const text = readFileSync(file, "latin1");
  if (!text.includes("napi_register_module_v1")) throw new Error(`${file} is no addon of Node-API`);
  for (const place of [root, homedir()]) {
    if (place.length > 1 && text.includes(`${place}/`))
      throw new Error(`${file} names a folder of this machine: ${place}`);
  }
  return { size, ...(platform.os === "linux" ? inspectElf(file, platform) : { needs: "not looked at here" }) };
}

function inspectElf(file, { name, cpu, libc }) {
  const header = readelf("--file-header", file);
  if (!header.includes(machines[cpu])) throw new Error(`${file} is not for ${cpu}`);
  const libraries = [...readelf("--dynamic", file).matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, library]) => library);
  const foreign = libraries.filter((library) => !systemLibraries[libc].test(library));
  if (foreign.length > 0) throw new Error(`${file} needs ${foreign.join(", ")}, which not every ${name} has`);
  if (/ \.(symtab|debug_info)\b/.test(readelf("--section-headers", file))) throw new Error(`${file} is not stripped`);
  const versions = [...readelf("--version-info", file).matchAll(/GLIBC_(\d[\d.]*)/g)].map(([, version]) => version);
  const newest = versions.reduce((a, b) => (isOlder(a, b) ? b : a), "0");
  if (libc === "musl" && versions.length > 0) throw new Error(`${file} is for musl, but has symbols of glibc`);
  if (isOlder(minimumGlibc, newest)) throw new Error(`${file} needs glibc ${newest}, newer than ${minimumGlibc}`);
  return { needs: `${libraries.join(", ")}${libc === "glibc" ? `; glibc ${newest}` : ""}` };
}

function readelf(option, file) {
  const { status, stdout, error } = spawnSync("readelf", ["--wide", option, file], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, LC_ALL: "C" },
  });
  if (error?.code === "ENOENT") throw new SetUpError("readelf is needed (Debian: apt-get install binutils).");
  if (status !== 0) throw new Error(`readelf cannot read ${file}`);
  return stdout;
}
