/** Links and headings of Markdown, outside of its code. */
import { slugOf } from "../../site/slug.mjs";

export interface Link {
  readonly text: string;
  readonly target: string;
  /** Counted from 1. */
  readonly line: number;
}

export function linksOf(markdown: string): Link[] {
  return prose(markdown).flatMap(({ text, line }) =>
    [...text.replace(/`[^`]*`/g, "code").matchAll(/\[([^\]]*)\]\(([^)\s]*)\)/g)].map(([, label = "", target = ""]) => ({
      text: label,
      target,
      line,
    })),
  );
}

/** The anchors of a file's headings: a second one of the same name ends in `-1`. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const { text } of prose(markdown)) {
    const [, heading] = /^#{1,6} (.+)$/.exec(text) ?? [];
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

function prose(markdown: string): { readonly text: string; readonly line: number }[] {
  let fence: string | undefined;
  return markdown.split("\n").flatMap((text, index) => {
    const [, marker] = /^\s*(`{3,})/.exec(text) ?? [];
    if (marker !== undefined && (fence === undefined || fence === marker)) {
      fence = fence === undefined ? marker : undefined;
      return [];
    }
    return fence === undefined ? [{ text, line: index + 1 }] : [];
  });
}
