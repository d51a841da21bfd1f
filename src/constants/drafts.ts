/** Drafts of WebTransport over HTTP/3, each by the first draft that has its setting; the ones up to the next have it, too. */
export const draftNames = Object.freeze(["draft-02", "draft-07", "draft-13", "draft-15"] as const);
/** A draft of WebTransport over HTTP/3, by the first draft that has its setting. */
export type DraftName = (typeof draftNames)[number];

/**
 * Sets of drafts that are known to serve many peers at once.
 * - `P1`: drafts 02 and 07, which every browser and most native clients speak.
 * - `P1b`: as P1, and draft 15 without session flow control.
 * - `P2`: drafts 02, 13 and 15 with session flow control. Old clients that know draft 07 alone are not served.
 */
export const draftProfileNames = Object.freeze(["P1", "P1b", "P2"] as const);
/** A set of drafts that is announced. */
export type DraftProfileName = (typeof draftProfileNames)[number];

/** `all`: the widest profile, P2. A list of drafts: exactly these, with session flow control where a draft has it. */
export type DraftSelection = "all" | DraftProfileName | readonly DraftName[];
