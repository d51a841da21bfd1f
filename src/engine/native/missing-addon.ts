/** What there is to say when no addon could be loaded. */

/** A release has an addon for each of these: a package `@tswebtransport/NAME`. */
export const prebuilt: readonly string[] = [
  "linux-x64",
  "linux-x64-musl",
  "linux-arm64",
  "linux-arm64-musl",
  "darwin-x64",
  "darwin-arm64",
  "win32-x64",
  "win32-arm64",
];

/** `platform` as "linux-x64"; `failures`: what was tried, and why it did not work. */
export function missingAddonText(platform: string, failures: readonly string[]): string {
  return [
    `Cannot load the native addon for ${platform}: tried`,
    ...failures.map((failure) => `  ${failure}`),
    prebuilt.includes(platform) ? notInstalled(platform) : `There is no prebuilt addon for ${platform}.`,
    `Prebuilt addons: ${prebuilt.join(", ")}.`,
    "To build one (Rust 1.88 or newer and a C compiler): in a clone of the repository at this version run `npm run build`, " +
      "then set TSWEBTRANSPORT_ADDON to the path of its native/build/tswebtransport.node.",
  ].join("\n");
}

function notInstalled(platform: string): string {
  return (
    `The package @tswebtransport/${platform} brings it, as an optional dependency. When it is not installed, optional ` +
    "dependencies were left out, or node_modules was copied from another platform: delete node_modules and run " +
    "`npm install --include=optional` on this machine."
  );
}
