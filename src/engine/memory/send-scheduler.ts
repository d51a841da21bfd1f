/** Who waits to send; the fields are the scheduler's. */
export interface Sendable {
  group: number;
  order: number;
  scheduled: boolean;
}

/** Which stream sends next: groups in turn, within a group the highest order first, equals in turn. */
export class SendScheduler<S extends Sendable> {
  readonly #groups = new Map<number, S[]>();

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  push(stream: S): void {
    if (stream.scheduled) return;
    stream.scheduled = true;
    const group = this.#groups.get(stream.group);
    if (group === undefined) this.#groups.set(stream.group, [stream]);
    else group.push(stream);
  }

  /** Takes the next stream, and puts its group behind the others. */
  pop(): S | undefined {
    for (const [id, group] of this.#groups) {
      this.#groups.delete(id);
      let next = group[0];
      for (const stream of group) if (next !== undefined && stream.order > next.order) next = stream;
      if (next === undefined) continue;
      group.splice(group.indexOf(next), 1);
      if (group.length > 0) this.#groups.set(id, group);
      next.scheduled = false;
      return next;
    }
    return undefined;
  }

  remove(stream: S): void {
    if (!stream.scheduled) return;
    stream.scheduled = false;
    const group = this.#groups.get(stream.group);
    if (group === undefined) return;
    group.splice(group.indexOf(stream), 1);
    if (group.length === 0) this.#groups.delete(stream.group);
  }

  clear(): void {
    this.#groups.clear();
  }
}
