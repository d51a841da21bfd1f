import { addressGroup } from "../../base/address-group.ts";
import type { Connection } from "../../transport/types.ts";

/** Counts by client address: IPv6 by /64. A connection stays with the address that it has come from (RFC 9000 §9). */
export class AddressCounts {
  readonly #groups = new WeakMap<Connection, string>();
  /** None is 0. */
  readonly #counts = new Map<string, number>();

  count(connection: Connection): number {
    return this.#counts.get(this.#groupOf(connection)) ?? 0;
  }

  add(connection: Connection): void {
    this.#change(connection, 1);
  }

  remove(connection: Connection): void {
    this.#change(connection, -1);
  }

  #change(connection: Connection, by: number): void {
    const group = this.#groupOf(connection);
    const count = (this.#counts.get(group) ?? 0) + by;
    if (count === 0) this.#counts.delete(group);
    else this.#counts.set(group, count);
  }

  #groupOf(connection: Connection): string {
    let group = this.#groups.get(connection);
    if (group === undefined) {
      group = addressGroup(connection.remoteAddress.host);
      this.#groups.set(connection, group);
    }
    return group;
  }
}
