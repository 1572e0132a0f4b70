/* The examples, run as programs: they do what their first comment says. */
#include "program.h"

TEST(nop_says_hello)
{
	char text[256];

	ck_assert_int_eq(program_run("nop", NULL, NULL, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "hello from operation 1\n"
			       "hello from operation 2\n"
			       "hello from operation 3\n");
}

TEST(cat_prints_a_file)
{
	static char bytes[300000];
	static char text[sizeof(bytes) + 2];
	struct folder folder;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)('a' + i % 23);
	folder_open(&folder);
	file_write(folder_file(&folder, "f"), bytes, sizeof(bytes));
	ck_assert_int_eq(
		program_run("cat", folder.file, NULL, text, sizeof(text)), 0);
	ck_assert_uint_eq(strlen(text), sizeof(bytes));
	ck_assert_mem_eq(text, bytes, sizeof(bytes));
	ck_assert_int_eq(program_run("cat", "/no/such/file", NULL, text,
				     sizeof(text)),
			 1);
	ck_assert_str_eq(text, "cat: /no/such/file: No such file or"
			       " directory\n");
	ck_assert_int_eq(program_run("cat", NULL, NULL, text, sizeof(text)), 2);
	folder_close(&folder);
}

TEST(list_prints_the_names_in_a_folder)
{
	static char text[8192];
	struct folder folder;
	char name[16];
	size_t lines = 0;

	folder_open(&folder);
	for (int i = 0; i < 700; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		file_write(folder_file(&folder, name), "", 0);
	}
	ck_assert_int_eq(
		program_run("list", folder.path, NULL, text, sizeof(text)), 0);
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	ck_assert_uint_eq(lines, 700);
	ck_assert_ptr_nonnull(strstr(text, "f699\n"));
	ck_assert_int_eq(program_run("list", "/no/such/folder", NULL, text,
				     sizeof(text)),
			 1);
	ck_assert_str_eq(text, "list: /no/such/folder: No such file or "
			       "directory\n");
	folder_close(&folder);
}

TEST(copy_copies_a_file)
{
	const size_t size = (5 << 20) + 12345;
	unsigned char *bytes = malloc(size);
	struct folder folder;
	char from[256];
	char text[256];
	int copied;

	ck_assert_ptr_nonnull(bytes);
	pattern_fill(bytes, size, 0);
	folder_open(&folder);
	file_write(folder_file(&folder, "from"), bytes, size);
	snprintf(from, sizeof(from), "%s", folder.file);
	folder_file(&folder, "to");
	ck_assert_int_eq(
		program_run("copy", from, folder.file, text, sizeof(text)), 0);
	memset(bytes, 0, size);
	copied = open(folder.file, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(copied, 0);
	ck_assert_int_eq(read(copied, bytes, size), (ssize_t)size);
	ck_assert_int_eq(lseek(copied, 0, SEEK_END), (off_t)size);
	ck_assert_int_eq(close(copied), 0);
	pattern_check(bytes, size, 0);
	ck_assert_int_eq(program_run("copy", "/no/such/file", folder.file, text,
				     sizeof(text)),
			 1);
	ck_assert_str_eq(text, "copy: No such file or directory\n");
	free(bytes);
	folder_close(&folder);
}

TEST(timeout_gives_up_when_nothing_comes)
{
	struct program program;
	char text[256];
	int kept;

	program_start(&program, "timeout", "0.2", NULL);
	ck_assert_int_eq(write(program.in, "hello\n", 6), 6);
	ck_assert_int_eq(close(program.in), 0);
	program.in = -1;
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "hello\n");
	/* Its standard input stays open. */
	program_start(&program, "timeout", "0.2", NULL);
	ck_assert_int_eq(write(program.in, "hello\n", 6), 6);
	kept = program.in;
	program.in = -1;
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 124);
	ck_assert_str_eq(text, "hello\ntimeout: Timer expired after 0 s\n");
	ck_assert_int_eq(close(kept), 0);
}

/* Their own loops sleep; the ring's descriptor wakes them. */
static void assert_ticks(const char *name)
{
	char text[256];

	ck_assert_int_eq(program_run(name, NULL, NULL, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "tick 1\ntick 2\ntick 3\n");
}

TEST(glib_has_a_ring_in_its_main_loop)
{
	assert_ticks("glib");
}

TEST(uv_has_a_ring_in_its_loop)
{
	assert_ticks("uv");
}

TEST(sd_event_has_a_ring_in_its_loop)
{
	assert_ticks("sd_event");
}

TEST(epoll_has_a_ring_in_its_loop)
{
	struct program program;
	struct folder folder;
	char expected[512];
	char text[512];
	ssize_t n;

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "12345", 5);
	program_start(&program, "epoll", NULL, NULL);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_gt(dprintf(program.in, "%s\n", folder.file), 0);
		snprintf(expected, sizeof(expected), "%s: 5\n", folder.file);
		n = read(program.out, text, sizeof(text) - 1);
		ck_assert_int_gt(n, 0);
		text[n] = '\0';
		ck_assert_str_eq(text, expected);
	}
	ck_assert_int_gt(dprintf(program.in, "/no/such/file\n"), 0);
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "/no/such/file: No such file or directory\n");
	folder_close(&folder);
}

/* ---- trees ------------------------------------------------------------------ */

enum {
	TREE_FILES = 120,
	TREE_LARGE = 200001
};

static void tree_make(const char *root)
{
	static unsigned char bytes[TREE_LARGE];
	char path[300];

	pattern_fill(bytes, sizeof(bytes), 0);
	ck_assert_int_eq(mkdir(root, 0755), 0);
	for (int i = 0; i < TREE_FILES; i++) {
		snprintf(path, sizeof(path), "%s/folder %d", root, i % 7);
		if (i < 7)
			ck_assert_int_eq(mkdir(path, 0755), 0);
		snprintf(path, sizeof(path), "%s/folder %d/%d", root, i % 7, i);
		file_write(path, bytes, i == 5 ? sizeof(bytes) : (size_t)i * 3);
	}
	ck_assert_int_eq(chmod(path, 0755), 0);
}

static void tree_check(const char *root)
{
	static unsigned char bytes[TREE_LARGE + 1];
	struct stat status;
	char path[300];

	for (int i = 0; i < TREE_FILES; i++) {
		const size_t size = i == 5 ? TREE_LARGE : (size_t)i * 3;
		int file;

		snprintf(path, sizeof(path), "%s/folder %d/%d", root, i % 7, i);
		file = open(path, O_RDONLY | O_CLOEXEC);
		ck_assert_int_ge(file, 0);
		ck_assert_int_eq(read(file, bytes, sizeof(bytes)),
				 (ssize_t)size);
		ck_assert_int_eq(close(file), 0);
		pattern_check(bytes, size, 0);
	}
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0755);
}

TEST(copy_tree_copies_a_tree_twice)
{
	struct folder folder;
	char from[256];
	char to[256];
	char text[4096];

	folder_open(&folder);
	snprintf(from, sizeof(from), "%s", folder_file(&folder, "from"));
	snprintf(to, sizeof(to), "%s", folder_file(&folder, "to"));
	tree_make(from);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(program_run("copy_tree", from, to, text,
					     sizeof(text)),
				 0);
		ck_assert_ptr_nonnull(strstr(text, "128 of 128 copied"));
		tree_check(to);
	}
	/* Into itself: what is there by then. */
	ck_assert_int_eq(program_run("copy_tree", from,
				     folder_file(&folder, "from/folder 1/to"),
				     text, sizeof(text)),
			 0);
	tree_check(folder.file);
	ck_assert_int_eq(program_run("copy_tree", "/no/such/folder", to, text,
				     sizeof(text)),
			 2);
	ck_assert_ptr_nonnull(strstr(text, "No such file or directory"));
	folder_close(&folder);
}

TEST(copy_tree_tells_what_it_could_not_copy)
{
	struct folder folder;
	char from[256];
	char to[256];
	char text[4096];

	folder_open(&folder);
	snprintf(from, sizeof(from), "%s", folder_file(&folder, "from"));
	snprintf(to, sizeof(to), "%s", folder_file(&folder, "to"));
	ck_assert_int_eq(mkdir(from, 0755), 0);
	ck_assert_int_eq(mkdir(to, 0755), 0);
	file_write(folder_file(&folder, "from/a"), "a", 1);
	file_write(folder_file(&folder, "from/b"), "b", 1);
	ck_assert_int_eq(mkdir(folder_file(&folder, "to/a"), 0755), 0);
	ck_assert_int_eq(program_run("copy_tree", from, to, text, sizeof(text)),
			 1);
	ck_assert_ptr_nonnull(strstr(text, "./a: Is a directory\n"));
	ck_assert_ptr_nonnull(strstr(text, "2 of 3 copied"));
	ck_assert_int_eq(access(folder_file(&folder, "to/b"), R_OK), 0);
	folder_close(&folder);
}

TEST(checksum_adds_up_files)
{
	static unsigned char bytes[900001];
	char expected[512];
	char text[512];
	struct folder folder;
	char path[256];
	uint32_t a = 1;
	uint32_t b = 0;

	pattern_fill(bytes, sizeof(bytes), 0);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		a = (a + bytes[i]) % 65521;
		b = (b + a) % 65521;
	}
	folder_open(&folder);
	file_write(folder_file(&folder, "large"), bytes, sizeof(bytes));
	snprintf(path, sizeof(path), "%s", folder.file);
	file_write(folder_file(&folder, "small"), "Wikipedia", 9);
	ck_assert_int_eq(program_run("checksum", path, folder.file, text,
				     sizeof(text)),
			 0);
	snprintf(expected, sizeof(expected), "%04x%04x  %s\n11e60398  %s\n", b,
		 a, path, folder.file);
	ck_assert_str_eq(text, expected);
	ck_assert_int_eq(program_run("checksum", "/no/such/file", folder.file,
				     text, sizeof(text)),
			 1);
	snprintf(expected, sizeof(expected),
		 "00000001  /no/such/file: No such file or directory\n"
		 "11e60398  %s\n",
		 folder.file);
	ck_assert_str_eq(text, expected);
	folder_close(&folder);
}

/* ---- files that change -------------------------------------------------------- */

TEST(tail_prints_what_a_writer_adds)
{
	char text[8192] = "";
	struct program program;
	struct folder folder;
	FILE *file;

	folder_open(&folder);
	file = fopen(folder_file(&folder, "log"), "we");
	ck_assert_ptr_nonnull(file);
	for (int i = 1; i <= 5000; i++)
		fprintf(file, "line %d\n", i);
	fflush(file);
	program_start(&program, "tail", folder.file, NULL);
	program_says(&program, text, sizeof(text), "line 5000\n");
	ck_assert_int_eq(strncmp(text, "line 4991\n", 10), 0);
	for (int i = 5001; i <= 5020; i++) {
		char line[16];

		fprintf(file, "line %d\n", i);
		fflush(file);
		snprintf(line, sizeof(line), "line %d\n", i);
		program_says(&program, text, sizeof(text), line);
	}
	/* Shorter: another log in the same file. */
	ck_assert_int_eq(ftruncate(fileno(file), 0), 0);
	rewind(file);
	fprintf(file, "again\n");
	ck_assert_int_eq(fclose(file), 0);
	program_says(&program, text, sizeof(text), "line 5020\nagain\n");
	ck_assert_int_eq(unlink(folder.file), 0);
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(
		program_run("tail", folder.file, NULL, text, sizeof(text)), 1);
	folder_close(&folder);
}

TEST(rebuild_runs_again_when_something_changes)
{
	char text[8192] = "";
	struct program program;
	struct folder folder;
	char root[256];
	const char *const arguments[] = {
		"rebuild",
		root,
		"sh",
		"-c",
		"echo run; test ! -e \"$0/slow\" || { echo slow; exec sleep 60; }",
		root,
		NULL
	};

	folder_open(&folder);
	snprintf(root, sizeof(root), "%s", folder_file(&folder, "root"));
	ck_assert_int_eq(mkdir(root, 0755), 0);
	program_start_with(&program, arguments);
	text[0] = '\0';
	program_says(&program, text, sizeof(text), "run\nrebuild: done\n");
	file_write(folder_file(&folder, "root/a"), "a", 1);
	text[0] = '\0';
	program_says(&program, text, sizeof(text), "run\nrebuild: done\n");
	/* A folder that comes later is watched too. */
	ck_assert_int_eq(mkdir(folder_file(&folder, "root/f"), 0755), 0);
	text[0] = '\0';
	program_says(&program, text, sizeof(text), "run\nrebuild: done\n");
	file_write(folder_file(&folder, "root/f/slow"), "s", 1);
	text[0] = '\0';
	program_says(&program, text, sizeof(text),
		     "f/slow\nrun\nrebuild: done\n");
	/* A run that takes long is given up for the next. */
	file_write(folder_file(&folder, "root/slow"), "s", 1);
	text[0] = '\0';
	program_says(&program, text, sizeof(text), "/slow\nrun\nslow\n");
	ck_assert_int_eq(unlink(folder_file(&folder, "root/slow")), 0);
	text[0] = '\0';
	program_says(&program, text, sizeof(text),
		     "rebuild: given up\nrun\nrebuild: done\n");
	program_stop(&program);
	folder_close(&folder);
}

TEST(wal_writes_whole_records_and_shares_syncs)
{
	enum {
		THREADS = 6,
		RECORDS = 8
	};
	const char *arguments[] = { "wal", NULL, "6", "8", NULL };
	char text[256] = "";
	char bytes[THREADS * RECORDS * 9 + 1];
	struct program program;
	struct folder folder;
	int file;
	char *after;
	long syncs;

	folder_open(&folder);
	arguments[1] = folder_file(&folder, "log");
	program_start_with(&program, arguments);
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 0);
	syncs = strtol(text, &after, 10);
	ck_assert_str_eq(after, " syncs\n");
	ck_assert_int_ge(syncs, RECORDS); /* a thread has one at a time */
	ck_assert_int_le(syncs, THREADS * RECORDS);
	file = open(folder.file, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(read(file, bytes, sizeof(bytes)), sizeof(bytes) - 1);
	ck_assert_int_eq(close(file), 0);
	for (int i = 0; i < THREADS * RECORDS; i++)
		ck_assert_mem_eq(bytes + (size_t)i * 9, "a record\n", 9);
	folder_close(&folder);
	arguments[1] = "/no/such/folder/log";
	program_start_with(&program, arguments);
	ck_assert_int_eq(program_end(&program, text, sizeof(text)), 1);
}

/* ---- processes ------------------------------------------------------------------ */

static int run_shell(const char *seconds, const char *line, char *text,
		     size_t size)
{
	const char *const arguments[] = {
		"run", seconds, "sh", "-c", line, NULL
	};
	struct program program;

	program_start_with(&program, arguments);
	return program_end(&program, text, size);
}

TEST(run_passes_on_output_and_exit_status)
{
	char text[256];

	ck_assert_int_eq(
		run_shell("8", "echo hello; exit 7", text, sizeof(text)), 7);
	ck_assert_str_eq(text, "hello\n");
	ck_assert_int_eq(run_shell("8", "kill -9 $$", text, sizeof(text)), 137);
	ck_assert_int_eq(program_run("run", "8", "/no/such/program", text,
				     sizeof(text)),
			 125);
}

TEST(run_ends_what_takes_too_long)
{
	char text[256];

	ck_assert_int_eq(run_shell("0.05", "echo hello; exec sleep 60", text,
				   sizeof(text)),
			 124);
	ck_assert_str_eq(text, "hello\n"
			       "run SECONDS COMMAND: Timer expired\n");
}

/* ---- disks ------------------------------------------------------------------------ */

TEST(nvme_tells_of_a_disk)
{
	struct folder folder;
	char text[512];

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "no disk", 7);
	ck_assert_int_eq(program_run("nvme", folder.file, folder.file, text,
				     sizeof(text)),
			 1);
	ck_assert_str_eq(text, "nvme: Operation not supported\n");
	folder_close(&folder);
	if (getenv("A10_TEST_DISK") == NULL)
		SKIP("no disk");
	ck_assert_int_eq(program_run("nvme", NULL, NULL, text, sizeof(text)),
			 0);
	ck_assert_ptr_nonnull(strstr(text, "blocks of 512 bytes\n"));
}
