/* minter: prints tokens, one a line (mint.h). */

#include "mint.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: bench-mint --jwt-secret FILE [options]\n"
    "Prints signed tokens, one a line.\n"
    "      --jwt-secret FILE    a secret (HS256) or a private RSA key in PEM (RS256)\n"
    "      --claim NAME=VALUE   a text claim; \"{n}\" in it is the token's number; may be repeated "
    "(sub=user-{n})\n"
    "      --ttl S              seconds until they expire; negative: they have (86400)\n"
    "      --tokens N           how many (1)\n"
    "      --first N            number of the first (0)\n";

static const struct option options[] = {
	{ "jwt-secret", required_argument, NULL, 's' },
	{ "claim", required_argument, NULL, 'c' },
	{ "ttl", required_argument, NULL, 't' },
	{ "tokens", required_argument, NULL, 'n' },
	{ "first", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int
print(struct mint *m, const char *file, uint64_t count)
{
	int r = file ? mint_key(m, file) : -EINVAL;

	if (!file)
		fputs(usage, stderr);
	else if (r < 0)
		fprintf(stderr, "bench-mint: %s: %s\n", file, strerror(-r));
	for (uint64_t i = 0; r == 0 && i < count; i++) {
		struct slice token = mint_next(m);

		printf("%.*s\n", (int)token.n, token.p);
	}
	return r == 0 && fflush(stdout) == 0 ? 0 : 2;
}

int
main(int argc, char **argv)
{
	const char *file = NULL;
	uint64_t count = 1;
	struct mint m;
	bool bad = false;
	int option, status;

	mint_init(&m);
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's':
			file = optarg;
			break;
		case 'c':
			bad = bad || mint_claim(&m, optarg) < 0;
			break;
		case 't':
			m.ttl = strtoll(optarg, NULL, 10);
			break;
		case 'n':
			count = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			m.next = strtoull(optarg, NULL, 10);
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			bad = true;
			break;
		}
	}
	if (bad || optind != argc) {
		fputs(usage, stderr);
		status = 2;
	} else {
		status = print(&m, file, count);
	}
	mint_deinit(&m);
	return status;
}
