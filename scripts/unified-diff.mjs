// Applies a unified diff exactly: no fuzz, no offsets, no silently skipped file. (`patch` is not everywhere, and
// `git apply` skips files below a repository's root.)

/**
 * Yields path and new content of every file of the diff. `read` gives a file's former content, or undefined when there
 * is none. Throws when the diff was made for other contents.
 */
export function* applyPatch(patch, read) {
  for (const { path, hunks } of parse(patch)) {
    const former = (read(path) ?? "").split("\n");
    const result = [];
    let next = 0;
    for (const { start, lines } of hunks) {
      result.push(...former.slice(next, start));
      next = start;
      for (const line of lines) {
        const [kind, text] = [line[0], line.slice(1)];
        if (kind !== "+") {
          if (former[next] !== text) {
            throw new Error(`${path}:${next + 1} is not what the patch was made for: ${JSON.stringify(former[next])}`);
          }
          next += 1;
        }
        if (kind !== "-") result.push(text);
      }
    }
    result.push(...former.slice(next));
    yield [path, result.join("\n")];
  }
}

/** Files with their hunks; `start` is the first line's index. */
function parse(patch) {
  const files = [];
  for (const line of patch.split("\n")) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@/.exec(line);
    if (line.startsWith("--- ")) continue;
    if (line.startsWith("+++ ")) {
      files.push({ path: line.slice("+++ b/".length), hunks: [] });
    } else if (hunk !== null) {
      // A hunk without former lines names the line before it.
      const start = Number(hunk[1]) - (hunk[2] === "0" ? 0 : 1);
      files.at(-1).hunks.push({ start, lines: [] });
    } else if (line !== "") {
      files.at(-1).hunks.at(-1).lines.push(line);
    }
  }
  return files;
}
