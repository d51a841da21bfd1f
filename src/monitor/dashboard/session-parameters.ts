import type { SessionQuery, SessionSort } from "../target.ts";
import { sessionQuery } from "../session-query.ts";

const names = ["limit", "offset", "sort", "descending", "filter"] as const;
const longestFilter = 200;

/** A query of the table as its URL has it. Throws ConfigurationError for what is none. */
export function sessionParameters(parameters: URLSearchParams): SessionQuery {
  const [limit, offset, sort, descending, filter] = names.map((name) => parameters.get(name) ?? undefined);
  const query: SessionQuery = {
    ...(limit !== undefined && { limit: numberOf(limit) }),
    ...(offset !== undefined && { offset: numberOf(offset) }),
    ...(sort !== undefined && { sort: sort as SessionSort }),
    ...(descending !== undefined && { descending: descending === "true" }),
    ...(filter !== undefined && { filter: filter.trim().slice(0, longestFilter) }),
  };
  sessionQuery(query);
  return query;
}

/** NaN for what is no number: the query's own check tells it. */
function numberOf(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}
