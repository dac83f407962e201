#include "redirect.h"

#include "shm/template.h"

static bool
is_of_url(char c)
{
	return c > ' ' && c < 0x7f && c != '\\' && c != '"' && c != '<' && c != '>' && c != '^' &&
	       c != '`' && c != '{' && c != '}' && c != '|';
}

static bool
is_of_authority(char c)
{
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	       (c != '\0' && strchr(".-_:[]", c));
}

/* Behind "scheme://": the authority is literal and $host, and ends before the path. */
static const char *
authority_fault(struct slice rest)
{
	struct template_part part;
	bool any = false;

	while (template_next(&rest, &part)) {
		if (!part.literal.p) {
			if (part.name != TEMPLATE_HOST)
				break;
			any = true;
			continue;
		}
		for (size_t i = 0; i < part.literal.n; i++) {
			char c = part.literal.p[i];

			if (c == '/' || c == '?' || c == '#')
				return any ? NULL : "names no host; write https://host/path";
			if (!is_of_authority(c))
				return "has a character in the host that it cannot have; write "
				       "https://host/path";
			any = true;
		}
	}
	return any ? NULL : "names no host; write https://host/path, or $host for the client's";
}

/* "/path": what follows the slash must not make "//host" of it. */
static const char *
path_fault(struct slice to)
{
	static const char fault[] = "could lead to another host; write https://host/path, or /path "
				    "with a letter behind the slash";

	if (to.n > 1 && to.p[1] == '/')
		return fault;
	if (slice_starts(to, SLICE("/$")) && !slice_starts(to, SLICE("/$query")))
		return fault;
	return NULL;
}

const char *
redirect_fault(struct slice to)
{
	static const struct slice schemes[] = {
		{ "https://", 8 },
		{ "http://", 7 },
		{ "$scheme://", 10 },
	};

	for (size_t i = 0; i < to.n; i++) {
		if (!is_of_url(to.p[i]))
			return "has a character that a URL cannot have; write it as a percent "
			       "triplet";
	}
	if (template_names(to) & ~TEMPLATE_OF_URL)
		return "has a variable that there is not; there are $scheme, $host, $path, $rest "
		       "and "
		       "$query ($$ is a dollar sign)";
	if (slice_starts(to, SLICE("$path")))
		return NULL;
	if (to.n > 0 && to.p[0] == '/')
		return path_fault(to);
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		if (slice_starts(to, schemes[i]))
			return authority_fault(
			    slice_make(to.p + schemes[i].n, to.n - schemes[i].n));
	}
	return "is no URL; write https://host/path or /path";
}
