#include "plan.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_BYTES 64

static const char usage[] =
    "usage: bench-load [options] http[s]://HOST[:PORT][/PATH]\n"
    "Sends requests and prints what became of them: lines on a terminal, else one JSON object. "
    "Exit status 0: some request\n"
    "succeeded.\n"
    "\n"
    "How much\n"
    "  -c, --connections N    at once (64)\n"
    "  -d, --seconds S        length of the window (5)\n"
    "  -w, --warmup S         a window before it that does not count (0)\n"
    "  -r, --rate N           open loop: N requests/s, random arrivals, latency from the due time. "
    "Without it each\n"
    "                         connection sends its next request when it has the answer (closed "
    "loop)\n"
    "      --new-connection   a connection for each request\n"
    "      --timeout S        per request (10)\n"
    "      --seed N           of the random arrivals (1)\n"
    "\n"
    "What\n"
    "  -m, --method NAME      GET\n"
    "  -H, --header FIELD     \"Name: value\"; \"{token}\" in it is the next token; may be "
    "repeated\n"
    "  -b, --body BYTES       a body with each request\n"
    "      --paths FILE       one path a line, used in turn, instead of the URL's\n"
    "      --routes N         the path has \"{n}\", which is 0 to N-1 in turn\n"
    "      --websocket        open WebSockets and send a message on each; the server must echo it. "
    "A request is a\n"
    "                         message of --body bytes (64) and its echo; \"closed\" counts "
    "WebSockets that it ended\n"
    "\n"
    "TLS, with https:// or wss://; certificates are not verified\n"
    "      --tls VERSION      1.2 or 1.3 (either)\n"
    "      --groups LIST      as openssl's -groups (X25519:P-256)\n"
    "      --server-name NAME it is asked for (the URL's host, if that is a name)\n"
    "      --resume           a connection offers the session of an earlier one; a whole handshake "
    "is an error then\n"
    "\n"
    "Tokens, in \"Authorization: Bearer\" unless a header says \"{token}\"\n"
    "      --token-file FILE  one a line, used in turn\n"
    "      --jwt-secret FILE  mint them: a secret (HS256), or a private RSA key in PEM (RS256)\n"
    "      --tokens N         that many, used in turn (1); 0: a new one for each request\n"
    "      --claim NAME=VALUE a text claim; \"{n}\" in it is the token's number; may be repeated "
    "(sub=user-{n})\n"
    "      --ttl S            seconds until they expire; negative: they have (86400)\n"
    "\n"
    "Which answers are right; all others are errors\n"
    "      --status N         200\n"
    "      --length BYTES     of the body (any)\n"
    "\n"
    "What happens meanwhile\n"
    "      --while COMMAND    the shell runs it after a third of the window; the result tells "
    "before, during (until a\n"
    "                         second after its end) and after apart\n"
    "      --control          wait on standard input for lines \"run SECONDS [RATE]\", one window "
    "each\n";

enum option_id {
	OPT_TOKEN_FILE = 256,
	OPT_SECRET,
	OPT_TOKENS,
	OPT_CLAIM,
	OPT_TTL,
	OPT_PATHS,
	OPT_ROUTES,
	OPT_NEW,
	OPT_STATUS,
	OPT_LENGTH,
	OPT_TIMEOUT,
	OPT_SEED,
	OPT_CONTROL,
	OPT_WEBSOCKET,
	OPT_WHILE,
	OPT_TLS,
	OPT_GROUPS,
	OPT_SERVER_NAME,
	OPT_RESUME,
};

static const struct option options[] = {
	{ "connections", required_argument, NULL, 'c' },
	{ "seconds", required_argument, NULL, 'd' },
	{ "warmup", required_argument, NULL, 'w' },
	{ "rate", required_argument, NULL, 'r' },
	{ "method", required_argument, NULL, 'm' },
	{ "header", required_argument, NULL, 'H' },
	{ "token-file", required_argument, NULL, OPT_TOKEN_FILE },
	{ "jwt-secret", required_argument, NULL, OPT_SECRET },
	{ "tokens", required_argument, NULL, OPT_TOKENS },
	{ "claim", required_argument, NULL, OPT_CLAIM },
	{ "ttl", required_argument, NULL, OPT_TTL },
	{ "paths", required_argument, NULL, OPT_PATHS },
	{ "routes", required_argument, NULL, OPT_ROUTES },
	{ "body", required_argument, NULL, 'b' },
	{ "new-connection", no_argument, NULL, OPT_NEW },
	{ "status", required_argument, NULL, OPT_STATUS },
	{ "length", required_argument, NULL, OPT_LENGTH },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "control", no_argument, NULL, OPT_CONTROL },
	{ "websocket", no_argument, NULL, OPT_WEBSOCKET },
	{ "while", required_argument, NULL, OPT_WHILE },
	{ "tls", required_argument, NULL, OPT_TLS },
	{ "groups", required_argument, NULL, OPT_GROUPS },
	{ "server-name", required_argument, NULL, OPT_SERVER_NAME },
	{ "resume", no_argument, NULL, OPT_RESUME },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct given { /* options that are of use together */
	const char *secret;
	uint64_t tokens, routes;
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

static int
parse_texts(struct texts *texts, const char *file)
{
	int r = texts_read(texts, file);

	return r == 0 ? 0 : refuse(r == -ENODATA ? "no line in it" : strerror(-r), file);
}

static int
parse_ttl(const char *text, int64_t *out)
{
	double value;
	int r = parse_number(text, -1e9, &value);

	if (r == 0)
		*out = (int64_t)value;
	return r;
}

static int
parse_version(const char *text, int *out)
{
	if (strcmp(text, "1.2") != 0 && strcmp(text, "1.3") != 0)
		return refuse("neither 1.2 nor 1.3", text);
	*out = text[2] == '2' ? 0x0303 : 0x0304;
	return 0;
}

static int
parse_option(struct plan *plan, struct given *given, int option, const char *value)
{
	uint64_t length;
	int r;

	switch (option) {
	case 'c':
		return parse_count(value, 1, &plan->connections);
	case 'd':
		return parse_number(value, 0.001, &plan->seconds);
	case 'w':
		return parse_number(value, 0, &plan->warmup);
	case 'r':
		return parse_number(value, 0, &plan->rate);
	case 'm':
		plan->method = value;
		return 0;
	case 'H':
		buf_addf(&plan->fields, "%s\r\n", value);
		return 0;
	case OPT_TOKEN_FILE:
		return parse_texts(&plan->tokens, value);
	case OPT_SECRET:
		given->secret = value;
		return 0;
	case OPT_TOKENS:
		return parse_count(value, 0, &given->tokens);
	case OPT_CLAIM:
		return mint_claim(&plan->mint, value) < 0 ? refuse("not NAME=VALUE", value) : 0;
	case OPT_TTL:
		return parse_ttl(value, &plan->mint.ttl);
	case OPT_PATHS:
		return parse_texts(&plan->paths, value);
	case OPT_ROUTES:
		return parse_count(value, 1, &given->routes);
	case 'b':
		return parse_count(value, 0, &plan->body);
	case OPT_NEW:
		plan->new_connection = true;
		return 0;
	case OPT_STATUS:
		return parse_count(value, 100, &plan->status);
	case OPT_LENGTH:
		r = parse_count(value, 0, &length);
		plan->length = r == 0 ? (int64_t)length : -1;
		return r;
	case OPT_TIMEOUT:
		return parse_number(value, 0.001, &plan->timeout);
	case OPT_SEED:
		return parse_count(value, 1, &plan->seed);
	case OPT_CONTROL:
		plan->control = true;
		return 0;
	case OPT_WEBSOCKET:
		plan->websocket = true;
		return 0;
	case OPT_WHILE:
		plan->command = value;
		return 0;
	case OPT_TLS:
		return parse_version(value, &plan->wire.version);
	case OPT_GROUPS:
		plan->wire.groups = value;
		return 0;
	case OPT_SERVER_NAME:
		plan->wire.name = value;
		return 0;
	case OPT_RESUME:
		plan->wire.resumes = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	default:
		fputs(usage, stderr);
		return -EINVAL;
	}
}

static bool
has_field(const struct plan *plan, struct slice name)
{
	struct slice line, rest = buf_slice(&plan->fields);

	while (rest.n > 0) {
		line = slice_cut(rest, '\n', &rest);
		if (line.n > name.n && line.p[name.n] == ':' &&
		    slice_ieq(slice_make(line.p, name.n), name))
			return true;
	}
	return false;
}

static bool
has_hole(const struct plan *plan)
{
	return plan->fields.n && memmem(plan->fields.p, plan->fields.n, "{token}", 7);
}

/* Fields that every request has, before those that were given. */
static void
complete_fields(struct plan *plan)
{
	bool tokens = plan->mints || plan->tokens.count;
	struct buf first = { 0 };

	if (!has_field(plan, SLICE("Host")))
		buf_addf(&first, "Host: %.*s\r\n", (int)plan->url.authority.n,
			 plan->url.authority.p);
	if (tokens && !has_hole(plan))
		buf_adds(&first, SLICE("Authorization: Bearer {token}\r\n"));
	if (plan->websocket)
		buf_adds(
		    &first,
		    SLICE(
			"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
	else if (plan->new_connection)
		buf_adds(&first, SLICE("Connection: close\r\n"));
	if (plan->body && !plan->websocket)
		buf_addf(&first, "Content-Length: %llu\r\n", (unsigned long long)plan->body);
	buf_adds(&first, buf_slice(&plan->fields));
	buf_adds(&first, SLICE("\r\n"));
	buf_deinit(&plan->fields);
	plan->fields = first;
}

static int
complete_tokens(struct plan *plan, const struct given *given)
{
	int r;

	if (given->secret) {
		r = mint_key(&plan->mint, given->secret);
		if (r < 0)
			return refuse(r == -EINVAL ? "neither a secret nor a private RSA key"
						   : strerror(-r),
				      given->secret);
		plan->mints = given->tokens == 0;
		for (uint64_t i = 0; i < given->tokens; i++)
			texts_add(&plan->tokens, mint_next(&plan->mint));
	}
	if (has_hole(plan) && plan->tokens.count == 0 && !plan->mints)
		return refuse("needs --token-file or --jwt-secret", "{token}");
	return 0;
}

static int
complete(struct plan *plan, const struct given *given, const char *url)
{
	const char *wrong = url_parse(&plan->url, url);
	int r;

	if (wrong)
		return refuse(wrong, url);
	if (!plan->wire.name && plan->url.named)
		plan->wire.name = plan->url.host;
	if (plan->websocket && (plan->new_connection || plan->length >= 0))
		return refuse("neither --new-connection nor --length goes with it", "--websocket");
	if (plan->command && plan->control)
		return refuse("does not go with --control", "--while");
	r = complete_tokens(plan, given);
	if (r < 0)
		return r;
	if (plan->paths.count == 0)
		texts_expand(&plan->paths, plan->url.path, given->routes);
	if (plan->websocket && plan->body == 0)
		plan->body = MESSAGE_BYTES;
	complete_fields(plan);
	plan->bodiless = slice_eq(slice_of(plan->method), SLICE("HEAD"));
	return 0;
}

int
plan_parse(struct plan *plan, int argc, char **argv)
{
	struct given given = { .tokens = 1, .routes = 1 };
	int option, r;

	*plan = (struct plan){ .method = "GET",
			       .connections = 64,
			       .seconds = 5,
			       .timeout = 10,
			       .status = 200,
			       .length = -1,
			       .wire.groups = "X25519:P-256",
			       .seed = 1 };
	mint_init(&plan->mint);
	while ((option = getopt_long(argc, argv, "c:d:w:r:m:H:b:h", options, NULL)) >= 0) {
		r = parse_option(plan, &given, option, optarg);
		if (r != 0)
			return r;
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return -EINVAL;
	}
	return complete(plan, &given, argv[optind]);
}

void
plan_deinit(struct plan *plan)
{
	texts_deinit(&plan->paths);
	texts_deinit(&plan->tokens);
	mint_deinit(&plan->mint);
	buf_deinit(&plan->fields);
	*plan = (struct plan){ 0 };
}

void
plan_next_head(struct plan *plan, struct buf *out)
{
	struct slice rest = buf_slice(&plan->fields);
	bool tokens = plan->mints || plan->tokens.count;
	const char *hole;

	buf_adds(out, slice_of(plan->method));
	buf_addc(out, ' ');
	buf_adds(out, texts_next(&plan->paths));
	buf_adds(out, SLICE(" HTTP/1.1\r\n"));
	while (tokens && (hole = memmem(rest.p, rest.n, "{token}", 7)) != NULL) {
		buf_add(out, rest.p, (size_t)(hole - rest.p));
		buf_adds(out, plan->mints ? mint_next(&plan->mint) : texts_next(&plan->tokens));
		rest = slice_make(hole + 7, rest.n - (size_t)(hole - rest.p) - 7);
	}
	buf_adds(out, rest);
}
