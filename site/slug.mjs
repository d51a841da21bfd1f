/**
 * The anchor of a heading, as GitHub makes it: what links to a heading holds there and on the site.
 *
 * @param {string} heading
 */
export function slugOf(heading) {
  return heading
    .replace(/<[^>]*>/g, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
}
