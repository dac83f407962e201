#include "plan.h"

#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
	"usage: bench-load [options] http://HOST:PORT/PATH\n"
	"HOST is a numeric address. Prints one JSON object per window.\n"
	"  -c, --connections N    at once (64)\n"
	"  -d, --seconds S        length of the window (5)\n"
	"  -w, --warmup S         a window before it that does not count (0)\n"
	"  -r, --rate N           open loop: N requests/s, random arrivals, latency from the due time\n"
	"  -m, --method NAME      GET\n"
	"  -H, --header FIELD     \"Name: value\"; \"{token}\" in it is the next token; may be repeated\n"
	"      --tokens FILE      one token a line, used in turn\n"
	"      --paths FILE       one path a line, used in turn, instead of the URL's\n"
	"  -b, --body BYTES       a body with each request\n"
	"      --new-connection   a connection for each request\n"
	"      --status N         the right status (200)\n"
	"      --length BYTES     the right length of the answer's body (any)\n"
	"      --timeout S        per request (10)\n"
	"      --seed N           of the random arrivals (1)\n"
	"      --control          wait on standard input for lines \"run SECONDS [RATE]\", one window each\n";

enum option_id { OPT_TOKENS = 256, OPT_PATHS, OPT_NEW, OPT_STATUS, OPT_LENGTH, OPT_TIMEOUT, OPT_SEED, OPT_CONTROL };

static const struct option options[] = {
	{ "connections", required_argument, NULL, 'c' },
	{ "seconds", required_argument, NULL, 'd' },
	{ "warmup", required_argument, NULL, 'w' },
	{ "rate", required_argument, NULL, 'r' },
	{ "method", required_argument, NULL, 'm' },
	{ "header", required_argument, NULL, 'H' },
	{ "tokens", required_argument, NULL, OPT_TOKENS },
	{ "paths", required_argument, NULL, OPT_PATHS },
	{ "body", required_argument, NULL, 'b' },
	{ "new-connection", no_argument, NULL, OPT_NEW },
	{ "status", required_argument, NULL, OPT_STATUS },
	{ "length", required_argument, NULL, OPT_LENGTH },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "control", no_argument, NULL, OPT_CONTROL },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int
refuse(const char *what, const char *value)
{
	fprintf(stderr, "bench-load: %s: %s\n", value, what);
	return -EINVAL;
}

static int
parse_number(const char *text, double min, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	if (errno || end == text || *end || !(*out >= min) || *out > 1e15)
		return refuse("not a number in range", text);
	return 0;
}

static int
parse_count(const char *text, double min, uint64_t *out)
{
	double value;
	int r = parse_number(text, min, &value);

	if (r == 0)
		*out = (uint64_t)value;
	return r;
}

static void
list_add(struct plan_list *list, struct slice item)
{
	list->items = xrealloc(list->items, (list->count + 1) * sizeof *list->items);
	list->items[list->count++] = slice_make(xstrndup(item.p, item.n), item.n);
}

static int
list_read(struct plan_list *list, const char *file)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f = fopen(file, "re");

	if (!f)
		return refuse(strerror(errno), file);
	while ((n = getline(&line, &cap, f)) > 0) {
		size_t len = strcspn(line, "\r\n");

		if (len > 0)
			list_add(list, slice_make(line, len));
	}
	free(line);
	fclose(f);
	return list->count ? 0 : refuse("no line in it", file);
}

static void
list_deinit(struct plan_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free((char *)list->items[i].p);
	free(list->items);
}

static struct slice
list_next(struct plan_list *list)
{
	struct slice item = list->items[list->next];

	list->next = list->next + 1 < list->count ? list->next + 1 : 0;
	return item;
}

static int
parse_address(struct plan *plan, struct slice host, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&plan->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&plan->address;
	char text[INET6_ADDRSTRLEN];
	uint64_t number;
	bool bracket = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	int n = bracket ? (int)host.n - 2 : (int)host.n;

	if (parse_count(port, 1, &number) < 0 || number > 65535)
		return -EINVAL;
	snprintf(text, sizeof text, "%.*s", n, bracket ? host.p + 1 : host.p);
	if (bracket && inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)number);
		plan->address_n = sizeof *v6;
		return 0;
	}
	if (inet_pton(AF_INET, text, &v4->sin_addr) != 1)
		return refuse("not a numeric address", text);
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)number);
	plan->address_n = sizeof *v4;
	return 0;
}

/* "http://HOST:PORT[/PATH]" */
static int
parse_url(struct plan *plan, const char *url)
{
	struct slice rest = slice_of(url), authority, path;
	const char *colon;
	int r;

	if (!slice_starts(rest, SLICE("http://")))
		return refuse("only http:// URLs", url);
	rest = slice_make(rest.p + 7, rest.n - 7);
	authority = slice_cut(rest, '/', &path);
	path = path.p ? slice_make(path.p - 1, path.n + 1) : SLICE("/");
	plan->host = xstrndup(authority.p, authority.n);
	colon = strrchr(plan->host, ':');
	if (!colon || colon[1] == '\0' || strchr(colon, ']'))
		return refuse("no port in the URL", url);
	r = parse_address(plan, slice_make(plan->host, (size_t)(colon - plan->host)), colon + 1);
	if (r < 0)
		return r;
	if (plan->paths.count == 0)
		list_add(&plan->paths, path);
	return 0;
}

static int
parse_option(struct plan *plan, int option, const char *value)
{
	uint64_t length;
	int r;

	switch (option) {
	case 'c': return parse_count(value, 1, &plan->connections);
	case 'd': return parse_number(value, 0.001, &plan->seconds);
	case 'w': return parse_number(value, 0, &plan->warmup);
	case 'r': return parse_number(value, 0, &plan->rate);
	case 'm': plan->method = value; return 0;
	case 'H': buf_addf(&plan->fields, "%s\r\n", value); return 0;
	case OPT_TOKENS: return list_read(&plan->tokens, value);
	case OPT_PATHS: return list_read(&plan->paths, value);
	case 'b': return parse_count(value, 0, &plan->body);
	case OPT_NEW: plan->new_connection = true; return 0;
	case OPT_STATUS: return parse_count(value, 100, &plan->status);
	case OPT_LENGTH:
		r = parse_count(value, 0, &length);
		plan->length = r == 0 ? (int64_t)length : -1;
		return r;
	case OPT_TIMEOUT: return parse_number(value, 0.001, &plan->timeout);
	case OPT_SEED: return parse_count(value, 1, &plan->seed);
	case OPT_CONTROL: plan->control = true; return 0;
	case 'h': fputs(usage, stdout); return 1;
	default: fputs(usage, stderr); return -EINVAL;
	}
}

static bool
has_field(const struct plan *plan, struct slice name)
{
	struct slice line, rest = buf_slice(&plan->fields);

	while (rest.n > 0) {
		line = slice_cut(rest, '\n', &rest);
		if (line.n > name.n && line.p[name.n] == ':' && slice_ieq(slice_make(line.p, name.n), name))
			return true;
	}
	return false;
}

/* Fields that every request has, before those that were given. */
static void
complete_fields(struct plan *plan)
{
	struct buf first = { 0 };

	if (!has_field(plan, SLICE("Host")))
		buf_addf(&first, "Host: %s\r\n", plan->host);
	if (plan->new_connection)
		buf_adds(&first, SLICE("Connection: close\r\n"));
	if (plan->body)
		buf_addf(&first, "Content-Length: %llu\r\n", (unsigned long long)plan->body);
	buf_adds(&first, buf_slice(&plan->fields));
	buf_adds(&first, SLICE("\r\n"));
	buf_deinit(&plan->fields);
	plan->fields = first;
}

int
plan_parse(struct plan *plan, int argc, char **argv)
{
	int option, r;

	*plan = (struct plan){ .method = "GET", .connections = 64, .seconds = 5, .timeout = 10, .status = 200,
			       .length = -1, .seed = 1 };
	while ((option = getopt_long(argc, argv, "c:d:w:r:m:H:b:h", options, NULL)) >= 0) {
		r = parse_option(plan, option, optarg);
		if (r != 0)
			return r;
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return -EINVAL;
	}
	r = parse_url(plan, argv[optind]);
	if (r < 0)
		return r;
	complete_fields(plan);
	plan->bodiless = slice_eq(slice_of(plan->method), SLICE("HEAD"));
	if (memmem(plan->fields.p, plan->fields.n, "{token}", 7) && plan->tokens.count == 0)
		return refuse("needs --tokens", "{token}");
	return 0;
}

void
plan_deinit(struct plan *plan)
{
	list_deinit(&plan->paths);
	list_deinit(&plan->tokens);
	buf_deinit(&plan->fields);
	free((char *)plan->host);
	*plan = (struct plan){ 0 };
}

void
plan_next_head(struct plan *plan, struct buf *out)
{
	struct slice rest = buf_slice(&plan->fields);
	const char *hole;

	buf_adds(out, slice_of(plan->method));
	buf_addc(out, ' ');
	buf_adds(out, list_next(&plan->paths));
	buf_adds(out, SLICE(" HTTP/1.1\r\n"));
	while (plan->tokens.count && (hole = memmem(rest.p, rest.n, "{token}", 7)) != NULL) {
		buf_add(out, rest.p, (size_t)(hole - rest.p));
		buf_adds(out, list_next(&plan->tokens));
		rest = slice_make(hole + 7, rest.n - (size_t)(hole - rest.p) - 7);
	}
	buf_adds(out, rest);
}
