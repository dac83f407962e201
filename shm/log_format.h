#pragma once

/*
 * log_format: what a line of the access log can say, by name, and the text that an operator gives a
 * line in the place of JSON: "$name" is a field, "$$" a dollar sign. It is compiled when it is
 * read, so that writing a line looks nothing up. Bytes in, bytes out.
 *
 * Row: name; 1: it is a member of the JSON, in this order.
 */

#include "lib/buf.h"
#include "lib/slice.h"

#define LOG_FIELDS(X)                                                                              \
	X(time, 1)                                                                                 \
	X(id, 1)                                                                                   \
	X(trace, 1)                                                                                \
	X(client, 1)                                                                               \
	X(method, 1)                                                                               \
	X(host, 1)                                                                                 \
	X(path, 1)                                                                                 \
	X(status, 1)                                                                               \
	X(bytes_in, 1)                                                                             \
	X(bytes_out, 1)                                                                            \
	X(duration_us, 1)                                                                          \
	X(head_us, 1)                                                                              \
	X(route, 1)                                                                                \
	X(revision, 1)                                                                             \
	X(arm, 1)                                                                                  \
	X(upstream, 1)                                                                             \
	X(connect_us, 1)                                                                           \
	X(upstream_us, 1)                                                                          \
	X(tries, 1)                                                                                \
	X(queue_us, 1)                                                                             \
	X(user, 1)                                                                                 \
	X(ignored, 1)                                                                              \
	X(tls, 1)                                                                                  \
	X(suite, 1)                                                                                \
	X(sni, 1)                                                                                  \
	X(cert, 1)                                                                                 \
	X(cert_cn, 1)                                                                              \
	X(resumed, 1)                                                                              \
	X(shadow, 1)                                                                               \
	X(reason, 1)                                                                               \
	X(ended_by, 1)                                                                             \
	X(phase, 1)                                                                                \
	X(limit, 1)                                                                                \
	X(field, 1)                                                                                \
	X(sample, 1)                                                                               \
	X(agent, 1)                                                                                \
	X(time_common, 0)                                                                          \
	X(protocol, 0)                                                                             \
	X(referer, 0)

enum log_field {
#define X(name, json) LOG_FIELD_##name,
	LOG_FIELDS(X)
#undef X
	    LOG_FIELD_N
};

/* NCSA's combined format, which most analysers read. */
#define LOG_FORMAT_COMBINED                                                                        \
	"$client - $user [$time_common] \"$method $path $protocol\" $status $bytes_out "           \
	"\"$referer\" \"$agent\""

const char *log_field_name(enum log_field field);

/* What `text` is compiled to, appended to `out`: literal bytes, and for a field the byte
 * LOG_FORMAT_FIELD and its number + ' '. 0; or 1, when something in it is wrong: *bad is that part
 * of the text, a '$' with the name behind it, or a byte that no line may hold. */
int log_format_compile(struct slice text, struct buf *out, struct slice *bad)
    __attribute__((warn_unused_result));
#define LOG_FORMAT_FIELD '\x01'

/* One part of what was compiled: takes it off *program. True: a literal or a field. */
struct log_part {
	struct slice literal; /* p NULL: a field */
	enum log_field field; /* LOG_FIELD_N: none that there is */
};
bool log_format_next(struct slice *program, struct log_part *part);
