/*
 * Configuration files as `yett check` reads them: they are taken or refused with a line for each
 * mistake, and what is taken can be written out again.
 */

#include "master/config.h"

#include "lib/json.h"

#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The gateway answers itself, or several upstreams share. */
static bool
needs_no_upstream(const struct config_action *a)
{
	return a->respond_status || a->redirect[0] || a->arms_count > 0 || a->store.upstream[0];
}

static void
check_taken(const struct config *c)
{
	BUF_CLEAN struct buf text = { 0 };
	BUF_CLEAN struct buf json = { 0 };
	struct json *root;

	assert(c->listeners_count > 0 && c->workers > 0);
	for (size_t i = 0; i < c->routes_count; i++)
		assert(c->routes[i].path[0] == '/' &&
		       (c->routes[i].upstream[0] || needs_no_upstream(&c->routes[i].action)));
	config_effective(c, false, &text);
	config_effective(c, true, &json);
	assert(text.n > 0 && text.p[text.n - 1] == '\n');
	assert(json_parse(buf_slice(&json), (size_t)1 << 24, 16, &root) == 0);
	json_free(root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BUF_CLEAN struct buf report = { 0 };
	struct config *c = NULL;
	int fd = memfd_create("yett.yaml", MFD_CLOEXEC), r;
	char path[32];

	if (fd < 0 || fchmod(fd, 0600) < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	r = config_load(path, &c, &report);
	assert(r == 0 || r == 1);
	assert(report.n == 0 ? r == 0 : report.p[report.n - 1] == '\n');
	if (r == 0) {
		check_taken(c);
		config_free(c);
	}
	close(fd);
	return 0;
}
