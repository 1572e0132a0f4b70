/*
 * checksum FILE... - prints the Adler-32 of files, 16 at a time.
 *
 * The ring reads, helper threads add up: what computes for long would keep all
 * other tasks waiting. Of each file a piece is read while the last is added.
 */
#include <a10.h>
#include <stdio.h>
#include <stdlib.h>

#define PIECE 262144

struct file {
	const char *path;
	uint32_t a, b; /* the sum */
	ssize_t err;
	unsigned char *room, *bytes; /* for two pieces, one of which was */
	ssize_t length;              /* read last, and is so long */
};

static ssize_t add(void *data)
{
	struct file *file = data;

	for (ssize_t i = 0; i < file->length; i++) {
		file->a = (file->a + file->bytes[i]) % 65521;
		file->b = (file->b + file->a) % 65521;
	}
	return 0;
}

static ssize_t add_all(struct file *file, struct a10_fd fd)
{
	struct a10_result results[2];
	struct a10_op ops[2];
	uint64_t offset = 0;
	ssize_t err;

	do {
		unsigned char *next = file->room + offset / PIECE % 2 * PIECE;

		ops[0] = a10_all(a10_pread(fd, next, PIECE, offset));
		ops[1] = a10_work(add, file);
		err = a10_await_every(ops, 2, results);
		file->bytes = next;
		file->length = results[0].value;
		offset += PIECE;
	} while (err == 0 && file->length > 0);
	return err;
}

static int checksum(void *data)
{
	struct file *file = data;
	struct a10_fd fd;

	file->a = 1;
	file->room = malloc(2 * PIECE);
	file->err = file->room ? 0 : -ENOMEM;
	if (file->err == 0)
		file->err =
			a10_await_fd(a10_open(file->path, O_RDONLY, 0), &fd);
	if (file->err == 0) {
		file->err = add_all(file, fd);
		a10_await(a10_close(fd));
	}
	free(file->room);
	return (int)file->err;
}

static int run(void *data)
{
	struct file *files = data, *file;
	struct a10_scope scope;
	int err;

	a10_scope_open(&scope, NULL, 0);
	a10_scope_set_limit(&scope, 16);
	for (file = files; file->path != NULL; file++)
		a10_scope_spawn(&scope, checksum, file, 0);
	err = (int)a10_await(a10_scope_wait(&scope));
	a10_scope_close(&scope);
	for (file = files; file->path != NULL; file++)
		printf("%04x%04x  %s%s%s\n", file->b, file->a, file->path,
		       file->err < 0 ? ": " : "",
		       file->err < 0 ? strerror((int)-file->err) : "");
	return err;
}

int main(int argc, char **argv)
{
	struct file *files = calloc((size_t)argc, sizeof(*files));
	int err;

	for (int i = 1; i < argc && files != NULL; i++)
		files[i - 1].path = argv[i];
	err = files ? a10_run(NULL, run, files) : -ENOMEM;
	free(files);
	return err < 0;
}
