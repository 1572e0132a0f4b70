#include "option.h"

#include "command.h"

#include <a10.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

int option_seconds(const char *text, int64_t *ret_ns)
{
	char *end;
	const double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(seconds > 0) ||
	    seconds > SECONDS_MAX)
		return -EINVAL;
	*ret_ns = (int64_t)(seconds * (double)A10_SECOND);
	return *ret_ns > 0 ? 0 : -EINVAL;
}

int option_count(const char *text, uint32_t most, uint32_t *ret_count)
{
	char *end;
	const unsigned long count = strtoul(text, &end, 10);

	/* It would take a minus, too. */
	if (*text < '0' || *text > '9' || *end != '\0' || count == 0 ||
	    count > most)
		return -EINVAL;
	*ret_count = (uint32_t)count;
	return 0;
}

/* The letter may stand among others: -xh. */
int option_complain(const char *command, int problem, const char *word)
{
	if (problem == ':')
		complain("%s: %s lacks its argument", command, word);
	else if (strncmp(word, "--", 2) == 0)
		complain("%s: unknown option '%s'; see a10 %s --help", command,
			 word, command);
	else
		complain("%s: unknown option '-%c'; see a10 %s --help", command,
			 optopt, command);
	return EXIT_USAGE;
}

int option_complain_of_argument(const char *command)
{
	complain("%s: '%s' is no good here; see a10 %s --help", command, optarg,
		 command);
	return EXIT_USAGE;
}
