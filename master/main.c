/*
 * main: the roles of the one executable. Master and worker meet here and nowhere else; what belongs
 * to neither is a command.
 */

#include "command.h"
#include "config_find.h"
#include "master.h"
#include "upgrade.h"

#include <string.h>

/* worker/worker.h, which nothing in this folder may include: the linker joins the two. */
int worker_main(void);

static int
run(char **argv, const char *given)
{
	struct buf BUF_CLEAN found = { 0 };
	const char *file = config_find("run", given, &found);

	return file ? master_main(argv, file) : COMMAND_UNREADABLE;
}

int
main(int argc, char **argv)
{
	if ((argc == 2 || argc == 3) && strcmp(argv[1], "worker") == 0)
		return worker_main();
	if (argc == 4 && strcmp(argv[1], "preflight") == 0 && strcmp(argv[2], "-c") == 0)
		return preflight_main(argv[3]);
	if (argc == 4 && strcmp(argv[1], "run") == 0 &&
	    (strcmp(argv[2], "-c") == 0 || strcmp(argv[2], "--config") == 0))
		return run(argv, argv[3]);
	if (argc == 2 && strcmp(argv[1], "run") == 0)
		return run(argv, NULL);
	return command_main(argc, argv);
}
