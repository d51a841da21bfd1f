import type { SendGroup } from "../types.ts";

/** The CONNECT streams have a share of their own, so that limits and ends of sessions never wait for a stream. */
export const controlSession = 0xffff_ffff;

/** A session's send groups, and the numbers under which the engine's order of sending knows them and the session. */
export class SendGroups {
  /** 0 where the session is the only one: its streams keep the place that every stream has at first. */
  readonly session: number;
  #made: WeakSet<SendGroup> | undefined;
  #count = 0;

  constructor(session: number) {
    this.session = session;
  }

  create(): SendGroup {
    this.#count += 1;
    const group = Object.freeze({ id: this.#count });
    this.#made ??= new WeakSet();
    this.#made.add(group);
    return group;
  }

  /** Why a stream of the session cannot be in the group. */
  refusal(group: SendGroup | undefined): TypeError | undefined {
    if (group === undefined || this.#made?.has(group) === true) return undefined;
    return new TypeError("Cannot use the send group: it was not made by createSendGroup() of the stream's own session");
  }

  /** The group's number in the session; 0 stands for none. Throws TypeError for a group of another session. */
  numberOf(group: SendGroup | undefined): number {
    const refusal = this.refusal(group);
    if (refusal !== undefined) throw refusal;
    return group?.id ?? 0;
  }
}
