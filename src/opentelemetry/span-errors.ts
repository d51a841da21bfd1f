import { SpanStatusCode } from "@opentelemetry/api";
import type { Span } from "@opentelemetry/api";

import { errorText } from "../base/error-text.ts";

import { errorType } from "./attributes.ts";
import { Attribute } from "./names.ts";

/** The span has failed with what was thrown. Returns its `error.type`. */
export function recordError(span: Span, thrown: unknown): string {
  const type = errorType(thrown);
  span.recordException(thrown instanceof Error ? thrown : errorText(thrown));
  fail(span, type, thrown instanceof Error ? thrown.message : "");
  return type;
}

export function fail(span: Span, type: string, message: string): void {
  span.setAttribute(Attribute.ERROR_TYPE, type);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== "" && { message }) });
}
