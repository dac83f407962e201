/*
 * main: the roles of the one executable. Master and worker meet here and nowhere else; what belongs
 * to neither is a command.
 */

#include "command.h"
#include "master.h"

#include <string.h>

/* worker/worker.h, which nothing in this folder may include: the linker joins the two. */
int worker_main(void);

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "worker") == 0)
		return worker_main();
	if (argc == 4 && strcmp(argv[1], "run") == 0 &&
	    (strcmp(argv[2], "-c") == 0 || strcmp(argv[2], "--config") == 0))
		return master_main(argv[3]);
	return command_main(argc, argv);
}
