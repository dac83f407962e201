#include "certificates.h"

#include "lib/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static bool
ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	return n > k && strcmp(name + n - k, end) == 0;
}

static int
is_chain(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (ends_with(entry->d_name, ".crt") || ends_with(entry->d_name, ".pem"));
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void
tell(const char *folder, const char *name, certificates_each_fn each, void *arg)
{
	struct buf BUF_CLEAN file = { 0 }, key = { 0 };

	buf_addf(&file, "%s/%s", folder, name);
	buf_addf(&key, "%.*s.key", (int)(file.n - strlen(".crt")), file.p);
	buf_addc(&file, '\0');
	buf_addc(&key, '\0');
	if (ends_with(name, ".pem") && access(key.p, F_OK) < 0)
		each(arg, file.p, file.p);
	else
		each(arg, file.p, key.p);
}

int
certificates_folder(const char *path, certificates_each_fn each, void *arg)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_chain, by_name);

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		tell(path, entries[i]->d_name, each, arg);
		free(entries[i]);
	}
	free(entries);
	return 0;
}
