#include "config_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_PLACE "/etc/yett/yett.yaml"
#define RENKU_PLACE "/etc/gateway/config.yaml"
#define RENKU_NAME "config.yaml"

static const char *const names[] = { "gateway.conf.yaml", "gateway.conf.yml", "yett.yaml",
				     RENKU_NAME };

/* The first of so many names that is in the folder; its path is in *out. */
static bool
find_in(const char *folder, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		out->n = 0;
		buf_addf(out, "%s%s", folder, names[i]);
		buf_addc(out, '\0');
		if (access(out->p, F_OK) == 0)
			return true;
	}
	return false;
}

const char *
config_find(const char *command, const char *given, struct buf *held)
{
	const char *location = getenv("CONFIG_LOCATION");
	struct buf BUF_CLEAN folder = { 0 };
	struct stat st;

	if (given)
		return given;
	if (location && *location && (stat(location, &st) < 0 || !S_ISDIR(st.st_mode)))
		return location; /* one that is not there is told when it is read */
	if (location && *location) {
		buf_addf(&folder, "%s/", location);
		buf_addc(&folder, '\0');
		if (find_in(folder.p, sizeof names / sizeof names[0], held))
			return held->p;
		fprintf(stderr,
			"yett %s: %s (CONFIG_LOCATION) has no gateway.conf.yaml, gateway.conf.yml, "
			"yett.yaml or " RENKU_NAME "; name the configuration by -c FILE\n",
			command, location);
		return NULL;
	}
	if (find_in("", 2, held))
		return held->p;
	if (access(OWN_PLACE, F_OK) == 0)
		return OWN_PLACE;
	if (access(RENKU_PLACE, F_OK) == 0)
		return RENKU_PLACE;
	if (access(RENKU_NAME, F_OK) == 0)
		return RENKU_NAME;
	fprintf(stderr,
		"yett %s: name the configuration by -c FILE or CONFIG_LOCATION; there is no "
		"gateway.conf.yaml or " RENKU_NAME " here, and no " OWN_PLACE " or " RENKU_PLACE
		"\n",
		command);
	return NULL;
}
