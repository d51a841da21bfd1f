/** What differs between the drafts of WebTransport over HTTP/3: data, not branches. */
import type { DraftName, DraftProfileName, DraftSelection } from "../../constants/drafts.ts";
import { SettingId } from "../../constants/http3.ts";
import type { Settings } from "../http3/settings.ts";

export interface Draft {
  readonly name: DraftName;
  /** The setting that announces it. */
  readonly setting: bigint;
  readonly isAnnouncedBy: (value: bigint) => boolean;
  /** What this side announces it with. */
  readonly value: (maxSessions: number) => bigint;
  /** `:protocol` of a session request. */
  readonly token: "webtransport" | "webtransport-h3";
  /** When a session's streams and bytes are limited: never, or when both sides announce limits, or also several sessions. */
  readonly flowControl: "never" | "limits" | "limits or sessions";
  /** Subprotocols are structured fields: strings, and in old drafts tokens. */
  readonly subprotocols: "strings" | "tokens";
}

/** Newest first: the first that both sides announce is spoken. */
export const drafts: readonly Draft[] = [
  {
    name: "draft-15",
    setting: SettingId.wtEnabled,
    isAnnouncedBy: (value) => value >= 1n,
    value: () => 1n,
    token: "webtransport-h3",
    flowControl: "limits",
    subprotocols: "strings",
  },
  {
    name: "draft-13",
    setting: SettingId.wtMaxSessions,
    isAnnouncedBy: (value) => value >= 1n,
    value: (maxSessions) => BigInt(maxSessions),
    token: "webtransport",
    flowControl: "limits or sessions",
    subprotocols: "strings",
  },
  {
    name: "draft-07",
    setting: SettingId.webTransportMaxSessions07,
    isAnnouncedBy: (value) => value >= 1n,
    // A limit of 1 keeps Safari from expecting flow control; more sessions are accepted all the same.
    value: () => 1n,
    token: "webtransport",
    flowControl: "never",
    subprotocols: "tokens",
  },
  {
    name: "draft-02",
    setting: SettingId.enableWebTransport,
    isAnnouncedBy: (value) => value === 1n,
    value: () => 1n,
    token: "webtransport",
    flowControl: "never",
    subprotocols: "strings",
  },
];

/** `:protocol` tokens of a WebTransport request: up to draft-14, and since draft-15. */
export const protocolTokens: ReadonlySet<string> = new Set(drafts.map(({ token }) => token));

/** A set of drafts that is known to serve many peers at once. */
export interface DraftProfile {
  readonly drafts: readonly DraftName[];
  /** Announce session flow control, for drafts that have it. */
  readonly flowControl: boolean;
}

export const draftProfiles: Readonly<Record<DraftProfileName, DraftProfile>> = Object.freeze({
  P1: { drafts: ["draft-02", "draft-07"], flowControl: false },
  P1b: { drafts: ["draft-02", "draft-07", "draft-15"], flowControl: false },
  P2: { drafts: ["draft-02", "draft-13", "draft-15"], flowControl: true },
});

/** What one side lets the other do in each session, all together since its beginning (draft-ietf-webtrans-http3 §5). */
export interface SessionLimits {
  /** Bytes of all streams. */
  readonly maxData: number;
  readonly maxStreamsBidirectional: number;
  readonly maxStreamsUnidirectional: number;
}

export interface AnnouncedOptions {
  readonly drafts: DraftSelection;
  readonly maxSessions: number;
  readonly sessionLimits: SessionLimits;
  readonly maxFieldSectionSize: number;
}

/** Throws RangeError for an empty list or an unknown name. */
export function profileOf(selection: DraftSelection): DraftProfile {
  if (selection === "all") return draftProfiles.P2;
  if (typeof selection === "string") {
    if (Object.hasOwn(draftProfiles, selection)) return draftProfiles[selection];
    throw new RangeError(`Cannot speak "${selection}": it is none of all, P1, P1b and P2`);
  }
  const known = drafts.filter(({ name }) => selection.includes(name));
  const unknown = selection.find((name) => !drafts.some((draft) => draft.name === name));
  if (unknown !== undefined) throw new RangeError(`Cannot speak "${unknown}": no such draft is known`);
  if (known.length === 0) throw new RangeError("Cannot speak no draft at all: the list is empty");
  return {
    drafts: known.map(({ name }) => name),
    flowControl: known.some(({ flowControl }) => flowControl !== "never"),
  };
}

/** The settings that this side sends, in their order. */
export function announcedSettings(options: AnnouncedOptions): Settings {
  const profile = profileOf(options.drafts);
  const settings = new Map<bigint, bigint>([
    [SettingId.qpackMaxTableCapacity, 0n],
    [SettingId.qpackBlockedStreams, 0n],
    [SettingId.maxFieldSectionSize, BigInt(options.maxFieldSectionSize)],
    [SettingId.enableConnectProtocol, 1n],
    [SettingId.h3Datagram, 1n],
  ]);
  for (const draft of drafts.toReversed()) {
    if (profile.drafts.includes(draft.name)) settings.set(draft.setting, draft.value(options.maxSessions));
  }
  if (profile.flowControl) {
    settings.set(SettingId.wtInitialMaxStreamsUni, BigInt(options.sessionLimits.maxStreamsUnidirectional));
    settings.set(SettingId.wtInitialMaxStreamsBidi, BigInt(options.sessionLimits.maxStreamsBidirectional));
    settings.set(SettingId.wtInitialMaxData, BigInt(options.sessionLimits.maxData));
  }
  return settings;
}

/** The newest draft that both sides announce; undefined when there is none. */
export function negotiateDraft(ours: Settings, theirs: Settings): Draft | undefined {
  return drafts.find((draft) => announces(ours, draft) && announces(theirs, draft));
}

/** Whether a peer speaks WebTransport at all, in drafts of ours or in others. */
export function announcedDrafts(settings: Settings): readonly DraftName[] {
  return drafts.filter((draft) => announces(settings, draft)).map(({ name }) => name);
}

/** Whether sessions between the two are flow-controlled (draft-ietf-webtrans-http3 §5.1). */
export function isFlowControlled(draft: Draft, ours: Settings, theirs: Settings): boolean {
  const asks = (settings: Settings): boolean =>
    limitSettings.some((id) => (settings.get(id) ?? 0n) > 0n) ||
    (draft.flowControl === "limits or sessions" && (settings.get(SettingId.wtMaxSessions) ?? 0n) > 1n);
  return draft.flowControl !== "never" && asks(ours) && asks(theirs);
}

/**
 * How many sessions at a time a server of these settings lets a client have on the connection: one where nothing says more.
 * draft-ietf-webtrans-http3-07 §3.1, -13 §3.1: its setting's value. -15 §5.1: as many as it accepts, but without flow control
 * one; a limit of an earlier draft that it announces, too, is taken for its own. -02 knows no number.
 */
export function simultaneousSessions(draft: Draft, ours: Settings, theirs: Settings): number {
  const announced = (id: bigint): number | undefined => {
    const value = theirs.get(id);
    return value === undefined ? undefined : Math.max(1, Number(value));
  };
  switch (draft.name) {
    case "draft-15":
      if (!isFlowControlled(draft, ours, theirs)) return 1;
      return announced(SettingId.wtMaxSessions) ?? Infinity;
    case "draft-13":
      return isFlowControlled(draft, ours, theirs) ? (announced(SettingId.wtMaxSessions) ?? 1) : 1;
    case "draft-07":
      return announced(SettingId.webTransportMaxSessions07) ?? 1;
    case "draft-02":
      return 1;
  }
}

/** The limits in a side's settings; what it does not name is 0 until a capsule raises it. */
export function sessionLimitsOf(settings: Settings): SessionLimits {
  const limit = (id: bigint): number => Number(settings.get(id) ?? 0n);
  return {
    maxData: limit(SettingId.wtInitialMaxData),
    maxStreamsBidirectional: limit(SettingId.wtInitialMaxStreamsBidi),
    maxStreamsUnidirectional: limit(SettingId.wtInitialMaxStreamsUni),
  };
}

/** Why a client cannot open a session with a server of these settings; undefined when it can. */
export function obstacleOf(ours: Settings, theirs: Settings): string | undefined {
  // RFC 9220 §3: extended CONNECT only where the server announces it.
  if (theirs.get(SettingId.enableConnectProtocol) !== 1n) {
    return "its SETTINGS do not announce extended CONNECT (ENABLE_CONNECT_PROTOCOL, 0x08)";
  }
  if (theirs.get(SettingId.h3Datagram) !== 1n) {
    return "its SETTINGS do not announce HTTP datagrams (H3_DATAGRAM, 0x33)";
  }
  if (negotiateDraft(ours, theirs) !== undefined) return undefined;
  const others = announcedDrafts(theirs);
  return others.length === 0
    ? "its SETTINGS announce no draft of WebTransport"
    : `its SETTINGS announce ${others.join(", ")}, this side ${announcedDrafts(ours).join(", ")}`;
}

const limitSettings = [
  SettingId.wtInitialMaxData,
  SettingId.wtInitialMaxStreamsBidi,
  SettingId.wtInitialMaxStreamsUni,
] as const;

function announces(settings: Settings, draft: Draft): boolean {
  const value = settings.get(draft.setting);
  return value !== undefined && draft.isAnnouncedBy(value);
}
