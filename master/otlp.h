#pragma once

/*
 * otlp: spans as JSON of an ExportTraceServiceRequest: the JSON mapping of opentelemetry-proto (ids
 * in hex, 64-bit numbers as strings) with names of the OpenTelemetry semantic conventions of HTTP.
 * Bytes in, bytes out.
 */

#include "lib/buf.h"
#include "shm/span.h"

/* What stands before the first span: who made them. */
void otlp_begin(struct buf *out, struct slice service, struct slice version, struct slice host);
/* One span; a comma between two is the caller's. */
void otlp_span(struct buf *out, const struct span *s, const struct slice text[SPAN_TEXTS]);
void otlp_end(struct buf *out);
/* How many of those sent were rejected by this answer of success (ExportTracePartialSuccess), at
 * most `sent`, and why, as a string of at most `size` bytes. What is no such answer rejects none.
 */
unsigned otlp_rejected(struct slice answer, unsigned sent, char *words, size_t size);
