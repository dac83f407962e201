/*
 * replay: runs a fuzz target without a fuzzer: over the files given, and over mutations of them
 * that a fixed seed makes, for as long as a test may take. So the corpus is looked at in every test
 * run, with any compiler; libFuzzer does the searching (-Dfuzz=true).
 *
 * usage: fuzz_NOUN [-n MUTATIONS] FILE...
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INPUT_MAX 65536
#define CPU_S 5 /* then no further round begins */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t
next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static size_t
mutate(uint8_t *p, size_t n)
{
	static const uint8_t odd[] = { 0,   '\r', '\n', ' ', ':', '/',  '%',  ';',
				       '.', '"',  '\\', ',', '=', 0x7f, 0x80, 0xff };

	for (unsigned times = 1 + next() % 4; times > 0; times--) {
		size_t at = n ? next() % n : 0;

		switch (next() % 5) {
		case 0:
			if (n)
				p[at] = (uint8_t)next();
			break;
		case 1:
			if (n)
				p[at] = odd[next() % sizeof odd];
			break;
		case 2:
			if (n < INPUT_MAX) {
				memmove(p + at + 1, p + at, n - at);
				p[at] = odd[next() % sizeof odd];
				n++;
			}
			break;
		case 3:
			if (n) {
				memmove(p + at, p + at + 1, n - at - 1);
				n--;
			}
			break;
		default:
			n = n ? next() % n + 1 : 0;
		}
	}
	return n;
}

/* In memory of just its size, so that a read outside is seen. */
static void
one(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, p, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

/* The file as it stands, and then, in each further round, another mutation of it. 0, or 1. */
static int
round_of(const char *path, long round)
{
	static uint8_t bytes[INPUT_MAX + 8];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		return 1;
	}
	n = fread(bytes, 1, INPUT_MAX, f);
	fclose(f);
	one(bytes, round ? mutate(bytes, n) : n);
	return 0;
}

int
main(int argc, char **argv)
{
	long mutations = 2000, inputs = 0;
	int first = 1;

	if (argc > 2 && strcmp(argv[1], "-n") == 0) {
		mutations = atol(argv[2]);
		first = 3;
	}
	for (long m = 0; m <= mutations && (m == 0 || clock() < CPU_S * CLOCKS_PER_SEC); m++) {
		for (int i = first; i < argc; i++, inputs++) {
			if (round_of(argv[i], m) != 0)
				return 1;
		}
	}
	printf("%ld inputs\n", inputs);
	return inputs > 0 ? 0 : 1;
}
