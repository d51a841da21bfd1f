import { refused } from "../config/option-table.ts";
import { integer, oneOf, text, flag } from "../config/option-checks.ts";

import { SessionSort } from "./target.ts";
import type { SessionQuery, SessionRow } from "./target.ts";

const maxRows = 1000;
const maxOffset = 100_000;

export interface RowOrder {
  readonly sort: SessionSort;
  readonly descending: boolean;
}

export interface CompleteSessionQuery {
  readonly limit: number;
  readonly offset: number;
  readonly order: RowOrder;
  /** In lower case; "" matches all. */
  readonly filter: string;
}

/** With every default. Throws ConfigurationError. */
export function sessionQuery(query: SessionQuery = {}): CompleteSessionQuery {
  const { limit = 100, offset = 0, sort = "age", descending = false, filter = "" } = query;
  const checks: readonly (readonly [string, unknown, string | undefined])[] = [
    ["limit", limit, integer(1, maxRows)(limit)],
    ["offset", offset, integer(0, maxOffset)(offset)],
    ["sort", sort, oneOf(...Object.values(SessionSort))(sort)],
    ["descending", descending, flag(descending)],
    ["filter", filter, filter === "" ? undefined : text(filter)],
  ];
  for (const [name, value, reason] of checks) if (reason !== undefined) throw refused(name, value, reason);
  return { limit, offset, order: { sort, descending }, filter: filter.toLowerCase() };
}

/** Equal ones stand in the order of their ids, so that pages do not overlap. */
export function rowOrder({ sort, descending }: RowOrder): (left: SessionRow, right: SessionRow) => number {
  const direction = descending ? -1 : 1;
  return (left, right) => direction * compare(keyOf(left, sort), keyOf(right, sort)) || compare(left.id, right.id);
}

function keyOf(row: SessionRow, sort: SessionSort): string | number {
  return sort === "address" ? `${row.remoteAddress.host} ${row.remoteAddress.port}` : row[sort];
}

function compare(left: string | number, right: string | number): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
