// The platforms that a release has an addon for: names as the loader builds them (src/engine/native/addon-loader.ts).

/** @typedef {(typeof platforms)[number]} Platform */
export const platforms = [
  { name: "linux-x64", os: "linux", cpu: "x64", libc: "glibc", target: "x86_64-unknown-linux-gnu" },
  { name: "linux-x64-musl", os: "linux", cpu: "x64", libc: "musl", target: "x86_64-unknown-linux-musl" },
  { name: "linux-arm64", os: "linux", cpu: "arm64", libc: "glibc", target: "aarch64-unknown-linux-gnu" },
  { name: "linux-arm64-musl", os: "linux", cpu: "arm64", libc: "musl", target: "aarch64-unknown-linux-musl" },
  { name: "darwin-x64", os: "darwin", cpu: "x64", target: "x86_64-apple-darwin" },
  { name: "darwin-arm64", os: "darwin", cpu: "arm64", target: "aarch64-apple-darwin" },
  { name: "win32-x64", os: "win32", cpu: "x64", target: "x86_64-pc-windows-msvc" },
  { name: "win32-arm64", os: "win32", cpu: "arm64", target: "aarch64-pc-windows-msvc" },
];

/** Debian 10, Ubuntu 18.10, RHEL 8: what Node 20's own builds for Linux need as well. */
export const minimumGlibc = "2.28";

export const packageOf = ({ name }) => `@tswebtransport/${name}`;

/** Which of them this process runs on; undefined where a release has none. */
export function hostPlatform() {
  // Node's report has the C library's version on glibc, and on musl nothing of the kind.
  const libc =
    process.platform !== "linux"
      ? undefined
      : process.report.getReport().header.glibcVersionRuntime === undefined
        ? "musl"
        : "glibc";
  return platforms.find(({ os, cpu, libc: its }) => os === process.platform && cpu === process.arch && its === libc);
}
