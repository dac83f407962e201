#pragma once

/*
 * uri: one canonical path. The gate, the router and the upstream all see the same one.
 */

#include "slice.h"

/* Another reader could read it differently: ';', %3B, %2F, %5C, %3F, %23, and triplets of
 * characters that may stand in a path as they are (%3A, %40). See uri_reading. */
#define URI_SUSPECT 1u
/* Percent triplets are left. */
#define URI_TRIPLET 2u

struct uri_path {
	struct slice path; /* canonical: starts with '/', no empty segments, no dot segments,
			    * unreserved characters decoded, remaining triplets as they came,
			    * "<>[]^`{|} encoded; a slash at the end is kept */
	unsigned flags;    /* URI_* */
	bool same;         /* it was canonical already: path points into the input */
};

/* `raw`: origin-form path without the query ("/a/b"). `out` needs URI_ROOM(raw.n) bytes; NULL: only
 * look whether it is canonical. 0; 1 when it is not and there is no `out`; or -EINVAL for what is
 * refused always (without `out` it may be 1): not starting with '/', bytes that nobody sends in a
 * path (backslash, '#', space, controls, >= 0x80), a broken triplet, %00, an encoded overlong or
 * invalid UTF-8 sequence that decodes to ASCII. Dot segments above the root are resolved at the
 * root (RFC 3986 section 5.2.4). The ten characters "<>[]^`{|} that section 3.3 does not allow, but
 * that everyone takes for themselves, are encoded. */
#define URI_ROOM(n) (3 * (n) + 1)
int uri_canonical(struct slice raw, char *out, struct uri_path *result);

/* Is this a query that everyone takes for one? Visible ASCII without '#': wider than RFC 3986
 * section 3.4, since browsers send '|' and brackets as they are. */
bool uri_query_is_clean(struct slice query);

/* How more liberal readers would understand a suspect path, in match form. There are several, since
 * a path can be made for one of them: where any comes to another verdict than the canonical path,
 * the request is ambiguous. `which` < URI_READINGS:
 *   0: triplets are decoded (%2F and %5C separate, %3F and %23 end the path), then ";params" are
 *      taken off segments,
 *   1: as 0, but params are taken off before decoding,
 *   2: only decoded,
 *   3: only params taken off,
 *   4, 5, 6: as 0, 1, 2, but %3F and %23 are ordinary characters;
 * dots are resolved after it. *climbs: in this reading there is a ".." segment, which a canonical
 * path has not: it may lead out of whatever is put before the path. `out` needs path.n + 1 bytes.
 */
#define URI_READINGS 7
struct slice uri_reading(struct slice path, unsigned which, char *out, bool *climbs);
/* Hex digits of triplets in upper case, for matching; `out` needs path.n bytes. */
struct slice uri_match_form(struct slice path, char *out);

/* Triplets become the bytes that they stand for (RFC 3986 section 2.1), any of them; what is none
 * stays as it is. Not for what is routed by. `out` needs in.n bytes. */
struct slice uri_unescape(struct slice in, char *out);
/* The same of a name or value of application/x-www-form-urlencoded: a plus is a blank. */
struct slice uri_unescape_form(struct slice in, char *out);

/* What of a target or path may stand in a log: the rest, from a query, a fragment or the parameters
 * of a segment on, escaped or not, is where people put tokens. */
struct slice uri_shown(struct slice target);

struct uri_host {
	struct slice host;      /* lower case, no port, no dot at the end; IPv6 with its brackets */
	struct slice host_port; /* host ":" port when a port was given, else host */
	int port;               /* -1: none */
};
/* A Host field or authority (RFC 9110 section 7.2, RFC 3986 section 3.2.2). Stricter than these: a
 * name consists of unreserved characters, since a percent sign or a delimiter (and userinfo) in a
 * host only serves to be read in two ways; labels are not empty; port 0 is refused. `out` needs
 * 2 * raw.n + 2 bytes. 0 or -EINVAL. An empty value gives an empty host. */
#define URI_HOST_MAX 255
int uri_host_parse(struct slice raw, char *out, struct uri_host *result);
