/** What differs between the drafts of WebTransport over HTTP/3: data, not branches. */
import { SettingId } from "../../constants/http3.ts";
import type { Settings } from "../http3/settings.ts";

export interface Draft {
  readonly name: string;
  /** The setting that announces it. */
  readonly setting: bigint;
  readonly isAnnouncedBy: (value: bigint) => boolean;
}

/** Newest first: the first that both sides announce is spoken. */
export const drafts: readonly Draft[] = [
  { name: "draft-15", setting: SettingId.wtEnabled, isAnnouncedBy: (value) => value >= 1n },
  { name: "draft-13", setting: SettingId.wtMaxSessions, isAnnouncedBy: (value) => value >= 1n },
  { name: "draft-07", setting: SettingId.webTransportMaxSessions07, isAnnouncedBy: (value) => value >= 1n },
  { name: "draft-02", setting: SettingId.enableWebTransport, isAnnouncedBy: (value) => value === 1n },
];

/** `:protocol` tokens of a WebTransport request: up to draft-14, and since draft-15. */
export const protocolTokens: ReadonlySet<string> = new Set(["webtransport", "webtransport-h3"]);

/** What is announced in SETTINGS. */
export interface DraftProfile {
  readonly name: string;
  readonly settings: readonly (readonly [id: bigint, value: bigint])[];
}

const common = (maxFieldSectionSize: number): DraftProfile["settings"] => [
  [SettingId.qpackMaxTableCapacity, 0n],
  [SettingId.qpackBlockedStreams, 0n],
  [SettingId.maxFieldSectionSize, BigInt(maxFieldSectionSize)],
  [SettingId.enableConnectProtocol, 1n],
  [SettingId.h3Datagram, 1n],
  [SettingId.enableWebTransport, 1n],
];

const fieldSectionSize = 65_536;

/**
 * Serves every browser, and the clients that ask for the settings of drafts 02 to 12. A session limit of 1 keeps
 * Safari from expecting flow control; more sessions are accepted all the same.
 */
export const profileP1: DraftProfile = Object.freeze({
  name: "P1",
  settings: [...common(fieldSectionSize), [SettingId.webTransportMaxSessions07, 1n]] as const,
});

/** As P1, and for clients that insist on draft 15's setting; they also need RESET_STREAM_AT of the engine. */
export const profileP1b: DraftProfile = Object.freeze({
  name: "P1b",
  settings: [...profileP1.settings, [SettingId.wtEnabled, 1n]] as const,
});

/** The newest draft that both sides announce; undefined when there is none. */
export function negotiateDraft(ours: DraftProfile, theirs: Settings): Draft | undefined {
  const announced = new Map(ours.settings);
  const speaks = (settings: Settings, draft: Draft): boolean => {
    const value = settings.get(draft.setting);
    return value !== undefined && draft.isAnnouncedBy(value);
  };
  return drafts.find((draft) => speaks(announced, draft) && speaks(theirs, draft));
}
