import { SettingId } from "../../constants/http3.ts";
import type { Settings } from "../http3/settings.ts";
import type { HeaderList } from "../output.ts";
import { fieldSectionSize } from "../qpack/field-section.ts";

import {
  announcedDrafts,
  isFlowControlled,
  negotiateDraft,
  obstacleOf,
  sessionLimitsOf,
  simultaneousSessions,
} from "./drafts.ts";
import type { Draft, SessionLimits } from "./drafts.ts";
import { SessionFlowControl } from "./flow-control.ts";

/** A field section that is larger than the peer takes. In bytes, as RFC 9114 §4.2.2 counts them. */
export interface FieldSectionExcess {
  readonly size: number;
  readonly limit: number;
}

/** What is known of the other side, and with it agreed on. Of its SETTINGS only what is used is kept. */
export class Peer {
  readonly #ours: Settings;
  /** The peer takes QUIC datagrams. */
  takesDatagrams = false;
  #isKnown = false;
  #draft: Draft | undefined;
  #takesHttpDatagrams = false;
  #announcesWebTransport = false;
  #obstacle: string | undefined;
  #maxFieldSectionSize: number | undefined;
  #simultaneousSessions = 1;
  /** Undefined where the two do not limit each other's sessions. */
  #sessionLimits: SessionLimits | undefined;

  /** `ours`: what this side announces. */
  constructor(ours: Settings) {
    this.#ours = ours;
  }

  takeSettings(theirs: Settings): void {
    const ours = this.#ours;
    const draft = negotiateDraft(ours, theirs);
    const maxFieldSectionSize = theirs.get(SettingId.maxFieldSectionSize);
    this.#isKnown = true;
    this.#draft = draft;
    this.#takesHttpDatagrams = theirs.get(SettingId.h3Datagram) === 1n;
    this.#announcesWebTransport = announcedDrafts(theirs).length > 0;
    this.#obstacle = obstacleOf(ours, theirs);
    this.#maxFieldSectionSize = maxFieldSectionSize === undefined ? undefined : Number(maxFieldSectionSize);
    if (draft === undefined) return;
    this.#simultaneousSessions = simultaneousSessions(draft, ours, theirs);
    if (isFlowControlled(draft, ours, theirs)) this.#sessionLimits = sessionLimitsOf(theirs);
  }

  /** The peer's SETTINGS have come. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** The newest draft that both sides announce. */
  get draft(): Draft | undefined {
    return this.#draft;
  }

  /** HTTP datagrams go both ways (RFC 9297 §2.1.1). */
  get datagrams(): boolean {
    return this.takesDatagrams && this.#takesHttpDatagrams;
  }

  /** Drafts of ours, or others. */
  get announcesWebTransport(): boolean {
    return this.#announcesWebTransport;
  }

  /** Client: why there can be no session; undefined when there can. */
  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /** RFC 9114 §4.2.2: how these fields are more than the peer takes; undefined when they are not. */
  excessOf(fields: HeaderList): FieldSectionExcess | undefined {
    const limit = this.#maxFieldSectionSize;
    if (limit === undefined) return undefined;
    const size = fieldSectionSize(fields);
    return size > limit ? { size, limit } : undefined;
  }

  /** Client: sessions that the server allows on the connection at a time; 1 until its SETTINGS have come. */
  get simultaneousSessions(): number {
    return this.#simultaneousSessions;
  }

  /** For a new session; undefined where the two do not limit each other's sessions. */
  newFlowControl(): SessionFlowControl | undefined {
    const theirs = this.#sessionLimits;
    return theirs === undefined ? undefined : new SessionFlowControl(sessionLimitsOf(this.#ours), theirs);
  }
}
