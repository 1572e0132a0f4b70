/*
 * probe.c - a10 probe: whether io_uring can be used here, what there is of it,
 * and if not, who is in the way and what to do about it. For people, or as one
 * object of JSON.
 */
#include "command.h"
#include "option.h"

#include <a10.h>
#include <getopt.h>
#include <stdio.h>

enum {
	TITLE_WIDTH = 16,
	LINE_WIDTH = 79,
	WORD_SIZE = 64,
	OPCODES = 256,
	CALLS = 128,
	FLAGS = 32,
};

/* ---- the command line --------------------------------------------------- */

static void show_help(void)
{
	printf("Usage: a10 probe [OPTION...]\n\n"
	       "Says whether io_uring can be used here and what there is of "
	       "it; if it cannot,\n"
	       "who is in the way, how that was found out and what to do "
	       "about it. Exits with\n"
	       "0 if it can be used, and with 1 if not. Kernels before 6.1 are "
	       "not supported,\n"
	       "and it says so.\n\n"
	       "  --json  as one object of JSON\n"
	       "  --help  show this\n");
}

enum {
	OPTION_HELP = 'h',
	OPTION_JSON = 256,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ NULL, 0, NULL, 0 },
};

struct options {
	bool help;
	bool json;
};

/* EXIT_OK, or EXIT_USAGE: it was said what is wrong. */
static int parse_options(struct options *options, int argc, char **argv)
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) !=
	       -1) {
		if (option == OPTION_HELP) {
			options->help = true;
		} else if (option == OPTION_JSON) {
			options->json = true;
		} else {
			return option_complain("probe", option,
					       argv[optind - 1]);
		}
	}
	if (optind < argc) {
		complain("probe: it takes no '%s'", argv[optind]);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

/* ---- names -------------------------------------------------------------- */

/* A mask of the probe's: its numbers have names in a list. */
struct mask {
	const char *title; /* for people */
	const char *key;   /* of the object */
	enum a10_probe_list list;
	uint32_t size;
	uint64_t bits[4];
};

static bool mask_has(const struct mask *mask, uint32_t number)
{
	return mask->bits[number / 64] >> number % 64 & 1;
}

/* "SQPOLL", or "#21" for what is newer than this library. */
static const char *name_of(const struct mask *mask, uint32_t number, char *text,
			   size_t size)
{
	const char *name = a10_probe_name(mask->list, number);

	if (name)
		return name;
	snprintf(text, size, "#%u", number);
	return text;
}

static struct mask mask_of_flags(const char *title, const char *key,
				 enum a10_probe_list list, uint32_t flags)
{
	return (struct mask){ title, key, list, FLAGS, { flags } };
}

#define KERNEL_MASKS 5

/* What there is of io_uring. */
static void masks_of_kernel(const struct a10_probe *probe,
			    struct mask ret_masks[KERNEL_MASKS])
{
	ret_masks[0] = mask_of_flags("setup flags", "setup_flags",
				     A10_PROBE_SETUP_FLAGS, probe->setup_flags);
	ret_masks[1] = mask_of_flags("features", "features", A10_PROBE_FEATURES,
				     probe->features);
	ret_masks[2] = mask_of_flags("enter flags", "enter_flags",
				     A10_PROBE_ENTER_FLAGS, probe->enter_flags);
	ret_masks[3] = (struct mask){ "register calls",
				      "register_calls",
				      A10_PROBE_REGISTER_CALLS,
				      CALLS,
				      { probe->register_calls[0],
					probe->register_calls[1] } };
	ret_masks[4] =
		(struct mask){ "opcodes",
			       "opcodes",
			       A10_PROBE_OPCODES,
			       OPCODES,
			       { probe->opcodes[0], probe->opcodes[1],
				 probe->opcodes[2], probe->opcodes[3] } };
}

/*
 * Whether it is one of the kernels A10 is tested on, from 6.1 on. Asked, not read
 * from a version: of older ones some have a newer io_uring, as 5.10 that of 5.15.
 */
static bool is_supported(const struct a10_probe *probe)
{
	for (uint32_t i = 0; i < FLAGS; i++) {
		if (a10_probe_since(A10_PROBE_SETUP_FLAGS, i) == 601 &&
		    probe->setup_flags >> i & 1)
			return true;
	}
	return false;
}

/* ---- for people --------------------------------------------------------- */

/* Two columns: titles, and words that are wrapped. Returns where it is. */
static int begin_row(const char *title)
{
	printf("%-*s", TITLE_WIDTH, title);
	return TITLE_WIDTH;
}

static void end_row(int column)
{
	if (column == TITLE_WIDTH)
		printf("-");
	printf("\n");
}

static int put_bytes(int column, const char *word, int length)
{
	if (column > TITLE_WIDTH && column + 1 + length > LINE_WIDTH) {
		printf("\n%-*s", TITLE_WIDTH, "");
		column = TITLE_WIDTH;
	}
	if (column > TITLE_WIDTH)
		column += printf(" ");
	return column + printf("%.*s", length, word);
}

static int put_word(int column, const char *word)
{
	return put_bytes(column, word, (int)strlen(word));
}

/* Words between spaces; at the end of a line of text a new row begins. */
static void put_row(const char *title, const char *text)
{
	int column = begin_row(title);

	while (*text != '\0') {
		const int length = (int)strcspn(text, " \n");

		column = put_bytes(column, text, length);
		text += length;
		if (*text == '\n') {
			end_row(column);
			column = begin_row("");
		}
		text += *text != '\0';
	}
	end_row(column);
}

static void put_mask(const struct mask *mask)
{
	int column = begin_row(mask->title);
	char text[WORD_SIZE];

	for (uint32_t i = 0; i < mask->size; i++) {
		if (mask_has(mask, i))
			column = put_word(column,
					  name_of(mask, i, text, sizeof(text)));
	}
	end_row(column);
}

static bool is_empty(const struct mask *mask)
{
	return !(mask->bits[0] | mask->bits[1] | mask->bits[2] | mask->bits[3]);
}

/* What there is of it, and what newer kernels have. */
static void put_kernel_mask(const struct mask *mask)
{
	int column = TITLE_WIDTH;

	if (is_empty(mask)) {
		put_row(mask->title, "could not be asked");
		return;
	}
	put_mask(mask);
	for (uint32_t i = 0; i < mask->size; i++) {
		const uint32_t since = a10_probe_since(mask->list, i);
		char word[WORD_SIZE];

		if (since == 0 || mask_has(mask, i))
			continue;
		if (column == TITLE_WIDTH)
			column = begin_row("  not here");
		snprintf(word, sizeof(word), "%s (%u.%u)",
			 a10_probe_name(mask->list, i), since / 100,
			 since % 100);
		column = put_word(column, word);
	}
	if (column > TITLE_WIDTH)
		end_row(column);
}

static void put_ring(const struct a10_probe *probe)
{
	const struct mask granted = mask_of_flags(
		"  granted", "", A10_PROBE_SETUP_FLAGS, probe->granted);
	const struct mask dropped = mask_of_flags(
		"  refused", "", A10_PROBE_SETUP_FLAGS, probe->dropped);
	char text[WORD_SIZE];

	snprintf(text, sizeof(text), "%u submissions, %u completions",
		 probe->submission_entries, probe->completion_entries);
	put_row("default ring", text);
	put_mask(&granted);
	if (probe->dropped)
		put_mask(&dropped);
}

static void put_masks(const struct a10_probe *probe)
{
	struct mask masks[KERNEL_MASKS];

	masks_of_kernel(probe, masks);
	for (size_t i = 0; i < KERNEL_MASKS; i++)
		put_kernel_mask(&masks[i]);
}

static void put_memlock(const struct a10_probe *probe)
{
	char text[2 * WORD_SIZE];

	if (probe->memlock_bytes == UINT64_MAX)
		snprintf(text, sizeof(text), "no limit");
	else
		snprintf(text, sizeof(text), "%llu KiB%s",
			 (unsigned long long)probe->memlock_bytes / 1024,
			 probe->features == 0 ? "" :
			 probe->memory_counts ? "; rings count against it" :
						"; rings do not count here");
	put_row("  locked memory", text);
}

/* Who could be in the way. */
static void put_machine(const struct a10_probe *probe)
{
	static const char *const filters[] = { "no seccomp filter",
					       "strict seccomp",
					       "a seccomp filter" };
	const bool told = probe->seccomp >= 0 && probe->seccomp <= 2;
	char text[8 * WORD_SIZE];

	snprintf(text, sizeof(text), "kernel.io_uring_disabled %s, %s%s%s%s%s",
		 probe->sysctl_disabled < 0  ? "not there" :
		 probe->sysctl_disabled == 0 ? "0" :
		 probe->sysctl_disabled == 1 ? "1" :
					       "2",
		 told ? filters[probe->seccomp] : "seccomp not known",
		 probe->modules[0] ? ", security modules " : "", probe->modules,
		 probe->profile[0] ? ", here called " : "", probe->profile);
	put_row("machine", text);
}

static void put_limits(const struct a10_probe *probe)
{
	char text[4 * WORD_SIZE];

	snprintf(text, sizeof(text),
		 "%u submissions, %u completions, %u direct descriptors, %u "
		 "registered buffers",
		 probe->submission_entries_max, probe->completion_entries_max,
		 probe->direct_descriptors_max, probe->registered_buffers_max);
	put_row("limits", text);
	put_memlock(probe);
	if (probe->workers_bounded == 0 && probe->workers_unbounded == 0)
		return;
	snprintf(text, sizeof(text), "%u for files, %u for all else",
		 probe->workers_bounded, probe->workers_unbounded);
	put_row("  workers", text);
}

static void show_text(const struct a10_probe *probe)
{
	printf("io_uring %s be used%s.\n\n", probe->error ? "cannot" : "can",
	       probe->error || is_supported(probe) ?
		       "" :
		       ", but nothing is promised here");
	put_row("kernel", probe->kernel);
	if (!probe->error && !is_supported(probe))
		put_row("  too old", "A10 is made for Linux 6.1 and later; on "
				     "older ones it is not tested, and a poll "
				     "may end early");
	if (probe->error) {
		put_row("why", probe->reason);
		put_row("what to do", probe->remedy);
		put_row("how it shows", probe->evidence);
	} else {
		put_ring(probe);
	}
	put_masks(probe);
	put_limits(probe);
	put_machine(probe);
}

/* ---- for programs ------------------------------------------------------- */

static void json_string(const char *string)
{
	putchar('"');
	for (; *string != '\0'; string++) {
		const unsigned char byte = (unsigned char)*string;

		if (byte == '"' || byte == '\\')
			printf("\\%c", byte);
		else if (byte < ' ' || byte >= 0x7f)
			printf("\\u%04x", byte);
		else
			putchar(byte);
	}
	putchar('"');
}

static void json_key(const char *key)
{
	printf(",\n\t\"%s\": ", key);
}

static void json_pair(const char *key, const char *value)
{
	json_key(key);
	json_string(value);
}

static void json_mask(const struct mask *mask)
{
	const char *before = "";
	char text[WORD_SIZE];

	json_key(mask->key);
	putchar('[');
	for (uint32_t i = 0; i < mask->size; i++) {
		if (!mask_has(mask, i))
			continue;
		printf("%s", before);
		json_string(name_of(mask, i, text, sizeof(text)));
		before = ", ";
	}
	putchar(']');
}

/* The lines of a text as an array. */
static void json_lines(const char *key, const char *text)
{
	char line[256];

	json_key(key);
	putchar('[');
	while (*text != '\0') {
		const int length = (int)strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", length, text);
		json_string(line);
		text += length;
		if (*text == '\n') {
			printf(", ");
			text++;
		}
	}
	putchar(']');
}

static void json_masks(const struct a10_probe *probe)
{
	const struct mask granted = mask_of_flags(
		"", "granted", A10_PROBE_SETUP_FLAGS, probe->granted);
	const struct mask dropped = mask_of_flags(
		"", "dropped", A10_PROBE_SETUP_FLAGS, probe->dropped);
	struct mask masks[KERNEL_MASKS];

	json_mask(&granted);
	json_mask(&dropped);
	masks_of_kernel(probe, masks);
	for (size_t i = 0; i < KERNEL_MASKS; i++)
		json_mask(&masks[i]);
}

static void json_call(const char *call, int32_t error, const char *after)
{
	if (error == A10_PROBE_KILLS)
		printf("\"%s\": \"killed\"%s", call, after);
	else
		printf("\"%s\": %d%s", call, error, after);
}

static void json_limits(const struct a10_probe *probe)
{
	json_key("limits");
	printf("{\"submission_entries\": %u, \"completion_entries\": %u, "
	       "\"direct_descriptors\": %u, \"registered_buffers\": %u, "
	       "\"workers_bounded\": %u, \"workers_unbounded\": %u, ",
	       probe->submission_entries_max, probe->completion_entries_max,
	       probe->direct_descriptors_max, probe->registered_buffers_max,
	       probe->workers_bounded, probe->workers_unbounded);
	if (probe->memlock_bytes == UINT64_MAX)
		printf("\"memlock_bytes\": null, ");
	else
		printf("\"memlock_bytes\": %llu, ",
		       (unsigned long long)probe->memlock_bytes);
	printf("\"memory_counts\": %s}",
	       probe->memory_counts ? "true" : "false");
}

/* What the machine does not say is null. */
static void json_fact(const char *key, int32_t value)
{
	if (value < 0)
		printf("\"%s\": null, ", key);
	else
		printf("\"%s\": %d, ", key, value);
}

static void json_machine(const struct a10_probe *probe)
{
	json_key("machine");
	putchar('{');
	json_fact("io_uring_disabled", probe->sysctl_disabled);
	json_fact("io_uring_group", probe->sysctl_group);
	json_fact("seccomp", probe->seccomp);
	json_fact("seccomp_filters", probe->seccomp_filters);
	printf("\"modules\": ");
	json_string(probe->modules);
	printf(", \"profile\": ");
	json_string(probe->profile);
	putchar('}');
}

static void show_json(const struct a10_probe *probe)
{
	printf("{\n\t\"usable\": %s", probe->error ? "false" : "true");
	json_key("supported");
	printf("%s", probe->setup_flags == 0 ? "null" :
		     is_supported(probe)     ? "true" :
					       "false");
	json_key("error");
	printf("%d", probe->error);
	json_pair("cause", a10_probe_name(A10_PROBE_CAUSES, probe->cause));
	json_pair("reason", probe->reason);
	json_pair("remedy", probe->remedy);
	json_lines("evidence", probe->evidence);
	json_pair("library", a10_version());
	json_pair("kernel", probe->kernel);
	json_key("calls");
	putchar('{');
	json_call("io_uring_setup", probe->setup_error, ", ");
	json_call("io_uring_enter", probe->enter_error, ", ");
	json_call("io_uring_register", probe->register_error, "}");
	json_key("submission_entries");
	printf("%u", probe->submission_entries);
	json_key("completion_entries");
	printf("%u", probe->completion_entries);
	json_masks(probe);
	json_key("incremental_pools");
	printf("%s", probe->incremental_pools ? "true" : "false");
	json_limits(probe);
	json_machine(probe);
	printf("\n}\n");
}

int probe_run(int argc, char **argv)
{
	struct options options = { 0 };
	struct a10_probe probe;
	int status = parse_options(&options, argc, argv);

	if (status != EXIT_OK)
		return status;
	if (options.help) {
		show_help();
		return EXIT_OK;
	}
	a10_probe_run(&probe);
	if (options.json)
		show_json(&probe);
	else
		show_text(&probe);
	return probe.error ? EXIT_FAILED : EXIT_OK;
}
