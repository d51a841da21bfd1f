// A Chromium for the tests: an environment variable, the usual places, Playwright's cache; on Debian its package.
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";

import { installDebianPackage, isDebian } from "./debian-package.mjs";
import { runScript, SetUpError } from "./set-up-error.mjs";

const variables = ["TSWEBTRANSPORT_CHROMIUM", "CHROME_PATH"];

/** The path of a Chromium or Chrome, or undefined. */
export function findChromium(environment = process.env) {
  for (const variable of variables) {
    const path = environment[variable];
    if (path !== undefined && path !== "") {
      if (!existsSync(path)) {
        throw new SetUpError(`${variable} names ${path}, which does not exist.`);
      }
      return path;
    }
  }
  return [...usualPlaces(environment), ...playwrightBrowsers(environment)].find((path) => existsSync(path));
}

/** As {@link findChromium}, but installs Debian's package where that is possible, and throws where nothing helps. */
export function ensureChromium() {
  const found = findChromium();
  if (found !== undefined) {
    return found;
  }
  installDebianPackage("chromium", "about a minute");
  const installed = findChromium();
  if (installed !== undefined) {
    return installed;
  }
  throw new SetUpError(
    "The browser tests need Chromium or Chrome, and none was found.\n" +
      `Install one (${isDebian() ? "sudo apt-get install chromium" : "npx playwright-core install chromium"}) or name it: ${variables[0]}=/path/to/chromium npm test`,
  );
}

function usualPlaces(environment) {
  switch (process.platform) {
    case "darwin":
      return ["/Applications", join(homedir(), "Applications")].flatMap((folder) => [
        join(folder, "Chromium.app/Contents/MacOS/Chromium"),
        join(folder, "Google Chrome.app/Contents/MacOS/Google Chrome"),
        join(folder, "Microsoft Edge.app/Contents/MacOS/Microsoft Edge"),
      ]);
    case "win32":
      return [environment["ProgramFiles"], environment["ProgramFiles(x86)"], environment["LOCALAPPDATA"]]
        .filter((folder) => folder !== undefined)
        .flatMap((folder) => [
          join(folder, "Google/Chrome/Application/chrome.exe"),
          join(folder, "Chromium/Application/chrome.exe"),
          join(folder, "Microsoft/Edge/Application/msedge.exe"),
        ]);
    default: {
      const folders = ["/usr/bin", "/usr/local/bin", "/snap/bin", ...(environment["PATH"] ?? "").split(delimiter)];
      return ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"].flatMap((name) =>
        folders.filter((folder) => folder !== "").map((folder) => join(folder, name)),
      );
    }
  }
}

function playwrightBrowsers(environment) {
  const folder = environment["PLAYWRIGHT_BROWSERS_PATH"] ?? playwrightCache(environment);
  if (!existsSync(folder)) {
    return [];
  }
  const newestFirst = readdirSync(folder)
    .filter((name) => /^chromium(_headless_shell)?-\d+$/.test(name))
    .sort((a, b) => Number(b.split("-")[1]) - Number(a.split("-")[1]));
  return newestFirst.flatMap((name) =>
    [
      "chrome-linux64/chrome",
      "chrome-linux/chrome",
      "chrome-headless-shell-linux64/chrome-headless-shell",
      "chrome-linux/headless_shell",
      "chrome-mac/Chromium.app/Contents/MacOS/Chromium",
      "chrome-mac-arm64/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing",
      "chrome-win64/chrome.exe",
      "chrome-win/chrome.exe",
    ].map((path) => join(folder, name, path)),
  );
}

function playwrightCache(environment) {
  switch (process.platform) {
    case "darwin":
      return join(homedir(), "Library/Caches/ms-playwright");
    case "win32":
      return join(environment["LOCALAPPDATA"] ?? homedir(), "ms-playwright");
    default:
      return join(environment["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "ms-playwright");
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runScript(() => console.log(ensureChromium()));
}
