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
import type { Draft } from "./drafts.ts";
import { SessionFlowControl } from "./flow-control.ts";

/** A field section that is larger than the peer takes. In bytes, as RFC 9114 §4.2.2 counts them. */
export interface FieldSectionExcess {
  readonly size: number;
  readonly limit: number;
}

/** What is known of the other side, and with it agreed on. */
export class Peer {
  readonly #ours: Settings;
  /** The peer takes QUIC datagrams. */
  takesDatagrams = false;
  #settings: Settings | undefined;
  #draft: Draft | undefined;

  /** `ours`: what this side announces. */
  constructor(ours: Settings) {
    this.#ours = ours;
  }

  takeSettings(settings: Settings): void {
    this.#settings = settings;
    this.#draft = negotiateDraft(this.#ours, settings);
  }

  /** Undefined until the peer's SETTINGS have come. */
  get settings(): Settings | undefined {
    return this.#settings;
  }

  /** The newest draft that both sides announce. */
  get draft(): Draft | undefined {
    return this.#draft;
  }

  /** HTTP datagrams go both ways (RFC 9297 §2.1.1). */
  get datagrams(): boolean {
    return this.takesDatagrams && this.#settings?.get(SettingId.h3Datagram) === 1n;
  }

  /** Drafts of ours, or others. */
  get announcesWebTransport(): boolean {
    return this.#settings !== undefined && announcedDrafts(this.#settings).length > 0;
  }

  /** Client: why there can be no session; undefined when there can. */
  get obstacle(): string | undefined {
    return this.#settings === undefined ? undefined : obstacleOf(this.#ours, this.#settings);
  }

  /** RFC 9114 §4.2.2: how these fields are more than the peer takes; undefined when they are not. */
  excessOf(fields: HeaderList): FieldSectionExcess | undefined {
    const limit = this.#settings?.get(SettingId.maxFieldSectionSize);
    if (limit === undefined) return undefined;
    const size = fieldSectionSize(fields);
    return size > limit ? { size, limit: Number(limit) } : undefined;
  }

  /** Client: sessions that the server allows on the connection at a time; 1 until its SETTINGS have come. */
  get simultaneousSessions(): number {
    const theirs = this.#settings;
    return theirs === undefined || this.#draft === undefined
      ? 1
      : simultaneousSessions(this.#draft, this.#ours, theirs);
  }

  /** For a new session; undefined where the two do not limit each other's sessions. */
  newFlowControl(): SessionFlowControl | undefined {
    const theirs = this.#settings;
    if (theirs === undefined || this.#draft === undefined) return undefined;
    if (!isFlowControlled(this.#draft, this.#ours, theirs)) return undefined;
    return new SessionFlowControl(sessionLimitsOf(this.#ours), sessionLimitsOf(theirs));
  }
}
